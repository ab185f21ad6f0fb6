"""How long passive and active authentication of a chip take on one core: ``python -m bench.emrtd``.

Median of the processor's time, over signatures of every kind; beside it the bare signature checks that no way of doing
it can leave out (two, by the same library), as a ratio. The bound is 8 ms; the exit code is 1 above it.
"""

import gc
from collections.abc import Callable
from statistics import median
from time import process_time

from service.emrtd import Certificate, Crl, TrustStore, answered, authenticate
from tests.fakes import authority
from tests.fakes.authority import NOW, Entity, How, Sod

BOUND_MS = 8.0
LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
KINDS = [
    How("secp256r1"),
    How("secp384r1", "sha384", spelt=True),
    How("brainpoolp256r1", spelt=True),
    How("brainpoolp384r1", "sha384", spelt=True),
    How("brainpoolp512r1", "sha512", spelt=True),
    How("secp521r1", "sha512", spelt=True),
    How("rsa2048"),
    How("rsa4096", "sha256", pss=True),
]


def cost(work: Callable[[], object], times: int = 60) -> float:
    """Milliseconds, the median."""
    found = []
    for _ in range(times):
        start = process_time()
        work()
        found.append((process_time() - start) * 1000)
    return median(found)


def bare(how: How, signature: bytes, data: bytes) -> bool:
    """One check by the library, its key at hand."""
    from service.emrtd.algorithms import signature_of
    from service.emrtd.keys import is_signed_by

    return is_signed_by(how.key.public_key(), signature_of(how.identifier()), signature, data)


def main() -> int:
    gc.disable()
    slowest = 0.0
    chip = How(which=2)
    groups = {1: authority.dg1(*LINES), 15: authority.dg15(chip)}
    for how in KINDS:
        csca = Entity(how=how)
        sod = Sod(
            csca.signer(how=How(how.kind, how.digest, how.pss, how.spelt)), groups, digest=how.digest
        ).bytes()
        trust = TrustStore([Certificate(csca.certificate())], [Crl(csca.crl(99))])
        found = cost(lambda s=sod, t=trust: authenticate(s, groups[1], groups[15], t, NOW))
        signature = how.sign(b"data")
        least = 2 * cost(lambda h=how, s=signature: bare(h, s, b"data"))
        slowest = max(slowest, found)
        name = f"{how.kind} {how.digest}{' pss' * how.pss}{' spelt out' * how.spelt}"
        print(f"{name:34} {found:6.2f} ms   {found / least:5.1f} × two bare checks ({least:.2f} ms)")
    for how, digest in ((chip, "sha256"), (How("rsa2048", which=2), "sha256")):
        dg15, answer = authority.dg15(how), authority.answer(how, bytes(8), digest)
        found = cost(lambda d=dg15, a=answer: answered(d, bytes(8), a))
        print(f"{'answer by ' + how.kind:34} {found:6.2f} ms")
    print(f"slowest {slowest:.2f} ms; bound {BOUND_MS} ms")
    return 0 if slowest <= BOUND_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())
