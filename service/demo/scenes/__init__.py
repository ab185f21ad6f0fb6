"""The tour's scenes: each does something to the running demo from outside, says what came back, and why."""
