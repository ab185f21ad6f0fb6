"""The trust store: brought by one person, brought into force by another, held in memory and followed.

Every file is verified when it is brought (:mod:`service.emrtd`): a master list and a revocation list up to a
certificate that is pinned with it or trusted already, never up to one that came along. What is kept is what was
verified; the two persons compare its digest.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from asn1crypto import pem

from service.audit.workflow import INSTALLATION, Actor, record
from service.documents.model.trust import ImportKind, ImportRefused, TrustImport
from service.documents.store import trust as store
from service.emrtd import (
    Certificate,
    Crl,
    NotTrusted,
    TrustStore,
    Unreadable,
    certificates_of,
    verified_certificate,
    verified_crl,
    verified_list,
)
from service.infra.follow import Follower
from service.infra.postgres import Database, Tx
from service.kit.ids import new_id, wire

POLL_S: Final = 5.0

log = structlog.get_logger("csca")

_WHY: Final = {
    "not-a-master-list": "It is no CSCA master list.",
    "undated": "The list does not say when it was signed.",
    "no-signer": "The certificate of its signer is not in it.",
    "digest": "It was changed after it was signed.",
    "signature": "Its signature does not verify.",
    "purpose": "Its signer may not sign master lists.",
    "algorithm": "It is signed in a way that is not allowed.",
    "unknown-root": "Nobody who is trusted signed it. Name the root with --root.",
    "expired": "Its signer does not hold now, or it is dated ahead.",
    "not-an-authority": "The certificate is no country's signing authority.",
    "country": "The link was signed by another country.",
    "same-person": "Another person must bring it into force.",
    "older": "What is or was in force of this source is as new, or newer.",
    "withdrawn": "It was withdrawn. Bring it again, for another person to trust.",
    "revocations": "Only a newer list of this source takes its place: without it the revoked pass again.",
    "known": "It was brought before.",
    "unreadable": "It is neither DER nor PEM of what it should be.",
}


def refused(reason: str) -> ImportRefused:
    return ImportRefused(reason, _WHY[reason])


def der_of(data: bytes) -> bytes:
    """A file's DER: as it is, or out of its PEM."""
    if not pem.detect(data):
        return data
    try:
        return bytes(pem.unarmor(data)[2])
    except (ValueError, TypeError):
        raise refused("unreadable") from None


class Authorities:
    """Holds one frozen :class:`TrustStore` and swaps it when the truth in PostgreSQL moved.

    Without PostgreSQL it goes on with what it has; one that never had any judges no signature (``chip.trust``).
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._current = TrustStore()
        self._version = 0
        self._follower = Follower("csca", self.refresh, POLL_S)

    @property
    def current(self) -> TrustStore:
        return self._current

    async def start(self) -> None:
        """Load, and follow from then on. Does not fail without PostgreSQL."""
        await self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    async def refresh(self) -> TrustStore:
        """Look for a change now."""
        async with self._db.read(None) as reader:
            version = await store.version(reader)
            if version == self._version:
                return self._current
            wanted = [each for each in await store.listed(reader) if each.is_in_force]
            contents = await store.contents(reader, [each.id for each in wanted])
        # A master list is a second's work: it does not stop the requests.
        built = await asyncio.to_thread(_built, [(each, contents[each.id]) for each in wanted])
        if version > self._version:  # another refresh may have taken a newer one meanwhile
            self._current, self._version = built, version
            log.info("csca.taken", version=version, certificates=built.size)
        return self._current

    async def stage(self, data: bytes, roots: Iterable[bytes], by: UUID) -> TrustImport:
        """Verify a master list or a CSCA's certificate, and keep it for another person. ``roots``: certificates that
        the caller vouches for. Raises :class:`ImportRefused`."""
        trusted = await self.refresh()
        now = self._db.clock.now()
        kept, pinned = der_of(data), [der_of(root) for root in roots]
        found = await asyncio.to_thread(_judged, kept, pinned, trusted, now, by)
        return await self._stage(found, kept)

    async def stage_crl(self, data: bytes, by: UUID) -> TrustImport:
        """Verify a revocation list by an authority that is trusted, and keep it for another person."""
        trusted = await self.refresh()
        kept = der_of(data)
        found = await asyncio.to_thread(_judged_crl, kept, trusted, self._db.clock.now(), by)
        return await self._stage(found, kept)

    async def _stage(self, found: TrustImport, content: bytes) -> TrustImport:
        async with self._db.write(INSTALLATION) as tx:
            await store.lock(tx)
            others = [each for each in await store.listed(tx) if _same(each, found)]
            if any(each.digest == found.digest and not _is_withdrawn(each) for each in others):
                raise refused("known")
            _refuse_older(found, others)
            found = replace(found, staged_at=tx.now)
            store.stage(tx, found, content)
            _audit(tx, "csca.staged", found, found.staged_by)
        return found

    async def activate(self, import_id: UUID, by: UUID) -> TrustImport:
        """Bring it into force, by another person than the one who brought it. A revocation list is verified again,
        because its authority may be trusted no more; the roots of a master list were vouched for when it came."""
        trusted = await self.refresh()
        async with self._db.write(INSTALLATION) as tx:
            await store.lock(tx)
            found = await store.load(tx, import_id)
            if found.staged_by == by:
                raise refused("same-person")
            if _is_withdrawn(found):
                raise refused("withdrawn")
            _refuse_older(found, [each for each in await store.listed(tx) if _same(each, found)])
            if found.kind is ImportKind.CRL:
                content = (await store.contents(tx, [import_id]))[import_id]
                await asyncio.to_thread(_judged_crl, content, trusted, tx.now, by)
            store.act(tx, import_id, "trust", by)
            _audit(tx, "csca.activated", found, by)
        await self.refresh()
        return replace(found, is_in_force=True, activated_by=by)

    async def withdraw(self, import_id: UUID, by: UUID) -> TrustImport:
        """Trust it no more, nor what it replaced. One person may: what it leads to is that documents go to people.
        Not so of revocations, without which documents pass: :class:`ImportRefused`."""
        async with self._db.write(INSTALLATION) as tx:
            await store.lock(tx)
            found = await store.load(tx, import_id)
            if found.kind is ImportKind.CRL:
                raise refused("revocations")
            store.act(tx, import_id, "withdraw", by)
            _audit(tx, "csca.withdrawn", found, by)
        await self.refresh()
        return replace(found, is_in_force=False)

    async def listed(self) -> list[TrustImport]:
        async with self._db.read(None) as reader:
            return await store.listed(reader)


def _same(one: TrustImport, other: TrustImport) -> bool:
    return (one.kind, one.source) == (other.kind, other.source)


def _is_withdrawn(one: TrustImport) -> bool:
    """Was in force once, and its last act is a withdrawal: another two persons may bring the same file anew."""
    return one.activation is not None and one.activated_by is None


def _refuse_older(found: TrustImport, others: Iterable[TrustImport]) -> None:
    """Nothing goes back: an old list still holds what was revoked since (``security.md`` 13). What was withdrawn
    counts as well, or one person's withdrawal would open the way back."""
    for each in others:
        is_brought_again = _is_withdrawn(each) and each.digest == found.digest
        if each.activation is not None and each.dated_at >= found.dated_at and not is_brought_again:
            raise refused("older")


