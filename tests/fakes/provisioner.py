"""An operator's provisioning system. It keeps the idempotency keys, and counts what it really did."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.wire import FakeServer, Request


@dataclass
class FakeProvisioner(FakeServer):
    can_receive: bool = True
    refusal: tuple[bool, str] | None = None
    """``(retryable, code)`` that new orders are refused with."""
    provisioned: Counter[str] = field(default_factory=Counter)
    """Wire id of a registration -> how often a line was brought up for it. More than 1 is a fault of ours."""
    asked: Counter[str] = field(default_factory=Counter)
    """Wire id of a registration -> how often activation was asked for, repetitions included."""
    conditions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Wire id of a line -> the order of the newest version."""
    sims: dict[str, str | None] = field(default_factory=dict)
    """Wire id of a line -> the card that it is on, as far as it was changed."""
    swapped: Counter[str] = field(default_factory=Counter)
    """Wire id of a registration -> how often a card was changed for it, undoing left out."""
    _answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        body = request.body
        if request.path == "/v1/prepare":
            return 200, {"can_receive": self.can_receive}
        if request.path == "/v1/activations":
            self.asked[body["registration"]] += 1
        if request.key is None:
            return 400, {}
        kept = self._answers.get(request.key)
        if kept is not None:
            return kept
        if self.refusal is not None:
            retryable, code = self.refusal
            return 422, {"state": "failed", "retryable": retryable, "code": code}
        if request.path == "/v1/activations":
            self.provisioned[body["registration"]] += 1
        elif request.path == "/v1/conditions":
            before = self.conditions.get(body["line"])
            if before is None or before["version"] < body["version"]:
                self.conditions[body["line"]] = body
        elif request.path == "/v1/sims":
            if not self.conditions.get(body["line"], {"conditions": {"connected": True}})["conditions"][
                "connected"
            ]:
                return 422, {"state": "failed", "retryable": False, "code": "line-not-connected"}
            self.sims[body["line"]] = body["iccid"]
            self.swapped[body["change"]] += not body["undo"]
        else:
            return 404, {}
        self._answers[request.key] = (200, {"state": "done"})
        return self._answers[request.key]
