"""The policy that documents are judged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from service.documents.model.codes import DocumentType


class Treatment(StrEnum):
    """What policy says of a type of document, an issuer, a specimen."""

    ACCEPT = "accept"
    REFER = "refer"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PersonalNumberRule:
    """Where a state writes its personal number: layout ``td1`` …, field ``optional`` or ``optional_2``.

    ``checked``: the number's own checksum must agree before it is taken for one.
    """

    state: str
    layout: str
    field: str
    checked: bool = True


@dataclass(frozen=True, slots=True)
class DocumentPolicy:
    """One version of ``documents.toml``; built by :func:`service.documents.rules.load_policy` alone."""

    types: Mapping[DocumentType, Treatment]
    issuers: Mapping[str, Mapping[str, Treatment]]
    """State -> type or ``all`` -> treatment, before ``types``."""
    specimens: bool
    """Whether specimens pass: the demo's and tests' policy alone."""
    specimen_numbers: frozenset[str]
    specimen_names: frozenset[tuple[str, str]]
    known_fake: Treatment
    known_fakes: frozenset[tuple[str, str]]
    """(state or empty for any, number)."""
    number_formats: Mapping[tuple[str, DocumentType], tuple[str, ...]]
    """By state and type, the patterns of which a number fits one."""
    longest_months: Mapping[DocumentType, int]
    """For which documents of a type are issued at most."""
    min_validity_days: int
    expired_grace_days: int
    max_age_years: int
    partial_names: Treatment
    personal_numbers: tuple[PersonalNumberRule, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))
        object.__setattr__(self, "issuers", MappingProxyType(dict(self.issuers)))