def _audit(tx: Tx, action: str, what: TrustImport, by: UUID) -> None:
    record(
        tx,
        actor=Actor.staff(by),
        action=action,
        object=wire("csca", what.id),
        facts={"kind": what.kind.value, "digest": what.digest, "count": what.count},
    )


def _built(found: Iterable[tuple[TrustImport, bytes]]) -> TrustStore:
    certificates: list[Certificate] = []
    crls: list[Crl] = []
    for each, content in found:
        match each.kind:
            case ImportKind.MASTER_LIST:
                certificates.extend(certificates_of(content))
            case ImportKind.CERTIFICATE:
                certificates.append(Certificate(content))
            case ImportKind.CRL:
                crls.append(Crl(content))
    return TrustStore(certificates, crls)


def _judged(data: bytes, roots: list[bytes], trusted: TrustStore, now: datetime, by: UUID) -> TrustImport:
    try:
        pinned = [*map(Certificate, roots), *trusted.certificates]
        if _is_certificate(data):
            certificate = verified_certificate(data, TrustStore(pinned))
            source, kind = f"{certificate.country} {certificate.fingerprint[:32]}", ImportKind.CERTIFICATE
            return _import(kind, source, certificate.not_before, data, 1, by, now)
        found = verified_list(data, pinned, now)
    except NotTrusted as error:
        raise refused(error.code) from None
    except Unreadable:
        raise refused("unreadable") from None
    source = found.root.country
    return _import(ImportKind.MASTER_LIST, source, found.signed_at, data, len(found.certificates), by, now)


def _judged_crl(data: bytes, trusted: TrustStore, now: datetime, by: UUID) -> TrustImport:
    try:
        crl, authority = verified_crl(data, trusted, now)
    except NotTrusted as error:
        raise refused(error.code) from None
    except Unreadable:
        raise refused("unreadable") from None
    source = f"{authority.country} {hashlib.sha256(crl.issuer.encode()).hexdigest()[:32]}"
    return _import(ImportKind.CRL, source, crl.this_update, data, len(crl.revoked), by, now)


def _import(
    kind: ImportKind, source: str, dated_at: datetime, data: bytes, count: int, by: UUID, now: datetime
) -> TrustImport:
    digest = hashlib.sha256(data).hexdigest()
    return TrustImport(new_id(int(now.timestamp() * 1000)), kind, source, dated_at, digest, count, by, now)


def _is_certificate(data: bytes) -> bool:
    try:
        Certificate(data)
    except Unreadable:
        return False
    return True
