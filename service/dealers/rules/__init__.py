"""Judgement on dealers: who may open a registration and how many, and how a shop stands beside its peers."""

from service.dealers.rules.admission import admit, checked, day_of, hour_of, move, quota_left, take
from service.dealers.rules.standing import (
    RISK,
    RiskParameters,
    assessed,
    quotas_of,
    shrunk,
)

__all__ = [
    "RISK",
    "RiskParameters",
    "admit",
    "assessed",
    "checked",
    "day_of",
    "hour_of",
    "move",
    "quota_left",
    "quotas_of",
    "shrunk",
    "take",
]
