"""What enters the trust store: files that one person brings and another brings into force."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.kit.errors import Kind, Refusal


class ImportKind(StrEnum):
    """What the trust store is made of."""

    MASTER_LIST = "master_list"
    CERTIFICATE = "certificate"
    CRL = "crl"


@dataclass(frozen=True, slots=True)
class TrustImport:
    """A file that one person brought and verified, and another may bring into force. All of it is public."""

    id: UUID
    kind: ImportKind
    source: str
    """Whose it is: a list replaces an older one of the same source. The root's country and name, or the certificate
    itself."""
    dated_at: datetime
    """When it was signed; a single certificate's begin."""
    digest: str
    """SHA-256 of the file, for two persons to compare."""
    count: int
    """Certificates that may certify; serial numbers that are revoked."""
    staged_by: UUID
    staged_at: datetime
    activated_by: UUID | None = None
    activation: int | None = None
    """The number of the act that first brought it into force; it stays when it is withdrawn or replaced."""
    is_in_force: bool = False


class ImportRefused(Refusal):
    """A file that does not enter the trust store; fact ``reason`` says which step failed."""

    code = "csca-import-refused"
    kind = Kind.INVALID
    title = "The file was not taken into the trust store"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail, reason=reason)
