"""What follows from reports: graduated action on lines, the ring behind them, strikes that decay.

Reports alone may label, and restrict after notice. What cannot be undone needs a person, and a ring two.
"""
