"""Nouns: the texts of a version, what is built from them, and a publication."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from service.documents.model import DocumentPolicy
from service.limits.model import LimitPolicy
from service.otp.model import CodePolicy
from service.reports.model import ReportPolicy
from service.response.model import ResponsePolicy
from service.risk.rules import RiskPolicy
from service.subscribers.model import RetentionPolicy

FILES = ("limits.toml", "risk.toml", "documents.toml", "retention.toml")
OPTIONAL = ("reports.toml", "response.toml")
"""Files that a version may lack, because it is older than they are: what they would say stands in the code."""
OVERLAY = "demo.toml"
MAX_BYTES = 1_000_000


class PolicyRefused(ValueError):
    """A version that cannot be used; the text says which file and why, for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of one version by file name: the files and, in demo and test mode, ``demo.toml``."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", MappingProxyType(dict(self.texts)))

    @property
    def version(self) -> str:
        """Hash of the content: the same texts are the same version, everywhere and for ever."""
        body = json.dumps(dict(self.texts), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()[:32]

    @property
    def is_overlaid(self) -> bool:
        return OVERLAY in self.texts


@dataclass(frozen=True, slots=True)
class PolicySet:
    """One version of everything. A request reads it once and records ``version``."""

    version: str
    risk: RiskPolicy
    documents: DocumentPolicy
    codes: CodePolicy
    retention: RetentionPolicy
    reports: ReportPolicy = field(default_factory=ReportPolicy)
    response: ResponsePolicy = field(default_factory=ResponsePolicy)

    @property
    def limits(self) -> LimitPolicy:
        return self.codes.limits


@dataclass(frozen=True, slots=True)
class Publication:
    """That a version came into force, the ``number``-th. Publishing an older one again is how one goes back."""

    number: int
    version: str
    published_by: str
    published_at: datetime
