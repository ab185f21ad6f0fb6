"""Risk: facts become typed signals, signals become a decision that a person can read.

A registration's facts are gathered outside any transaction, its lines are counted under an advisory lock
(``workflow.Risk.count``), and a pure function (``rules.decide``) judges. A decision keeps the signals that it
saw, the version of the policy, and each rule's value and threshold, so that it can be replayed.

Holdings are this domain's own projection of who holds which lines, as blind indexes only:
``approved`` → ``live`` → ``closed``, or ``approved`` → ``released`` when it never went live.

The promise: more lines never make a verdict milder, a doubt never approves, and nobody is denied without a
person but for the few grounds of :class:`model.DenyGround`.
"""
