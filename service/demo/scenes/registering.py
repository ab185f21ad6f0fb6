"""Scenes of registering: a line in seconds, a forged digit, a selfie, fifty at once."""

import asyncio
import secrets
import struct
import time
import zlib
from collections import Counter
from datetime import date, timedelta

from service.demo.scenes.theatre import NotAsTold, Theatre, number, somebody
from service.kit.clock import SystemClock
from service.kit.people import InventedPerson, person

ANNA_WITHIN_S = 20.0
AT_ONCE = 50
UNPROVEN_LINES = 2
"""The demo's policy for papers that prove nothing (``service/policy/risk.toml``, ``unproven_lines``)."""


def anna() -> InventedPerson:
    born = date(1991, 4, 17)
    return person(
        "Vesterholm",
        "Anna Linnea",
        born,
        sex="F",
        number=f"UA{secrets.randbelow(10**7):07}",
        personal_number=f"{born:%y%m%d}{secrets.randbelow(10**4):04}",
        expiry=SystemClock().now().date() + timedelta(days=1800),
    )


async def anna_is_live(here: Theatre) -> str:
    """From nothing to an active line."""
    who, msisdn = anna(), number()
    began = time.perf_counter()
    path = await here.evidence(who, msisdn, {"device": {"fingerprint": secrets.token_hex(8)}}, say=True)
    decided = await here.done("POST", f"{path}/submit", {})
    here.voice.came(f"{decided['decision']['verdict']}, assurance {decided['decision']['assurance']}")
    state = await _until_active(here, path)
    took = time.perf_counter() - began
    line = await here.done("GET", f"/v1/lines/{msisdn}")
    here.anna = {
        "person": who,
        "number": msisdn,
        "path": path,
        "registration": decided["id"],
        "line": line["id"],
    }
    here.voice.came(
        f"the registration is {state}, the line {line['state']}; {took:.1f} s from the first call"
    )
    here.voice.why(
        "Document, possession of the SIM and behaviour were enough. Typed papers prove little, so the line is on"
        " probation, and these papers get two lines at most."
    )
    here.page(f"/admin/review/{decided['id']}")
    if line["state"] != "active" or took > ANNA_WITHIN_S:
        raise NotAsTold(f"the line is {line['state']} after {took:.1f} s")
    return f"Anna is live in {took:.1f} s."


async def _until_active(here: Theatre, path: str) -> str:
    """The worker brings the line up."""
    here.voice.step(f"GET {path} until the worker has brought the line up")
    state = ""
    for _ in range(100):
        found = await here.done("GET", path, say=False)
        state = str(found["state"])
        if state not in ("approved", "collecting"):
            return state
        await asyncio.sleep(0.2)
    raise NotAsTold(f"the registration is still {state}")


async def forged_digit(here: Theatre) -> str:
    """One digit of the document number is changed, as a forger without a pocket calculator would."""
    who = somebody()
    first, second = who.lines
    forged = second[:5] + str((int(second[5]) + 1) % 10) + second[6:]
    here.voice.step(f"{second}  her passport")
    here.voice.step(f"{forged}  what is sent")
    made = await here.done("POST", "/v1/registrations", {"msisdn": number(), "purpose": "new"})
    path = f"/v1/registrations/{made['id']}"
    document = await here.done("POST", f"{path}/documents", {"kind": "mrz", "lines": [first, forged]})
    failed = [check for check in document["checks"] if check["outcome"] == "fail"]
    here.voice.came(f"the document is judged: {document['outcome']}")
    for check in failed:
        here.voice.came(f"{check['id']}: {check['detail']}")
    here.voice.why(
        "The zone carries check digits over the number, the dates and the whole. Whoever can compute them passes"
        " this check; that is why a typed zone grants so little."
    )
    here.page(f"/admin/review/{made['id']}")
    if document["outcome"] != "fail" or "mrz.document_number_digit" not in {check["id"] for check in failed}:
        raise NotAsTold(f"the document was judged {document['outcome']}, failed: {failed}")
    await here.done("POST", f"{path}/cancel", say=False)
    return "A forged digit: refused, and the check is named."


