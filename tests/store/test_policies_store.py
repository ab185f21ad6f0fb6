"""Publishing and following over real PostgreSQL."""

import asyncio

import pytest

from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.policies import Policies, PolicyRefused, Sources, seed
from service.policies import store as policy_store

PLAIN = seed(demo=False)


def stricter(cap: int = 3) -> Sources:
    text = PLAIN.texts["risk.toml"].replace("\ncap = 5 ", f"\ncap = {cap} ")
    assert text != PLAIN.texts["risk.toml"]
    return Sources({**PLAIN.texts, "risk.toml": text})


async def force(db: Database, sources: Sources, by: str = "somebody") -> None:
    """Put a version into force past every gate, as another release, or an intruder, would."""
    async with db.write(None) as tx:
        await policy_store.publish(tx, sources, by)


async def test_nothing_is_decided_before_a_policy_was_loaded(db: Database) -> None:
    with pytest.raises(Unavailable):
        _ = Policies(db).current


async def test_the_seed_is_published_once_however_many_start(db: Database) -> None:
    crowd = [Policies(db) for _ in range(5)]
    await asyncio.gather(*(policies.refresh() for policies in crowd))
    assert {policies.current.version for policies in crowd} == {PLAIN.version}
    assert [p.published_by for p in await crowd[0].history()] == ["seed"]


async def test_a_published_version_reaches_another_process(db: Database) -> None:
    here, there = Policies(db), Policies(db)
    await here.refresh()
    await there.refresh()
    held = there.current
    publication = await here.publish(stricter(), "chief")
    assert here.current.risk.parameters.cap == 3
    assert there.current is held, "a request that holds a version keeps it"
    assert (await there.refresh()).version == publication.version
    assert there.current.risk.parameters.cap == 3
    assert held.risk.parameters.cap == 5


async def test_going_back_is_publishing_again(db: Database) -> None:
    policies = Policies(db)
    await policies.refresh()
    await policies.publish(stricter(), "chief")
    await policies.publish(PLAIN, "chief")
    other = Policies(db)
    assert (await other.refresh()).version == PLAIN.version
    assert [p.version for p in await other.history()] == [PLAIN.version, stricter().version, PLAIN.version]


async def test_a_version_that_cannot_be_built_is_never_published(db: Database) -> None:
    policies = Policies(db)
    await policies.refresh()
    with pytest.raises(PolicyRefused):
        await policies.publish(Sources({**PLAIN.texts, "risk.toml": "cap = 0"}), "chief")
    assert len(await policies.history()) == 1
    assert policies.current.version == PLAIN.version


async def test_an_invalid_version_never_replaces_a_good_one(db: Database) -> None:
    policies = Policies(db)
    await policies.refresh()
    await policies.publish(stricter(), "chief")
    await force(db, Sources({**PLAIN.texts, "risk.toml": "cap = 0"}))
    assert (await policies.refresh()).risk.parameters.cap == 3
    assert (await policies.refresh()).risk.parameters.cap == 3
    late = Policies(db)
    assert (await late.refresh()).risk.parameters.cap == 3, "one that starts now takes the last good one"
    await policies.publish(stricter(4), "chief")
    assert (await late.refresh()).risk.parameters.cap == 4


async def test_where_no_version_can_be_built_nothing_is_decided(db: Database) -> None:
    await force(db, Sources({**PLAIN.texts, "risk.toml": "cap = 0"}))
    policies = Policies(db)
    with pytest.raises(Unavailable):
        await policies.refresh()


async def test_a_new_seed_replaces_an_older_seed_and_nobodys_choice(db: Database) -> None:
    await force(db, stricter(), "seed")
    policies = Policies(db)
    assert (await policies.refresh()).version == PLAIN.version
    await policies.publish(stricter(), "chief")
    assert (await Policies(db).refresh()).risk.parameters.cap == 3


async def test_the_demos_overlay_lies_on_what_is_published_and_is_refused_elsewhere(db: Database) -> None:
    demo = Policies(db, demo=True)
    await demo.refresh()
    await demo.publish(stricter(), "chief")
    assert demo.current.risk.parameters.unproven_evidence == "limited"
    assert (await Policies(db, demo=True).refresh()).risk.parameters.cap == 3
    with pytest.raises(Unavailable):
        await Policies(db).refresh()


async def test_an_earlier_version_can_be_had_for_a_replay(db: Database) -> None:
    policies = Policies(db)
    await policies.refresh()
    await policies.publish(stricter(), "chief")
    old = await policies.version(PLAIN.version)
    assert old is not None
    assert old.risk.parameters.cap == 5
    assert await policies.version("0" * 32) is None


async def test_texts_that_were_altered_in_the_database_are_not_taken(db: Database) -> None:
    policies = Policies(db)
    await policies.refresh()
    async with db.write(None) as tx:
        from service.policies.tables import PolicyVersionRow

        row = PolicyVersionRow.__table__
        await tx.run(row.insert().values(version="f" * 32, sources=dict(stricter(50).texts), made_at=tx.now))
    async with db.write(None) as tx:
        from service.policies.tables import PolicyPublicationRow

        row = PolicyPublicationRow.__table__
        await tx.run(row.insert().values(version="f" * 32, published_by="intruder", published_at=tx.now))
    assert (await policies.refresh()).version == PLAIN.version


async def test_without_postgresql_it_goes_on_with_what_it_has_and_starts_without_one(
    db: Database, clock: ManualClock
) -> None:
    gone = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", clock, pool_size=1, wait_s=1)
    policies = Policies(gone)
    await policies.start()
    with pytest.raises(Unavailable):
        _ = policies.current
    await policies.stop()
    await gone.close()
    running = Policies(db)
    await running.start()
    assert running.current.version == PLAIN.version
    running._db = gone
    with pytest.raises(Unavailable):
        await running.refresh()
    assert running.current.version == PLAIN.version
    await running.stop()
    await gone.close()


async def test_the_follower_outlives_what_one_look_stumbles_over(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, reached = 0, asyncio.Event()

    async def look(self: Policies) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise RuntimeError("a bug")
        if looks == 3:
            raise Unavailable("postgresql")
        if looks == 4:
            reached.set()

    monkeypatch.setattr(Policies, "refresh", look)
    monkeypatch.setattr("service.policies.workflow.POLL_S", 0)
    policies = Policies(db)
    await policies.start()
    await reached.wait()
    await policies.stop()


async def test_test_numbers_are_neither_published_nor_taken_in_production(db: Database) -> None:
    """Published where they are allowed, they do not come into force where they are not."""
    numbers = '\n[[test_numbers]]\nnumber = "+4915112349999"\ncode = "424242"\nuntil = 2027-01-31\n'
    with_numbers = Sources({**PLAIN.texts, "limits.toml": PLAIN.texts["limits.toml"] + numbers})
    strict, allowing = Policies(db), Policies(db, allows_test_numbers=True)
    await strict.refresh()
    with pytest.raises(PolicyRefused, match="test_numbers"):
        await strict.publish(with_numbers, "chief")
    assert (await allowing.refresh()).version == PLAIN.version, "nothing was stored"
    await allowing.publish(with_numbers, "chief")
    assert allowing.current.codes.test_numbers
    assert (await strict.refresh()).version == PLAIN.version
    assert (await Policies(db).refresh()).version == PLAIN.version
    # A decision under it can still be looked at.
    old = await strict.version(with_numbers.version)
    assert old is not None
    assert old.codes.test_numbers
