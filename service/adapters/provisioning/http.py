"""The operator's provisioning system over HTTP; the schemas are in ``docs/ports.md``."""

import re

from service.adapters.caller import Answer, Caller, CallFailed
from service.kit.errors import JsonObject, Unavailable
from service.kit.ids import wire
from service.lines.model import (
    ActivationOrder,
    Conditions,
    ConditionsOrder,
    Done,
    Failed,
    Outcome,
    Readiness,
    SimOrder,
)

DEPENDENCY = "provisioner"
_CODE = re.compile("[a-z0-9]+(-[a-z0-9]+)*")


class HttpProvisioner:
    """:class:`service.lines.ports.Provisioner` over a :class:`Caller`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def prepare(self, order: ActivationOrder) -> Readiness:
        try:
            answer = await self._caller.post("/v1/prepare", _facts(order), reads=True)
        except CallFailed as error:
            raise Unavailable(DEPENDENCY, error.retry_after_s) from None
        ready = answer.data.get("can_receive")
        if answer.status != 200 or not isinstance(ready, bool):
            raise Unavailable(DEPENDENCY)
        return Readiness(ready)

    async def activate(self, order: ActivationOrder) -> Outcome:
        body = _facts(order) | {
            "conditions": _conditions(order.conditions),
            "ported": order.is_ported,
        }
        return await self._do("/v1/activations", body, wire("reg", order.registration_id))

    async def apply(self, order: ConditionsOrder) -> Outcome:
        body: JsonObject = {
            "operator": wire("op", order.operator_id),
            "line": wire("line", order.line_id),
            "registration": wire("reg", order.registration_id),
            "version": order.version,
            "msisdn": order.numbers.msisdn if order.numbers else None,
            "iccid": order.numbers.iccid if order.numbers else None,
            "conditions": _conditions(order.conditions),
        }
        return await self._do("/v1/conditions", body, f"{wire('line', order.line_id)}:{order.version}")

    async def change_sim(self, order: SimOrder) -> Outcome:
        change = wire("reg", order.change_id)
        body: JsonObject = {
            "operator": wire("op", order.operator_id),
            "line": wire("line", order.line_id),
            "registration": wire("reg", order.registration_id),
            "change": change,
            "msisdn": order.msisdn,
            "iccid_before": order.before,
            "iccid": order.iccid,
            "imei": order.imei,
            "form": order.form,
            "undo": order.is_undo,
        }
        return await self._do("/v1/sims", body, f"{change}:undo" if order.is_undo else change)

    async def _do(self, path: str, body: JsonObject, key: str) -> Outcome:
        try:
            return _outcome(await self._caller.post(path, body, idempotency_key=key))
        except CallFailed as error:
            return Failed(retryable=True, code=error.code)

    async def close(self) -> None:
        await self._caller.close()


def _facts(order: ActivationOrder) -> JsonObject:
    return {
        "operator": wire("op", order.operator_id),
        "registration": wire("reg", order.registration_id),
        "msisdn": order.msisdn,
        "iccid": order.iccid,
        "imei": order.imei,
        "plan": order.plan,
        "form": order.form,
    }


def _conditions(conditions: Conditions) -> JsonObject:
    return {
        "connected": conditions.connected,
        "outgoing": conditions.outgoing,
        "incoming": conditions.incoming,
        "premium": conditions.premium,
        "callees_a_day": conditions.callees_a_day,
        "emergency_and_care": conditions.emergency_and_care,
        "label": conditions.label,
    }


def _outcome(answer: Answer) -> Outcome:
    """What is neither a clear yes nor a clear no is a failure that may pass: a key that expired at the other
    end (401), a path that is not there yet (404), a repetition that still runs (409)."""
    state, retryable, code = (answer.data.get(name) for name in ("state", "retryable", "code"))
    if answer.status in (200, 201) and state == "done":
        return Done()
    if answer.status in (200, 422) and state == "failed" and isinstance(retryable, bool):
        sound = isinstance(code, str) and len(code) <= 64 and _CODE.fullmatch(code)
        return Failed(retryable, str(code) if sound else "unnamed")
    if answer.status < 400:
        return Failed(True, "unreadable-answer")
    return Failed(True, f"answered-{answer.status}")
