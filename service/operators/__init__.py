"""Network operators and the clients that call us: the tenants, their systems, their keys.

An operator is a tenant; a client is one of its systems and holds at most two live keys, so that a key can
be changed without a gap; a client may be bound to a dealer. Of a key only a SHA-256 is kept.
"""
