"""Every implementation of the holder's notice, and what the messages say."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from service.adapters.sms.holder import text
from service.otp.rules.wording import wordings
from service.response.model import Notice, NoticeKind, Sent, Step
from service.response.ports import NullHolderNotice

AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
NOTICE = Notice(
    operator_id=UUID(int=1),
    action_id=UUID(int=2),
    line_id=UUID(int=3),
    kind=NoticeKind.TAKEN,
    step=Step.RESTRICT,
    reason="reported",
    begins_at=None,
    until=AT,
    may_appeal=True,
    appeal_link="https://simward.example/h/a.token",
)


@pytest.mark.parametrize("language", [*sorted(wordings()), "xx"])
@pytest.mark.parametrize("kind", list(NoticeKind))
@pytest.mark.parametrize("step", list(Step))
def test_every_step_has_its_words_and_no_place_left_open(language: str, kind: NoticeKind, step: Step) -> None:
    begins = AT if kind is NoticeKind.ANNOUNCED else None
    said = text(replace(NOTICE, kind=kind, step=step, begins_at=begins), language)
    assert said
    assert "{" not in said
    assert "reported" not in said, "the code is ours, not the holder's"


def test_a_restriction_says_until_when_and_how_to_appeal() -> None:
    assert "until 2026-09-01" in text(NOTICE, "en")
    for language in wordings():
        assert text(NOTICE, language).endswith(
            ": https://simward.example/h/a.token" if language != "zh" else "token"
        )
    assert "ppeal" not in text(replace(NOTICE, appeal_link=None), "en")
    assert "token" not in repr(NOTICE)
    announced = replace(NOTICE, kind=NoticeKind.ANNOUNCED, begins_at=AT)
    assert "from 2026-09-01 12:00 UTC" in text(announced, "en")


async def test_the_null_twin_remembers() -> None:
    twin = NullHolderNotice()
    assert await twin.send(NOTICE) == Sent()
    assert twin.sent == [NOTICE]
