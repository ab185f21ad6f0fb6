"""What follows after a line has gone live: complaints, reports, cases, ring actions, and what an owner is told.

A model of its own, by the numbers of ``parameters.toml``: it has no rooms with persons, drafts and appeals. The desk is
what every operator has without us: complaints about one number, counted by hand, and nothing behind it.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.simulation.ledger import LINKING, Line
from service.simulation.measures import Measure
from service.simulation.tally import Stop

if TYPE_CHECKING:
    from service.simulation.world import World


class Aftermath:
    def __init__(self, world: "World") -> None:
        self._world, self._arm, self._p = world, world.arm, world.p
        self._agenda: dict[int, list[Callable[[int], None]]] = defaultdict(list)
        kinds = LINKING if self._arm.has(Measure.OTP) else tuple(k for k in LINKING if k != "contact")
        self._kinds = kinds

    def day(self, day: int) -> None:
        for act in self._agenda.pop(day, ()):
            act(day)

    def _on(self, day: int, act: Callable[[int], None]) -> None:
        self._agenda[day].append(act)

    # ---- Reports ----------------------------------------------------------------------------------------------

    def storm(self, line: Line, day: int, reports: int, share: float) -> None:
        """Reports that come on a certain day, whoever the line belongs to."""
        self._on(day, lambda at: self.reported(line, at, reports, share))

    def reported(self, line: Line, day: int, reports: int, share: float) -> None:
        """``share`` of the reporters count for corroboration; at the desk all do."""
        if not line.is_open:
            return
        if not self._arm.has(Measure.REPORTS):
            self._complained(line, day, reports)
            return
        loop = self._p.loop
        line.counted += [day] * self._world.chance.binomial(reports, share)
        line.counted = [at for at in line.counted if at > day - loop.within_days]
        line.is_labelled = line.is_labelled or len(line.counted) >= loop.label_at
        if len(line.counted) >= loop.corroborated_at and not line.has_case:
            line.has_case = True
            self._on(day + loop.restrict_after_days, lambda _: self._restrict(line))
            self._on(day + loop.restrict_after_days + loop.case_days, lambda at: self._case(line, at))

    def _complained(self, line: Line, day: int, reports: int) -> None:
        desk = self._p.desk
        line.counted = [at for at in line.counted + [day] * reports if at > day - desk.within_days]
        if len(line.counted) >= desk.complaints and not line.has_case:
            line.has_case = True
            self._on(day + desk.acts_after_days, lambda at: self._stop(line, at, Stop.DESK, confirmed=False))

    def _restrict(self, line: Line) -> None:
        line.is_restricted = True
        self._world.tally.honest_held += not line.is_scam

    def _case(self, line: Line, day: int) -> None:
        loop = self._p.loop
        self._world.tally.cases += 1
        if self._world.chance.happens(loop.confirms_scam if line.is_scam else loop.confirms_honest):
            self._stop(line, day, Stop.REPORTS, confirmed=True)
            self._propose(line, day)
        else:
            line.is_restricted = line.is_labelled = line.has_case = False
            line.counted = []

    def _propose(self, root: Line, day: int) -> None:
        """A confirmed report goes over the links; a second person decides about what is proposed."""
        if not self._arm.has(Measure.LINKS):
            return
        loop, members, edge = self._p.loop, {id(root)}, [root]
        for _ in range(loop.hops):
            found = []
            for line in edge:
                for other in self._world.ledger.neighbours(line, self._kinds, loop.common_key):
                    if id(other) not in members:
                        members.add(id(other))
                        found.append(other)
            edge = found
            for line in found:
                self._on(day + loop.case_days, lambda at, line=line: self._join(line, at))  # type: ignore[misc]  # mypy cannot infer a lambda with a default

    def _join(self, line: Line, day: int) -> None:
        loop = self._p.loop
        share = loop.ring_confirms_scam if line.is_scam else loop.ring_confirms_honest
        if line.is_open and self._world.chance.happens(share):
            self._stop(line, day, Stop.RING, confirmed=True)

    def _stop(self, line: Line, day: int, why: Stop, *, confirmed: bool) -> None:
        if not line.is_open:
            return
        line.closed = day
        self._world.ledger.mark(line, day, confirmed=confirmed)
        stops = self._world.tally.stops if line.is_scam else self._world.tally.honest_stops
        stops[why] += 1

    # ---- The owner is told ------------------------------------------------------------------------------------

    def held_by_owner(self, line: Line, day: int) -> bool:
        """Whether the owner's answer came before service; a later one is put on the agenda."""
        if not self._arm.has(Measure.NOTICE):
            return False
        notice, application = self._p.notice, line.application
        owner = application.person if application.strategy is None else application.owner
        if owner is None or not self._is_told(owner, day):
            return False
        self._world.tally.notices += 1
        luck = application.luck[2]
        if application.strategy is None:
            if luck < notice.mistaken:
                self._world.tally.honest_held += 1
            return False
        if luck >= notice.answers:
            return False
        in_time = line.is_limited and luck < notice.answers * notice.within_hold
        if in_time and self._world.chance.happens(notice.confirms):
            self._stop(line, day, Stop.OWNER, confirmed=True)
            return True
        later = day + self._world.chance.days_until(notice.mean_days)
        self._on(later, lambda at: self._disowned(line, at))
        return False

    def _is_told(self, owner: int, day: int) -> bool:
        """Messages go to lines older than thirty days."""
        lines = self._world.ledger.on("person", owner)
        return any(each.is_open and each.opened < day - 30 and not each.is_scam for each in lines)

    def _disowned(self, line: Line, day: int) -> None:
        self._world.tally.cases += 1
        if line.is_open and self._world.chance.happens(self._p.notice.confirms):
            self._stop(line, day, Stop.OWNER, confirmed=True)
            self._propose(line, day)
