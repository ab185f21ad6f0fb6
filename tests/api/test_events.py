"""What the pipeline tells other domains: once, with ids alone, if and only if the rows are kept."""

from typing import Any

import pytest
import sqlalchemy as sa

from service.compose import Services
from service.infra.jobs import event_of
from service.infra.postgres import Tx
from tests.api.conftest import Api
from tests.fakes.pipeline import PATH, applicant, refused


async def told(services: Services) -> list[tuple[str, dict[str, str]]]:
    """Every event that was committed, in the order of its jobs."""
    async with services.db.read(None) as reader:
        rows = await reader.all(
            sa.text("SELECT args FROM procrastinate_jobs WHERE task_name = 'event:dispatch' ORDER BY id")
        )
    events = [event_of(**row.args) for row in rows]
    return [(event.name.value, dict(event.refs)) for event in events]


async def test_a_walk_is_told_from_its_first_step(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.open()
    here = {"registration": one.uuid.hex}
    assert await told(services) == [("registration.created", here)]
    await one.show()
    await one.send()
    await one.answer()
    await one.submit()
    assert await told(services) == [
        ("registration.created", here),
        ("otp.verified", {**here, "to": "line"}),
        ("registration.approved", here),
    ]


async def test_a_replay_tells_nothing_more(api: Api, services: Services) -> None:
    for _ in range(2):
        answer = await api.post(PATH, applicant(api).body(), headers={"Idempotency-Key": "one"})
        assert answer.status_code == 201
    assert len(await told(services)) == 1


async def test_what_was_refused_or_rolled_back_is_not_told(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await applicant(api).open()
    refused(await api.post(PATH, applicant(api).body()), 409, "number-in-use")
    finish = Tx._finish

    async def breaks(self: Tx) -> Any:
        await finish(self)
        raise RuntimeError("after the jobs, before the commit")

    with monkeypatch.context() as patch:
        patch.setattr(Tx, "_finish", breaks)
        assert (await api.post(PATH, applicant(api, 2).body())).status_code == 500
    assert len((await api.get(PATH)).json()["items"]) == 1
    assert [name for name, _ in await told(services)] == ["registration.created"]
