"""The links of a case: a ring, a bare case, and more than is drawn one by one. The present's own work draws them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from service.admin.present.links import links_page
from service.admin.store import Names
from service.admin.views.links import LinksPage
from service.risk.model import HoldingKind
from service.risk.model.links import Common, Edge, Key, LinkedLine, Neighbourhood, Ring
from service.risk.rules.links import LinkPolicy, is_common, weight

K = HoldingKind
NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
DEALER = UUID(int=42)
HOSTILE = 'D-1"><script>alert(1)</script>\u202e'
NAMES = Names({DEALER: HOSTILE}, {}, {}, {})
POLICY = LinkPolicy()


def line(n: int, hop: int, strength: int, *via: HoldingKind, **marks: bool) -> LinkedLine:
    at = NOW - timedelta(days=3 * n)
    return LinkedLine(UUID(int=n), UUID(int=900 + n), "live", at, hop, strength, via, **marks)


def key(kind: HoldingKind, idx: bytes, degree: int) -> Key:
    return Key(kind, idx, degree, weight(kind, degree, POLICY), is_common(kind, degree, POLICY))


def neighbourhood(count: int) -> Neighbourhood:
    """``count`` lines on one device and one contact, every other one's holder erased, with a friend each."""
    root = line(1, 0, 1_000)
    near = [
        line(n, 1, 675, K.DEVICE, K.CONTACT, is_stopped=n % 3 == 0, is_struck=n % 6 == 0)
        for n in range(2, count + 2)
    ]
    far = [line(n + 500, 2, 300, K.DEVICE, K.PAYMENT) for n in range(2, count + 2)]
    keys = [
        key(K.DEVICE, b"device", min(count + 1, 30)),
        key(K.CONTACT, b"contact", min(count + 1, 20)),
        key(K.DEALER, DEALER.bytes, 201),
        key(K.DOCUMENT, b"paper", 1),
        *(key(K.PAYMENT, b"card %d" % n, 2) for n in range(2, count + 2)),
    ]
    edges = [Edge(each.registration_id, K.DEVICE, b"device") for each in (root, *near)]
    edges += [Edge(each.registration_id, K.CONTACT, b"contact") for each in (root, *near)]
    edges += [
        Edge(root.registration_id, K.DEALER, DEALER.bytes),
        Edge(root.registration_id, K.DOCUMENT, b"paper"),
    ]
    for n, (one, other) in enumerate(zip(near, far, strict=True), 2):
        edges += [Edge(each.registration_id, K.PAYMENT, b"card %d" % n) for each in (one, other)]
    return Neighbourhood(root.registration_id, (root, *near, *far), tuple(keys), tuple(edges), count > 20)


def page(count: int, hops: int = 2, *, may_mark: bool = False) -> LinksPage:
    near = neighbourhood(count)
    numbers = {
        each.registration_id: None if n % 4 == 3 else f"+49151123{n:05}" for n, each in enumerate(near.lines)
    }
    ring = Ring(near.root, near.lines[: count + 1], 640, "00") if count else None
    marked = {b"contact": Common(K.CONTACT, "hostel", NOW, DEALER.hex)} if may_mark else {}
    return links_page(near, ring, hops, numbers, NAMES, POLICY, marked, may_mark=may_mark)


def bare() -> LinksPage:
    """A line whose holder was erased and that shares nothing."""
    alone = Neighbourhood(UUID(int=1), (line(1, 0, 1_000),), (), ())
    return links_page(alone, None, 1, {}, NAMES, POLICY)
