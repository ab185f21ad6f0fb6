"""Scam reports: who says what of which number, and how much that counts.

    filed -> corroborated -> confirmed | dismissed -> appealed -> confirmed | dismissed

What a reporter says is a *vote*; the votes about one line and one topic are a *report*. Enough votes that count make
it ``corroborated``; ``confirmed`` and ``dismissed`` are a person's words alone, and an appeal is decided by another
person.

Promise: every vote is kept, whatever it is worth, with the reason why. Only people whose number is proved, whose line
is a month old and who are unlinked to one another are counted. No number of a reporter is kept in any form. What is
said of another operator's line opens a case there, and the asking side sees nothing of what becomes of it.
"""
