"""Who is told of a new line in their name: the real choice and the real quota of ``service/notices``.

What this does beside them is what two statements do there: ``settled_lines`` (``service/risk/store/owners.py``) and
``notice_take`` (``service/notices/ddl.py``).
"""

from collections import defaultdict
from uuid import UUID

from service.notices.model import NoticePolicy, Target, Way
from service.notices.rules import chosen
from service.simulation.calendar import Of, at, day_of, uid
from service.simulation.ledger import Ledger, Line

IDENTITY = ("document", "personal_number", "person")
MOST = 20
"""Lines of one operator that are told."""


class Owners:
    def __init__(self, ledger: Ledger, policy: NoticePolicy | None = None) -> None:
        self._ledger, self._policy = ledger, policy or NoticePolicy()
        self._taken: dict[tuple[str, int], dict[UUID, int]] = defaultdict(dict)

    def told(self, line: Line, day: int) -> list[Line]:
        """The lines whose holder is told of ``line``, which has just been approved; none where enough was told."""
        targets: list[Target] = []
        by_line: dict[UUID, Line] = {}
        for other in self._settled(line, day):
            by_line[other.id] = other
            contact = other.application.keys.get("contact")
            where = (uid(Of.OPERATOR, other.operator), other.registration, other.id)
            targets.append(Target(*where, Way.LINE, other.registration, f"line {other.number}"))
            if contact is not None:
                targets.append(Target(*where, Way.CONTACT, other.registration, f"contact {contact}"))
        found = chosen(targets, f"line {line.number}")
        if not found or not self._take(line, day):
            return []
        return list({id(told): told for each in found if (told := by_line[each.line])}.values())

    def _settled(self, line: Line, day: int) -> list[Line]:
        """Lines of the same papers, at whichever operator, that are old enough and share neither device nor dealer."""
        before = day_of(at(day) - self._policy.settled)
        asked, found = line.application, dict[int, Line]()
        for kind in IDENTITY:
            if kind not in asked.keys:
                continue
            for other in self._ledger.on(kind, asked.keys[kind]):
                if other.is_open and other.opened <= before and other is not line:
                    found[other.number] = other
        device = asked.keys.get("device")
        here = asked.operator
        kept = [
            each
            for _, each in sorted(found.items())
            if each.operator != here
            or (
                (device is None or each.application.keys.get("device") != device)
                and (asked.dealer is None or each.application.dealer != asked.dealer)
            )
        ]
        if len(kept) <= MOST:
            return kept
        each_operator: dict[int, list[Line]] = defaultdict(list)
        for each in kept:
            each_operator[each.operator].append(each)
        return [each for lines in each_operator.values() for each in lines[:MOST]]

    def _take(self, line: Line, day: int) -> bool:
        """At most so many new lines a day and a month are told of an identity, over all operators."""
        names = [(kind, line.application.keys[kind]) for kind in ("document", "person")
                 if kind in line.application.keys]  # fmt: skip
        about: dict[UUID, int] = {}
        for name in names:
            taken = self._taken[name]
            for old in [each for each, on in taken.items() if on <= day - 30]:
                del taken[old]
            about |= taken
        if line.id in about:
            return True
        if sum(on > day - 1 for on in about.values()) >= self._policy.day or len(about) >= self._policy.month:
            return False
        for name in names:
            self._taken[name][line.id] = day
        return True
