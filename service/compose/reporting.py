"""Scam reports over the registers that know reporters: lines, what lines hang on, and codes."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from service.infra.crypto import Vault
from service.infra.postgres import Database, Reader
from service.infra.redis import Redis
from service.kit.canon import IndexKind, canon
from service.limits.volatile import Limiter
from service.lines import store as lines
from service.operators.workflow import Operators
from service.otp.workflow.verifications import Verifications
from service.policies import Policies
from service.reports.model import LineFacts
from service.reports.workflow import Reports
from service.risk.store import reporters as risk
from service.subscribers.workflow import Subscribers


class KnownReporters:
    """``service.reports.ports.Reporters`` over the registers of lines and of holdings."""

    def __init__(self, vault: Vault, policies: Policies) -> None:
        self._vault = vault
        self._policies = policies

    async def lines(self, reader: Reader, numbers: Sequence[str]) -> Mapping[str, LineFacts]:
        kind = IndexKind.MSISDN
        indexes = {each: self._vault.index_all(reader.tenant, kind, canon(kind, each)) for each in numbers}
        return {
            number: LineFacts(
                line_id=line.id,
                registration_id=line.registration_id,
                subscriber_id=line.subscriber_id,
                dealer_id=line.dealer_id,
                since=line.holder_since,
                sim_changed_at=line.sim_changed_at,
                is_open=line.state.is_open,
            )
            for number, line in (await lines.current_of(reader, indexes)).items()
        }

    async def links(self, reader: Reader, registrations: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
        return await risk.shared_by(reader, registrations, self._policies.current.risk.links)


def reporting(
    db: Database,
    redis: Redis,
    vault: Vault,
    subscribers: Subscribers,
    operators: Operators,
    verifications: Verifications,
    policies: Policies,
) -> Reports:
    async def everybody() -> list[UUID]:
        return [operator.id for operator in await operators.all()]

    return Reports(
        db,
        vault,
        subscribers,
        Limiter(redis),
        KnownReporters(vault, policies),
        verifications,
        everybody,
        lambda: policies.current.reports,
        lambda: policies.current.limits,
    )