def _blurred(width: int = 640, height: int = 480) -> bytes:
    """A grey PNG in which nothing can be recognised: a bright spot. It stands for any picture without a document."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (
        bytes(
            max(40, 230 - (abs(x - width // 2) + abs(y - height // 2)) * 255 // width) for x in range(width)
        )
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def selfie(here: Theatre) -> str:
    """A picture without a document is offered: as a picture of one, and as a field of its own."""
    made = await here.done("POST", "/v1/registrations", {"msisdn": number(), "purpose": "new"})
    path = f"/v1/registrations/{made['id']}"
    here.voice.step(f"POST {path}/documents  image=@selfie.png")
    picture = {"image": ("selfie.png", _blurred(), "image/png")}
    answer = await here.http.post(f"{path}/documents", files=picture)
    code = answer.json().get("code")
    here.voice.came(f"{answer.status_code} {code}: {answer.json().get('detail')}")
    again = await here.ask("POST", f"{path}/documents", {"kind": "mrz", "lines": ["P<UTO"], "selfie": "…"})
    here.voice.came(f"{again.status} {again.code}")
    here.voice.why(
        "There is no door for a face, a finger or a voice. A picture is looked at for the lines of a document; without "
        "them nothing of it is read or kept."
    )
    here.page(f"/admin/review/{made['id']}")
    if (answer.status_code, code) != (422, "document-unreadable") or again.code != "biometric-refused":
        raise NotAsTold(f"the picture got {answer.status_code} {code}, the field {again.status} {again.code}")
    await here.done("POST", f"{path}/cancel", say=False)
    return "A selfie: refused."


async def fifty_at_once(here: Theatre) -> str:
    """Fifty registrations on one document, all submitted in the same moment."""
    who = somebody()
    here.voice.step(
        f"{AT_ONCE} registrations on one passport, each with a number and a verified code of its own"
    )
    gate = asyncio.Semaphore(8)

    async def ready() -> str:
        async with gate:
            return await here.evidence(who, number())

    paths = await asyncio.gather(*(ready() for _ in range(AT_ONCE)))
    here.voice.step(f"POST /v1/registrations/…/submit, {AT_ONCE} times in parallel")
    answers = await asyncio.gather(*(here.ask("POST", f"{path}/submit", {}, say=False) for path in paths))
    refused = [answer for answer in answers if answer.status != 200]
    if refused:
        raise NotAsTold(f"{len(refused)} submits were refused: {refused[0].status} {refused[0].code}")
    told = Counter(answer.body["decision"]["verdict"] for answer in answers)
    here.voice.came(", ".join(f"{count} {verdict}" for verdict, count in sorted(told.items())))
    rest = next(answer for answer in answers if answer.body["decision"]["verdict"] != "approved")
    here.voice.came(f"{_rule(rest.body)}")
    here.voice.why(
        f"The cap is taken, not read: each decision counts again under a lock on the identity. Nothing proves this"
        f" passport, so it gets {UNPROVEN_LINES} lines; where a registry or a chip confirms it, 5."
    )
    here.page(f"/admin/review/{rest.body['id']}")
    await asyncio.gather(*(_cancel(here, answer.body["id"]) for answer in answers if _waits(answer.body)))
    if told["approved"] > UNPROVEN_LINES or told["approved"] == 0:
        raise NotAsTold(f"{told['approved']} of {AT_ONCE} were approved")
    return f"Fifty at once: {told['approved']} approved, {AT_ONCE - told['approved']} not."


def _waits(registration: dict[str, object]) -> bool:
    return registration["state"] == "in_review"


async def _cancel(here: Theatre, registration: str) -> None:
    """So that the review queue is not full of the tour."""
    await here.done("POST", f"/v1/registrations/{registration}/cancel", say=False)


def _rule(registration: dict[str, object]) -> str:
    decision = registration["decision"]
    assert isinstance(decision, dict)
    reason = decision["reasons"][0]
    return f"{decision['verdict']} by {reason['rule']}: {reason['staff']}"
