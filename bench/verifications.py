"""Codes on their own against a FastAPI route with the same body that does one one-key EVALSHA.

Requests a second, p50, p99 and CPU ms a request over loopback, as ratios to that route in the same run, with all
middleware and every bucket of the seed policy; their counts alone are raised, so that the load is not refused.

``python -m bench.verifications [--count 1500] [--connections 32]``
"""

import argparse
from statistics import median
from typing import Any

from bench.api import Connection, Measure, drive, served

EXPECTED = 0.40


def numbers(count: int) -> list[str]:
    """Numbers of many blocks and hundreds, as real traffic has them."""
    return [f"+49151{(n * 7919) % 100_000_000:08}" for n in range(1, count + 1)]


def body(number: str, n: int) -> dict[str, Any]:
    return {
        "to": number,
        "language": "de",
        "client_ref": f"order {n}",
        "device": {"fingerprint": f"phone {n}", "ip": f"203.0.{n // 250 % 250}.{n % 250}"},
    }


async def run(port: int, key: str, count: int, connections: int) -> None:
    pool = [Connection(port, key) for _ in range(connections)]
    for connection in pool:
        await connection.open()
    opened = await pool[0].ask("POST", "/bench/raise-limits")
    assert opened.status == 200, opened.body
    told = [body(number, n) for n, number in enumerate(numbers(count))]
    reference = [("POST", "/bench/one-key", each) for each in told]
    await drive("warm", pool, reference[: count // 2], 200)
    first, _ = await drive("R", pool, reference, 200)
    send, answers = await drive("send", pool, [("POST", "/v1/verifications", each) for each in told], 202)
    second, _ = await drive("R", pool, reference, 200)
    codes = (await pool[0].ask("GET", "/bench/codes")).body
    checks = [
        ("POST", f"/v1/verifications/{answer.body['id']}/check", {"code": codes[each["to"]]})
        for answer, each in zip(answers, told, strict=True)
    ]
    check, _ = await drive("check", pool, checks, 200)
    third, _ = await drive("R", pool, reference, 200)
    print(f"{count} requests each over {connections} connections; R ran before, between and after\n")
    heads = (
        ("req/s", 8),
        ("of R", 6),
        ("wanted", 7),
        ("p50 ms", 8),
        ("p99 ms", 8),
        ("CPU ms", 7),
        ("R/CPU", 6),
    )
    print(f"{'route':8} " + " ".join(f"{head:>{width}}" for head, width in heads) + f" {'SQL':>5}")
    for found, before, after in ((send, first, second), (check, second, third)):
        _row(found, before, after)
    mean = Measure(
        "R", *((a + b + c) / 3 for a, b, c in zip(_of(first), _of(second), _of(third), strict=True))
    )
    print(
        f"{'R':8} {mean.rate:8.0f} {1:6.2f} {'':7} {mean.p50:8.1f} {mean.p99:8.1f} {mean.cpu_ms:7.2f} {1:6.2f}"
        f" {mean.statements:5.1f}"
    )
    await _same_face(pool, count)
    for connection in pool:
        connection.writer.close()


async def _same_face(pool: list[Connection], count: int) -> None:
    """The time of a message that leaves against one that is held back, in turns, over one connection each."""
    told = [body(number, n) for n, number in enumerate(numbers(count + 200)[count:], count)]
    for each in told[::2]:
        assert (await pool[0].ask("POST", "/bench/block", each)).status == 200
    times: tuple[list[float], list[float]] = [], []
    for n, each in enumerate(told):
        answer = await pool[0].ask("POST", "/v1/verifications", each)
        assert answer.status == 202, answer.body
        times[n % 2].append(answer.seconds * 1000)
    held, sent = median(times[0]), median(times[1])
    print(f"\nheld back p50 {held:.2f} ms, sent p50 {sent:.2f} ms, ratio {held / sent:.2f} (wanted: about 1)")


def _of(found: Measure) -> tuple[float, ...]:
    return found.rate, found.p50, found.p99, found.cpu_ms, found.statements


def _row(found: Measure, before: Measure, after: Measure) -> None:
    rate, cpu = (before.rate + after.rate) / 2, (before.cpu_ms + after.cpu_ms) / 2
    print(
        f"{found.name:8} {found.rate:8.0f} {found.rate / rate:6.2f} {f'≥ {EXPECTED:.2f}':>7} {found.p50:8.1f}"
        f" {found.p99:8.1f} {found.cpu_ms:7.2f} {cpu / found.cpu_ms:6.2f} {found.statements:5.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    served(lambda port, key: run(port, key, given.count, given.connections))


if __name__ == "__main__":
    main()
