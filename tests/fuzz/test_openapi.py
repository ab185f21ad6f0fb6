"""Every operation of the OpenAPI, with what its schema allows and with what it does not, against the real
application: no 500, and every answer as the document says. A fixed seed; ids of real registrations in every state."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.app import create_app
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.people import invent
from service.operators.workflow import Operators
from service.settings import Mode, Settings
from service.web.auth import Scope
from tests.conftest import START, Backend
from tests.fakes.processes import code_in

EXAMPLES = 25
"""For each operation and each way of making cases."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


NUMBERS = (f"+49151123{turn:05}" for turn in range(50_000, 99_999))
GOOD: dict[str, Any] = {
    "msisdn": lambda: next(NUMBERS),
    "contact_msisdn": lambda: "+31612000001",
    "purpose": lambda: "new",
    "iccid": lambda: None,
    "imei": lambda: "490154203237518",
    "dealer": lambda: None,
    "agent": lambda: None,
    "family_name": lambda: "Jansen",
    "given_names": lambda: "Anna Maria",
    "birth_date": lambda: "1974-08",
    "email": lambda: "anna@example.org",
    "locality": lambda: "Berlin",
    "postal_code": lambda: "10115",
    "ip": lambda: "203.0.113.7",
    "fingerprint": lambda: "a phone",
    "token": lambda: "a token",
    "service_until": lambda: "2027-01-01T00:00:00Z",
    "until": lambda: None,
    "holder": lambda: {"kind": "person"},
    "text": lambda: "Please look again.",
    "note": lambda: "Three people called.",
    "reason": lambda: "scam",
    "channel": lambda: None,
    "challenge_id": lambda: None,
    "to": lambda: next(NUMBERS),
    "challenge": lambda: None,
    "language": lambda: "de",
    "code": lambda: "123456",
}
"""What a schema alone does not lead to: numbers that exist, names, days that have been."""


def mended(body: Any) -> Any:
    """The body with sensible values in the fields that it has; what is then None is left out."""
    if isinstance(body, dict):
        found = {
            name: GOOD[name]() if name in GOOD and value not in ("line", "contact") else mended(value)
            for name, value in body.items()
        }
        return {name: value for name, value in found.items() if value is not None}
    return [mended(value) for value in body] if isinstance(body, list) else body


