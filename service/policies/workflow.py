"""Publish, follow, and hold the version of the moment."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from service.infra.follow import Follower
from service.infra.postgres import Database, Reader, Tx
from service.kit.errors import NotFound, Unavailable
from service.policies import store
from service.policies.model import OVERLAY, PolicyRefused, PolicySet, Publication, Sources
from service.policies.rules import build, seed, with_overlay
from service.risk.model import RulesMoved
from service.risk.rules import RiskPolicy, silently_changed

POLL_S = 2.0
SEED = "seed"
_LOOK_BACK = 20
_KEPT = 8

log = structlog.get_logger("policies")


class Policies:
    """Holds one frozen :class:`PolicySet` and swaps it when another version is published.

    Without PostgreSQL it goes on with what it has; a process that never had one refuses to decide
    (:class:`Unavailable`) rather than fall back on milder rules. ``demo`` lays ``demo.toml`` over the seed and allows
    test numbers; ``allows_test_numbers`` allows them elsewhere.
    """

    def __init__(self, db: Database, *, demo: bool = False, allows_test_numbers: bool = False) -> None:
        self._db = db
        self._demo = demo
        self._allows_test_numbers = allows_test_numbers
        self._current: PolicySet | None = None
        self._bad: set[str] = set()
        self._risks: dict[str, RiskPolicy | None] = {}
        self._follower = Follower("policies", self.refresh, POLL_S)

    @property
    def current(self) -> PolicySet:
        """The version in force, to be read once in a request. None was ever loaded: :class:`Unavailable`."""
        if self._current is None:
            raise Unavailable("postgresql", detail="No policy could be loaded yet.")
        return self._current

    async def start(self) -> None:
        """Publish the seed where it is due, load, and follow from then on. Does not fail without PostgreSQL."""
        await self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    async def refresh(self) -> PolicySet:
        """Look for a newer version now. Seeds an installation that has none, or a newer seed over an older."""
        async with self._db.read(None) as reader:
            published = await store.newest(reader, _LOOK_BACK)
            if self._current is not None or not self._wants_seed(published):
                await self._take(reader, published)
                return self.current
        await self._sow()
        async with self._db.read(None) as reader:
            await self._take(reader, await store.newest(reader, _LOOK_BACK))
        return self.current

    async def publish(self, sources: Sources, by: str) -> Publication:
        """Bring a version into force, here at once and elsewhere within the poll. Refuses what cannot be built
        (:class:`PolicyRefused`), so that nothing unusable is ever stored. In the demo its overlay goes on top."""
        if self._demo and not sources.is_overlaid:
            sources = Sources({**sources.texts, OVERLAY: seed(demo=True).texts[OVERLAY]})
        built = self._build(sources)
        async with self._db.write(None) as tx:
            await store.lock(tx)
            for newest in await store.newest(tx):
                await self._bodies_keep_their_versions(tx, newest.version, built)
            publication = await store.publish(tx, sources, by)
        self._current = built
        return publication

    async def version(self, version: str) -> PolicySet | None:
        """An earlier version, for a replay; None where it never was. May raise :class:`PolicyRefused`."""
        if self._current is not None and self._current.version == version:
            return self._current
        async with self._db.read(None) as reader:
            sources = await store.sources(reader, version)
        if sources is None:
            return None
        return self._rebuilt(sources)

    def _rebuilt(self, sources: Sources) -> PolicySet:
        """It comes into force nowhere: what was decided under it is only looked at."""
        return build(sources, demo=self._demo or sources.is_overlaid, allows_test_numbers=True)

    async def beside(self, change: Callable[[Sources], Sources]) -> PolicySet:
        """What ``change`` makes of the texts in force, built and put into force nowhere. Raises
        :class:`PolicyRefused`."""
        current = await self.refresh()
        async with self._db.read(None) as reader:
            sources = await store.sources(reader, current.version)
        if sources is None:
            raise PolicyRefused("the version in force is not kept")
        return self._build(change(sources))

    @property
    def risk(self) -> RiskPolicy:
        return self.current.risk

    async def risk_of(self, reader: Reader, version: str) -> RiskPolicy | None:
        """The risk policy of a version, built once; None for one that never was or cannot be built any more."""
        if self._current is not None and self._current.version == version:
            return self._current.risk
        if version not in self._risks:
            while len(self._risks) >= _KEPT:
                del self._risks[next(iter(self._risks))]
            sources = await store.sources(reader, version)
            try:
                self._risks[version] = None if sources is None else self._rebuilt(sources).risk
            except PolicyRefused:
                self._risks[version] = None
        return self._risks[version]

    async def risk_text(self, reader: Reader, version: str) -> str:
        """The text of a version's ``risk.toml``. Raises NotFound."""
        found = await store.sources(reader, version)
        if found is None:
            raise NotFound()
        return found.texts["risk.toml"]

    def overlaid(self, risk: Mapping[str, Any]) -> Mapping[str, Any]:
        """``risk`` as it would be built: in the demo with the overlay on it."""
        return with_overlay("risk", risk, seed(demo=True)) if self._demo else risk

    async def publish_over(self, tx: Tx, base: str, risk_text: str, by: str) -> str:
        """Bring ``base`` with another ``risk.toml`` into force in the caller's transaction; the new version. Raises
        RulesMoved where ``base`` is not in force any more. :meth:`refresh` takes it in once it is committed."""
        await store.lock(tx)
        (newest,) = await store.newest(tx)
        sources = await store.sources(tx, base)
        if newest.version != base or sources is None:
            raise RulesMoved()
        sources = Sources({**sources.texts, "risk.toml": risk_text})
        await self._bodies_keep_their_versions(tx, newest.version, self._build(sources))
        return (await store.publish(tx, sources, by)).version

    async def _bodies_keep_their_versions(self, reader: Reader, before: str, built: PolicySet) -> None:
        """A rule that is live does not change under the version that decisions were made under."""
        try:
            kept = await store.sources(reader, before)
            risk = None if kept is None else self._build(kept).risk
        except PolicyRefused:
            risk = None  # what cannot be built decided nothing
        if risk is not None and (why := silently_changed(risk, built.risk)) is not None:
            raise PolicyRefused(f"risk.toml: {why}")

    async def history(self, count: int = 50) -> Sequence[Publication]:
        """The last publications, newest first."""
        async with self._db.read(None) as reader:
            return await store.newest(reader, count)

    def _wants_seed(self, published: Sequence[Publication]) -> bool:
        """Nothing is published yet, or only a seed that is not this release's. A person's version stays."""
        return not published or (
            published[0].published_by == SEED and published[0].version != seed(demo=self._demo).version
        )

    def _build(self, sources: Sources) -> PolicySet:
        return build(sources, demo=self._demo, allows_test_numbers=self._allows_test_numbers)

    async def _sow(self) -> None:
        sources = seed(demo=self._demo)
        self._build(sources)
        async with self._db.write(None) as tx:
            await store.lock(tx)
            if self._wants_seed(await store.newest(tx)):
                await store.publish(tx, sources, SEED)

    async def _take(self, reader: Reader, published: Sequence[Publication]) -> None:
        """Swap in the newest version that can be built; what cannot is skipped, and told once."""
        for publication in published:
            version = publication.version
            if self._current is not None and version == self._current.version:
                return
            if version in self._bad:
                if self._current is not None:
                    return
                continue
            sources = await store.sources(reader, version)
            try:
                if sources is None or sources.version != version:
                    raise PolicyRefused("the stored texts are not those of the version")
                self._current = self._build(sources)
            except PolicyRefused as error:
                self._bad.add(version)
                log.error("policy.refused", version=version, why=str(error))
                if self._current is not None:
                    return
                continue
            log.info("policy.taken", version=version)
            return
