#!/usr/bin/env python3
"""Solve a proof of work that Simward asked for. Standard library only; the reference for solvers in other languages.

A send of a code may be answered by 429 with the fact

    "challenge": {"kind": "proof-of-work", "token": "AQgw…", "bits": 18, "expires_at": "…"}

Find a text of 1 to 32 visible ASCII characters with which SHA-256(token + ":" + text) begins with ``bits`` zero bits,
and send the same request again with ``"challenge": {"token": token, "solution": text}`` in its body. The token is good
for this number and this client alone, until ``expires_at``.

    python examples/solve_challenge.py TOKEN BITS      # prints the solution
"""

import hashlib
import sys
from itertools import count


def zero_bits(digest: bytes) -> int:
    """How many bits before the first one that is set."""
    return len(digest) * 8 - int.from_bytes(digest, "big").bit_length()


def solve(token: str, bits: int) -> str:
    """The first whole number that solves it: about ``2 ** bits`` tries, for 18 bits some tenths of a second."""
    start = hashlib.sha256(f"{token}:".encode())
    for n in count():
        tried = start.copy()
        tried.update(str(n).encode())
        if zero_bits(tried.digest()) >= bits:
            return str(n)
    raise AssertionError("numbers do not end")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(solve(sys.argv[1], int(sys.argv[2])))
