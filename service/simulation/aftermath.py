"""What follows after a line has gone live: complaints, reports, cases, ring actions, and what an owner is told.

Who hangs together is the real rules' (``linking.py``). Votes, days and steps are a model of its own by the numbers of
``parameters.toml``; persons are coins with a weight, and appeals are not played. The desk is what every operator has
without us: complaints about one number, counted by hand, and nothing behind it.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from service.risk.model import HoldingKind
from service.simulation.ledger import Line
from service.simulation.linking import ring
from service.simulation.measures import Measure
from service.simulation.tally import Stop

if TYPE_CHECKING:
    from service.simulation.world import World


class Aftermath:
    def __init__(self, world: "World") -> None:
        self._world, self._arm, self._p = world, world.arm, world.p
        self._agenda: dict[int, list[Callable[[int], None]]] = defaultdict(list)
        judge = world.judge
        self._links = judge.links
        # A contact number that no code proved is a claim and links nobody.
        proven = self._arm.has(Measure.OTP)
        self._kinds = frozenset(HoldingKind) - (frozenset() if proven else {HoldingKind.CONTACT})

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
        if len(line.counted) < loop.corroborated_at or line.has_case:
            return
        line.has_case = True
        begins = day + loop.restrict_after_days
        self._on(begins, lambda _: self._restrict(line))
        self._on(begins + loop.case_days, lambda at: self._case(line, at))

    def _complained(self, line: Line, day: int, reports: int) -> None:
        desk = self._p.desk
        line.counted = [at for at in line.counted + [day] * reports if at > day - desk.within_days]
        if len(line.counted) >= desk.complaints and not line.has_case:
            line.has_case = True
            self._on(day + desk.acts_after_days, lambda at: self._stop(line, at, Stop.DESK, None))

    def _restrict(self, line: Line) -> None:
        line.is_restricted = True
        self._world.tally.honest_held += not line.is_scam

    def _case(self, line: Line, day: int) -> None:
        loop = self._p.loop
        self._world.tally.cases += 1
        if self._world.chance.happens(loop.confirms_scam if line.is_scam else loop.confirms_honest):
            self._stop(line, day, Stop.REPORTS, [line])
            self._propose(line, day)
        else:
            line.is_restricted = line.is_labelled = line.has_case = False
            line.counted = []

    def _propose(self, root: Line, day: int) -> None:
        """A confirmed report goes over the links; a second person decides about what is proposed."""
        if not self._arm.has(Measure.LINKS):
            return
        members = ring(root, self._world.ledger, self._links, self._kinds)
        for line in members:
            self._on(day + self._p.loop.case_days, partial(self._join, line, [root, *members]))

    def _join(self, line: Line, members: list[Line], day: int) -> None:
        loop = self._p.loop
        share = loop.ring_confirms_scam if line.is_scam else loop.ring_confirms_honest
        if self._world.chance.happens(share):
            self._stop(line, day, Stop.RING, members)

    def _stop(self, line: Line, day: int, why: Stop, members: list[Line] | None) -> None:
        """``members`` of the ring that it was confirmed with, itself among them; None on suspicion alone. A line that
        was given up meanwhile is struck all the same."""
        struck_kinds = None
        if members is not None:
            struck_kinds = (*line.application.keys, "dealer")
        elif not line.is_open:
            return
        self._world.ledger.mark(line, day, struck_kinds)
        if line.is_open:
            line.closed = day
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
            self._stop(line, day, Stop.OWNER, [line])
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
            self._stop(line, day, Stop.OWNER, [line])
            self._propose(line, day)
