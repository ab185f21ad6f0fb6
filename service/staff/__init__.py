"""Our people: who may sign in to the console, and what each may do there.

A person is *invited* (an admin made a link), *active* (the link was used: password and second factor are set) or
*disabled*. A new link sets both afresh. Sessions live in Redis and may be lost; what decides whether one still
counts (state, role, epoch) is read from PostgreSQL with every request, so a change ends sessions at once.

Promises: a one-time code works once, also under a race; a wrong password costs a growing wait and never a
locked account; no secret is kept in clear.
"""
