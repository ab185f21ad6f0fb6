"""Scam reports: who says what of which number, and how much that counts.

filed → corroborated → confirmed or dismissed → appealed. A report is kept whatever it is worth; only people whose
number is proved, whose line is a month old and who are unlinked to one another are counted.
"""
