"""The pipeline: an application for a line, from its first request to the line that it becomes.

States: ``collecting`` → ``approved`` | ``in_review`` | ``denied``; ``in_review`` → ``approved`` | ``denied``;
``denied`` → ``in_review`` by appeal; ``approved`` → ``active`` once provisioned; ``collecting`` → ``expired``;
``collecting``, ``in_review``, ``approved`` → ``cancelled``. ``in_review`` never expires by a timer.

Its promise: what it grants (a number, a SIM, a place under a cap) it grants once, inside one transaction
with the decision, the audit entry and the jobs that follow; and it never looks at a face.
"""
