"""Limits: one all-or-nothing decision over several budgets in one round trip.

A *charge* names a budget (a keyed hash, never a number or an address) and the *bucket* that it is held to.
Either every budget of the caller's own has room and all are charged, or nothing is written and the strictest
one is named. A *shared* budget counts what others did as well: when it is full, the caller's own budgets are
charged, nothing is done, and nobody outside is told (``api.md``, Refusals).

The law is Python in :mod:`service.limits.rules`; ``lua/law.lua`` transcribes it, and a test holds the two equal.
"""
