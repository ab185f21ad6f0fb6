"""Which senders a code is offered to, and in which order. Pure.

``[senders]`` of ``limits.toml``: ``order`` for every country, ``by_country`` for what goes before it there, ``voice``
for codes that are read aloud. The table may name senders that an installation does not have: one policy is published
to installations that differ, so such a name is passed over.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from service.limits.model import PolicyInvalid
from service.otp.model import Channel

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_FIELDS = ("order", "by_country", "voice")
MAX_NAMES = 16


class Routed(Protocol):
    """The part of a sender that a route looks at."""

    @property
    def name(self) -> str: ...

    @property
    def channels(self) -> frozenset[Channel]: ...


_S = TypeVar("_S", bound=Routed)


@dataclass(frozen=True, slots=True)
class Routes:
    """Names of senders, the first to be tried first. ``by_country`` is keyed by ISO 3166-1 alpha-2."""

    order: tuple[str, ...] = ()
    by_country: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    voice: tuple[str, ...] = ()


def load_routes(table: Mapping[str, Any]) -> Routes:
    """Read ``[senders]``, which may be empty; :class:`PolicyInvalid` names the place that is wrong."""
    if not isinstance(table, Mapping):
        raise PolicyInvalid("senders is a table")
    if unknown := sorted(set(table) - set(_FIELDS)):
        raise PolicyInvalid(f"senders.{unknown[0][:40]} is not one of {', '.join(_FIELDS)}")
    countries = table.get("by_country", {})
    if not isinstance(countries, Mapping):
        raise PolicyInvalid("senders.by_country is a table of countries")
    for country in countries:
        if not _COUNTRY.fullmatch(country):
            raise PolicyInvalid(f"senders.by_country.{country[:40]} is not a code of two capital letters")
    return Routes(
        order=_names(table.get("order", []), "senders.order"),
        by_country=MappingProxyType(
            {country: _names(names, f"senders.by_country.{country}") for country, names in countries.items()}
        ),
        voice=_names(table.get("voice", []), "senders.voice"),
    )


def route(routes: Routes, senders: Sequence[_S], country: str | None, channel: Channel) -> tuple[_S, ...]:
    """The senders of this channel, to be tried one after another.

    First those that the routes name for the country (ISO 3166-1 alpha-2 of the number; None where it has none), then
    those of the order for all, then the others as they are given. A sender that no route names still comes, last: a
    policy that forgot it must not silence an installation that has only that one.
    """
    by_text = (*routes.by_country.get(country or "", ()), *routes.order)
    named = routes.voice if channel is Channel.VOICE else by_text
    place = {name: index for index, name in reversed(list(enumerate(named)))}
    able = [sender for sender in senders if channel in sender.channels]
    return tuple(sorted(able, key=lambda sender: place.get(sender.name, len(named))))


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise PolicyInvalid(f"{where} is a list of at most {MAX_NAMES} senders' names")
    for index, name in enumerate(value):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PolicyInvalid(f"{where}[{index}] is not a sender's name")
        if name in value[:index]:
            raise PolicyInvalid(f"{where}[{index}] stands there twice")
    return tuple(value)
