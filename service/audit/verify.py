"""``simward audit verify``: recompute everything from the bodies and name the first bad entry of each chain.

It trusts the public keys it was given and the heads it was given, nothing in the database. A chain is walked
from its first number; after the first fault on the walk the rest of that chain says nothing, so it stops
there. Faults beside the walk (signatures, a missing tail, entries never sealed) are all listed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from service.audit import rules, store
from service.audit.model import (
    INSTALLATION,
    ChainReport,
    Fault,
    FaultKind,
    Head,
    Verification,
)
from service.infra.crypto import Verifier
from service.infra.postgres import Database, Reader
from service.kit.errors import NotFound
from service.kit.ids import parse

PAGE = 1_000

Expected = dict[int, dict[bytes, str]]
"""number -> link -> who says that this number has this link"""


async def verify(
    db: Database,
    operators: Iterable[UUID],
    verifier: Verifier,
    *,
    given: Sequence[Head] = (),
) -> Verification:
    """Verify the chains of ``operators``, of the installation, and of every operator that a given or anchored
    head names. ``given``: heads that were held outside (``heads.read_heads``); without any, nothing is
    anchored and a whole tail may have gone unseen."""
    now = db.clock.now()
    async with db.read(INSTALLATION) as reader:
        installation = await store.installation(reader)
        anchors = _anchors(await store.anchors(reader))
    named = {head.operator for head in given} | set(anchors)
    chains = []
    for operator in [INSTALLATION, *sorted({*operators, *named} - {INSTALLATION})]:
        async with db.read(operator) as reader:
            mine = [head for head in given if head.operator == operator]
            chain = _Chain(reader, installation, operator, verifier, now)
            chains.append(await chain.report(mine, anchors.get(operator, {})))
    return Verification(tuple(chains))


def _anchors(bodies: Iterable[str]) -> dict[UUID, dict[int, bytes]]:
    """Heads as the installation's chain has them. An unreadable body is left to that chain's own walk."""
    found: dict[UUID, dict[int, bytes]] = defaultdict(dict)
    for body in bodies:
        try:
            entry = rules.read(body)
            n, link = entry.facts["n"], entry.facts["link"]
            if isinstance(n, int) and isinstance(link, str):
                found[parse("op", entry.object)][n] = bytes.fromhex(link)
        except (rules.BadBody, KeyError, ValueError, NotFound):
            continue
    return dict(found)


class _Chain:
    """The verification of one chain in one transaction."""

    def __init__(
        self, reader: Reader, installation: UUID | None, operator: UUID, verifier: Verifier, now: datetime
    ) -> None:
        self._reader = reader
        self._installation = installation
        self._operator = operator
        self._verifier = verifier
        self._now = now
        self._faults: list[Fault] = []

    async def report(self, given: Sequence[Head], anchors: dict[int, bytes]) -> ChainReport:
        signed = await store.heads(self._reader, self._installation or INSTALLATION)
        walked = 0
        if self._installation is None:
            await self._without_installation(bool(signed or given or anchors))
            signed, given = [], []
        else:
            signed = self._genuine(signed, "a signed head")
            given = self._genuine(given, "a head held outside")
            expected: Expected = defaultdict(dict)
            for heads, source in ((given, "a head held outside"), (signed, "a signed head")):
                for head in heads:
                    expected[head.n].setdefault(head.link, source)
            for n, link in anchors.items():
                expected[n].setdefault(link, "the installation's chain")
            walked, fault = await self._walk(self._installation, expected)
            if fault is not None:
                self._faults.append(fault)
            else:
                self._tail(walked, expected)
        waiting = await store.waiting(self._reader)
        self._overdue(waiting)
        return ChainReport(
            operator=self._operator,
            sealed=walked,
            signed=max((head.n for head in signed if head.n <= walked), default=0),
            anchored=max((head.n for head in given if head.n <= walked), default=0),
            waiting=len(waiting),
            faults=tuple(self._faults),
        )

    async def _without_installation(self, is_claimed: bool) -> None:
        """No chain can begin without the installation's id; before the first seal there is none."""
        if is_claimed or await store.sealed_after(self._reader, 0, 1):
            detail = "the installation's id is gone, and seals or heads ask for it"
            self._faults.append(Fault(FaultKind.INSTALLATION_MISSING, None, None, detail))

    def _overdue(self, waiting: Sequence[tuple[UUID, datetime]]) -> None:
        overdue = [(entry_id, at) for entry_id, at in waiting if rules.is_overdue(at, self._now)]
        if overdue:
            detail = (
                f"{len(overdue)} entries were never sealed; the first is of {rules.instant(overdue[0][1])}"
            )
            self._faults.append(Fault(FaultKind.UNSEALED, None, overdue[0][0], detail))

    def _genuine(self, heads: Sequence[Head], source: str) -> list[Head]:
        """The heads that this installation signed; the first that it did not is a fault."""
        genuine = []
        for head in heads:
            text = rules.head_text(head.installation, head.operator, head.n, head.link, head.at)
            if head.installation == self._installation and self._verifier.verifies(head.signature, text):
                genuine.append(head)
        forged = [head for head in heads if head not in genuine]
        if forged:
            detail = f"{source} at {forged[0].n} is not signed by this installation"
            self._faults.append(Fault(FaultKind.SIGNATURE, forged[0].n, None, detail))
        return genuine

    async def _walk(self, installation: UUID, expected: Expected) -> tuple[int, Fault | None]:
        """The highest number up to which everything agrees, and the first fault if that is not the end."""
        n, link = 0, rules.link_zero(installation, self._operator)
        while page := await store.sealed_after(self._reader, n, PAGE):
            for sealed in page:
                fault = self._entry_fault(sealed, n + 1)
                if fault is None:
                    assert sealed.body is not None
                    want = rules.link(self._operator, sealed.n, link, rules.entry_hash(sealed.body))
                    fault = self._link_fault(sealed, want, expected.get(sealed.n, {}))
                if fault is not None:
                    return n, fault
                n, link = sealed.n, sealed.link
        return n, None

    def _entry_fault(self, sealed: store.Sealed, n: int) -> Fault | None:
        """What is wrong with one entry by itself: its number, its body, its readable columns."""
        if sealed.n != n:
            return Fault(FaultKind.NUMBER, n, None, f"number {n} is missing; {sealed.n} follows")
        if sealed.body is None:
            return Fault(FaultKind.ENTRY_MISSING, n, sealed.entry_id, "the entry of this number is gone")
        try:
            entry = rules.read(sealed.body)
        except rules.BadBody:
            return Fault(FaultKind.BODY, n, sealed.entry_id, "the body is no entry")
        said = (
            entry.actor.kind.value,
            entry.actor.id,
            entry.action,
            entry.object,
            entry.reason,
            rules.entry_hash(sealed.body),
        )
        names = ("actor_kind", "actor_id", "action", "object", "reason", "entry")
        if (entry.id, entry.operator, entry.at) != (sealed.entry_id, self._operator, sealed.entry_at):
            return Fault(FaultKind.BODY, n, sealed.entry_id, "the body belongs to another row")
        for name, column, body in zip(names, sealed.columns, said, strict=True):
            if column != body:
                detail = f"column {name} does not agree with the body"
                return Fault(FaultKind.COLUMN, n, sealed.entry_id, detail)
        return None

    @staticmethod
    def _link_fault(sealed: store.Sealed, want: bytes, expected: dict[bytes, str]) -> Fault | None:
        if sealed.link != want:
            detail = "the body was changed after it was sealed, or the chain before it was"
            return Fault(FaultKind.LINK, sealed.n, sealed.entry_id, detail)
        for link, source in expected.items():
            if link != want:
                detail = f"{source} has another link: this entry or one since the head before was replaced"
                return Fault(FaultKind.HEAD, sealed.n, sealed.entry_id, detail)
        return None

    def _tail(self, walked: int, expected: Expected) -> None:
        missing = [n for n in expected if n > walked]
        if missing:
            n = max(missing)
            source = next(iter(expected[n].values()))
            detail = f"{source} says that there are {n} entries; the chain ends at {walked}"
            self._faults.append(Fault(FaultKind.TAIL, walked + 1, None, detail))


def describe(found: Verification) -> list[str]:
    """Lines for a terminal: one a chain, one a fault, and what the result means."""
    lines = []
    for chain in found.chains:
        name = "installation" if chain.operator == INSTALLATION else f"operator {chain.operator}"
        lines.append(
            f"{'ok ' if chain.is_whole else 'BAD'} {name}: {chain.sealed} sealed, signed to {chain.signed},"
            f" anchored outside to {chain.anchored}, {chain.waiting} waiting"
        )
        for fault in chain.faults:
            where = f"entry {fault.n}" if fault.n else "chain"
            which = f" ({fault.entry_id})" if fault.entry_id else ""
            lines.append(f"    {fault.kind}: {where}{which}: {fault.detail}")
    if not any(chain.anchored for chain in found.chains):
        lines.append("No head from outside was given: a host that rewrote everything would not be noticed.")
    return lines
