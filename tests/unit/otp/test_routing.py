"""Which senders are tried for whom, and which tables say something else than a route."""

from dataclasses import dataclass
from typing import Any

import pytest

from service.limits.model import PolicyInvalid
from service.otp.model import Channel
from service.otp.rules import Routes, load_routes, route


@dataclass(frozen=True)
class Named:
    name: str
    channels: frozenset[Channel] = frozenset({Channel.SMS})


SMPP, WEBHOOK = Named("smpp"), Named("webhook")
VOICE = Named("voice", frozenset({Channel.VOICE}))
BOTH = Named("outbox", frozenset(Channel))
ALL = (SMPP, WEBHOOK, VOICE, BOTH)

TABLE = {
    "order": ["webhook", "smpp"],
    "by_country": {"DE": ["smpp"], "FR": ["outbox", "webhook"]},
    "voice": ["outbox"],
}


def tried(table: dict[str, Any], country: str | None, channel: Channel = Channel.SMS) -> list[str]:
    return [each.name for each in route(load_routes(table), ALL, country, channel)]


def test_no_table_is_the_order_of_the_settings() -> None:
    assert load_routes({}) == Routes()
    assert tried({}, "DE") == ["smpp", "webhook", "outbox"]
    assert tried({}, "DE", Channel.VOICE) == ["voice", "outbox"]


@pytest.mark.parametrize(
    ("country", "names"),
    [
        ("DE", ["smpp", "webhook", "outbox"]),
        ("FR", ["outbox", "webhook", "smpp"]),
        ("NL", ["webhook", "smpp", "outbox"]),
        (None, ["webhook", "smpp", "outbox"]),
    ],
)
def test_a_country_goes_before_the_order_and_the_order_before_the_rest(
    country: str | None, names: list[str]
) -> None:
    assert tried(TABLE, country) == names


def test_a_call_has_routes_of_its_own() -> None:
    assert tried(TABLE, "DE", Channel.VOICE) == ["outbox", "voice"]


def test_a_sender_of_another_channel_is_never_tried() -> None:
    table = {"order": ["voice", "smpp"], "voice": ["smpp", "voice"]}
    assert "voice" not in tried(table, "DE")
    assert tried(table, "DE", Channel.VOICE) == ["voice", "outbox"]


def test_a_name_that_is_not_installed_is_passed_over() -> None:
    routes = load_routes({"order": ["elsewhere", "webhook"]})
    assert route(routes, [SMPP, WEBHOOK], "DE", Channel.SMS) == (WEBHOOK, SMPP)


def test_without_senders_there_is_no_route() -> None:
    assert route(load_routes(TABLE), [], "DE", Channel.SMS) == ()


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"ordre": []}, "senders.ordre"),
        ({"order": "smpp"}, "senders.order "),
        ({"order": ["smpp", 1]}, "senders.order[1]"),
        ({"order": ["SMPP"]}, "senders.order[0]"),
        ({"order": ["smpp", "webhook", "smpp"]}, "senders.order[2]"),
        ({"order": ["a"] * 17}, "senders.order "),
        ({"voice": [""]}, "senders.voice[0]"),
        ({"by_country": ["DE"]}, "senders.by_country "),
        ({"by_country": {"de": []}}, "senders.by_country.de"),
        ({"by_country": {"DEU": []}}, "senders.by_country.DEU"),
        ({"by_country": {"DE": {}}}, "senders.by_country.DE "),
        ({"by_country": {"DE": ["no name"]}}, "senders.by_country.DE[0]"),
        ([], "senders "),
    ],
)
def test_a_wrong_table_names_its_place(table: Any, place: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load_routes(table)
    assert f"{caught.value} ".startswith(place)


def test_a_table_cannot_be_changed_after_it_was_read() -> None:
    countries = {"DE": ["smpp"]}
    routes = load_routes({"by_country": countries})
    countries["DE"].append("webhook")
    assert routes.by_country["DE"] == ("smpp",)
    with pytest.raises(TypeError):
        routes.by_country["FR"] = ()  # type: ignore[index]
