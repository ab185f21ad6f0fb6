"""A laboratory: invented people and adaptive rings walk through the real rules, with one measure after another removed.

It opens no database, no server and no network, and the same seed gives the same bytes. Nothing that comes out of it is
evidence: it says what would follow if the assumptions of ``parameters.toml`` held (``docs/simulation.md``).
"""
