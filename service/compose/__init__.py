"""What both composition roots build: every collaborator once, from the settings and a clock."""

from service.compose.building import build, rules_owner
from service.compose.codes import Guards, coded, guards, receipt_secrets, senders
from service.compose.outside import Instead, outside
from service.compose.services import RedisRefused, Services

__all__ = [
    "Guards",
    "Instead",
    "RedisRefused",
    "Services",
    "build",
    "coded",
    "guards",
    "outside",
    "receipt_secrets",
    "rules_owner",
    "senders",
]
