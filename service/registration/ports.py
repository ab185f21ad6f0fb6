"""What the pipeline needs from outside: the policy that is in force."""

from typing import Protocol

from service.documents.model import DocumentPolicy
from service.risk.rules import RiskPolicy


class PolicySet(Protocol):
    """One immutable version of all policies."""

    @property
    def version(self) -> str: ...
    @property
    def risk(self) -> RiskPolicy: ...
    @property
    def documents(self) -> DocumentPolicy: ...


class CurrentPolicy(Protocol):
    """A request reads one version, once, and records it."""

    @property
    def current(self) -> PolicySet: ...
