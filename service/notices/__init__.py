"""Notices to holders: a line was registered in your name. "Not mine" holds it for a person and never closes it.

The text names no person, no number and no operator; the link works once and looking changes nothing.
"""