@dataclass
class Running:
    """The application under uvicorn, in a thread and an event loop of its own."""

    settings: Settings
    clock: ManualClock
    url: str = ""
    document: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> "Running":
        self.app = create_app(self.settings, self.clock)
        self.document = self.app.openapi()
        config = uvicorn.Config(self.app, port=0, log_config=None, access_log=False, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def running(
    backend: Backend, keys_dir: Path, clock: ManualClock, db: Database, redis: Redis
) -> Iterator[Running]:
    with Running(
        Settings(
            mode=Mode.TEST,
            database_url=backend.servers.app_url,
            redis_url=backend.servers.redis_url,
            keys_dir=keys_dir,
            sender="outbox",
            log_level="error",
        ),
        clock,
    ) as started:
        yield started


@pytest.fixture
async def key(db: Database, operator: UUID) -> str:
    operators = Operators(db)
    return (await operators.create_key(await operators.by_slug("demo"), "fuzz", list(Scope))).text


def session_of(key: str) -> Any:
    import requests

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    session.trust_env = False
    return session


def verified(running: Running, session: Any) -> list[str]:
    """Verifications that wait, that were verified, and that were guessed at too often."""
    made = []
    for turn in range(9):
        number = f"+49151{20_000_000 + turn * 20_011}"
        answer = session.post(f"{running.url}/v1/verifications", json={"to": number, "client_ref": "r"})
        assert answer.status_code == 202, answer.text
        made.append(answer.json()["id"])
        path = f"{running.url}/v1/verifications/{made[-1]}/check"
        outbox = session.get(f"{running.url}/dev/outbox", params={"to": number})
        code = code_in(outbox.json()[0]["text"])
        if turn % 3 == 1:
            assert session.post(path, json={"code": code}).status_code == 200
        for guess in range(5 if turn % 3 == 2 else 0):
            session.post(path, json={"code": f"{(int(code) + guess + 1) % 1_000_000:06}"})
    return made


def prepared(running: Running, session: Any) -> dict[str, list[str]]:
    """Registrations in many states and a line, to be found under real ids."""
    made: dict[str, list[str]] = {"registration_id": [], "msisdn": ["+4915112340000"]}
    made["verification_id"] = verified(running, session)
    for turn in range(12):
        person = invent(Random(turn), START.date())
        body = {"msisdn": f"+4915112340{turn:03}", "purpose": "new", "subscriber": person.subscriber()}
        answer = session.post(f"{running.url}/v1/registrations", json=body)
        assert answer.status_code == 201, answer.text
        made["registration_id"].append(answer.json()["id"])
        path = f"{running.url}/v1/registrations/{answer.json()['id']}"
        if turn % 3 == 0:
            continue
        session.post(f"{path}/documents", json={"kind": "mrz", "lines": list(person.lines)})
        sent = session.post(f"{path}/otp", json={"to": "line"})
        assert sent.status_code == 202, sent.text
        if turn % 3 == 1:
            continue
        outbox = session.get(f"{running.url}/dev/outbox", params={"to": body["msisdn"]})
        words = outbox.json()[0]["text"].replace(".", " ").replace(":", " ").split()
        code = next(word for word in words if len(word) == 6 and word.isdigit())
        assert session.post(f"{path}/otp/check", json={"code": code}).status_code == 200
        if turn % 2:
            assert session.post(f"{path}/submit", json={}).status_code == 200
        else:
            assert session.post(f"{path}/cancel", json={}).status_code == 200
    return made


async def test_the_application_is_what_its_document_says(running: Running, key: str) -> None:
    with session_of(key) as session:
        made = await asyncio.to_thread(prepared, running, session)
        await asyncio.to_thread(fuzz, running, session, made)


def fuzz(running: Running, session: Any, made: dict[str, list[str]]) -> None:
    schema = schemathesis.openapi.from_dict(running.document)
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        if not operation.path.startswith(("/v1/", "/healthz", "/readyz", "/dev/")):
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _one(running, session, made, operation, mode, seen)
            except Unsatisfiable:
                continue  # nothing can be wrong about it: no body, no parameter
            except (Exception, FailureGroup) as error:  # noqa: BLE001  the next operation is looked at all the same
                causes = "; ".join(str(cause) for cause in getattr(error, "exceptions", [error]))
                wrong.append(f"{operation.method.upper()} {operation.path} ({mode.value}): {causes[:1500]}")
    assert not wrong, "\n\n".join(wrong)
    # It got past the door: not everything was refused, and every sort of answer was seen.
    for status in ("200", "201", "404", "409", "422"):
        assert any(name.endswith(status) for name in seen), seen
    assert seen["POST /v1/registrations 201"] >= 5, seen
    for answer in (
        "POST /v1/verifications 202",
        "GET /v1/verifications/{verification_id} 200",
        "POST /v1/verifications/{verification_id}/check 410",
        "POST /v1/verifications/{verification_id}/check 404",
        "POST /v1/verifications/{verification_id}/resend 409",
        "POST /v1/verifications/{verification_id}/resend 429",
        "POST /v1/verifications/{verification_id}/check 422",
    ):
        assert seen[answer] >= 1, (answer, seen)


def _one(
    running: Running, session: Any, made: dict[str, list[str]], operation: Any, mode: Any, seen: Counter[str]
) -> None:
    real = {name: st.sampled_from(values) for name, values in made.items()}

    @seed(20261123)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode), ids=st.fixed_dictionaries(real), pick=st.booleans()
    )
    def check(case: Any, ids: dict[str, str], pick: bool) -> None:
        if pick:
            for name in set(ids) & set(case.path_parameters or {}):
                case.path_parameters[name] = ids[name]
            if mode is GenerationMode.POSITIVE:
                case.body = mended(case.body)
        response = case.call(base_url=running.url, session=session)
        seen[f"{operation.method.upper()} {operation.path} {response.status_code}"] += 1
        case.validate_response(response, checks=CHECKS)

    check()
