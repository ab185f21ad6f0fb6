"""Shops that open registrations, and the agents in them.

A dealer is ``active``, ``paused`` (by its own wish or ours, for a while) or ``suspended`` (for cause). Only
an active one opens registrations, and never more in an hour or a day than its quotas say, however many
ask at once. Both are counted in the transaction that opens the registration.
"""
