"""ECDSA over the curves that the library does not have: brainpoolP224r1 and brainpoolP320r1, which states signed with
in the first years. Verification alone, of public data alone, so that nothing here needs constant time.

ANSI X9.62 / SEC 1, 4.1.4. About 10 ms.
"""

from dataclasses import dataclass

from asn1crypto import algos

from service.emrtd.algorithms import hashed
from service.emrtd.curves import Curve

Point = tuple[int, int] | None
"""None is the point at infinity."""


@dataclass(frozen=True, slots=True)
class PlainKey:
    """A public key; ``point`` is on the curve, whose cofactor is 1, so it has the right order."""

    curve: Curve
    point: tuple[int, int]

    def verify(self, signature: bytes, data: bytes, digest: str) -> bool:
        """``signature``: the DER of r and s."""
        try:
            parsed = algos.DSASignature.load(signature, strict=True)
            r, s = int(parsed["r"].native), int(parsed["s"].native)
        except (ValueError, TypeError, KeyError):
            return False
        curve = self.curve
        if not (0 < r < curve.n and 0 < s < curve.n):
            return False
        value = hashed(digest, data)
        e = int.from_bytes(value, "big") >> max(0, 8 * len(value) - curve.bits)
        inverse = pow(s, -1, curve.n)
        found = self._combined(e * inverse % curve.n, r * inverse % curve.n)
        return found is not None and found[0] % curve.n == r

    def _combined(self, u: int, v: int) -> Point:
        """u·G + v·Q, both at once (Shamir)."""
        base: Point = (self.curve.x, self.curve.y)
        sums = (None, base, self.point, self._add(base, self.point))
        found: Point = None
        for bit in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
            found = self._add(found, found)
            found = self._add(found, sums[(u >> bit & 1) | (v >> bit & 1) << 1])
        return found

    def _add(self, one: Point, other: Point) -> Point:
        if one is None or other is None:
            return other if one is None else one
        p, (x1, y1), (x2, y2) = self.curve.p, one, other
        if x1 == x2:
            if (y1 + y2) % p == 0:
                return None
            slope = (3 * x1 * x1 + self.curve.a) * pow(2 * y1, -1, p)
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, p)
        x = (slope * slope - x1 - x2) % p
        return x, (slope * (x1 - x) - y1) % p
