"""The register of what was done, by whom and why: insert-only, chained, signed, provable outside the host.

An entry is written in the transaction of the act itself, so that an act without an entry does not exist.
A sealer numbers committed entries afterwards, links them by hashes, signs the head of each chain and carries
heads out of the host. States of an entry: written -> sealed (within a second) -> signed (within a minute of
the next signature) -> anchored (once a head at or after it is held outside).

Promise: who alters, removes, reorders or adds behind a head that is held outside is found by ``verify``,
which names the first bad entry. It does not resist a host that lies before it writes, nor changes after the
last head that is held outside.

An operator has a chain; the installation has one of its own, under the operator id ``INSTALLATION``.
"""
