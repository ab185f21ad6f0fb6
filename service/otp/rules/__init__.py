"""Judgement about codes, pure: who may be sent one, what the message says, how long it is."""

from service.otp.rules.notices import KEPT, name_of, next_try, price_of
from service.otp.rules.pages import RIGHT_TO_LEFT, language_of, pages
from service.otp.rules.policy import destination, load_policy, may_receive, seed_policy
from service.otp.rules.routing import load_routes, route
from service.otp.rules.wording import (
    FALLBACK,
    OPERATOR_CHARACTERS,
    card_notice,
    compose,
    sms_parts,
    spoken_in,
    wordings,
)

__all__ = [
    "FALLBACK",
    "KEPT",
    "OPERATOR_CHARACTERS",
    "RIGHT_TO_LEFT",
    "card_notice",
    "compose",
    "destination",
    "language_of",
    "load_policy",
    "load_routes",
    "may_receive",
    "name_of",
    "next_try",
    "pages",
    "price_of",
    "route",
    "seed_policy",
    "sms_parts",
    "spoken_in",
    "wordings",
]
