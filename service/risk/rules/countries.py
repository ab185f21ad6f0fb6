"""Caps, windows and spacing by country: what the law of a number's country says of its own numbers.

The country is the number's, not the document's: caps are laws of the network that gives the number out, and they
bind a foreigner there as everybody else. Besides, the operator chooses the number, and the applicant the document.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from service.kit.msisdn import REGIONS
from service.risk.model import RuleError
from service.risk.rules.policy import BY_COUNTRY, Parameters


def load_countries(
    given: Mapping[str, Any],
    parameters: Parameters,
    checked: Callable[[Mapping[str, Any], str], Parameters],
) -> Mapping[str, Parameters]:
    """``{country: {parameter: value}}`` laid over ``parameters``, each whole set ``checked``.

    :class:`RuleError` for what is no country, or no parameter that a country may set.
    """
    found: dict[str, Parameters] = {}
    for country, own in given.items():
        place = f"countries.{country}"
        if country not in REGIONS:
            raise RuleError(f"{place}: is no ISO 3166-1 alpha-2 code that numbers have")
        if not isinstance(own, Mapping) or not own:
            raise RuleError(f"{place}: a table of parameters is needed")
        for name in own:
            if name not in BY_COUNTRY:
                raise RuleError(f"{place}: {name} is not set by country")
        found[country] = checked({**asdict(parameters), **own}, place)
    return MappingProxyType(found)
