"""A verifier of puzzles. It has a history: puzzles are answered by people, and each answer is good once."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.wire import FakeServer, Request


@dataclass
class FakeCaptcha(FakeServer):
    """``answered`` writes its history; what was verified once is spent."""

    answers: set[str] = field(default_factory=set)
    spent: list[str] = field(default_factory=list)

    def answered(self, answer: str) -> str:
        """Somebody answered a puzzle rightly."""
        self.answers.add(answer)
        return answer

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path != "/v1/captcha/verify":
            return 404, {}
        given = request.body["token"]
        if given not in self.answers:
            return 200, {"solved": False}
        self.answers.discard(given)
        self.spent.append(given)
        return 200, {"solved": True}
