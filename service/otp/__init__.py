"""One-time codes: proof that somebody holds a SIM card, never proof of who they are.

A *challenge* is bound to operator, registration, purpose, target (the line or the contact) and number. It is
``live`` until it is used, guessed at five times (``exhausted``), superseded by the next one to the same
target, ten minutes old, or ``withdrawn`` because no sender took the message.

The promise: the code exists in the message and in the head of its reader alone. Redis keeps a keyed digest;
no job, log, answer or table ever holds it. Charging, comparing and burning are one script, so a code is
verified once however many ask at the same time. The right answer leaves a *proof* in Redis until it stands
in PostgreSQL: what was verified is not lost with a connection.
"""
