"""Pictures by multipart: what comes in at all, what is judged, what is refused, and how a read is confirmed."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from service.audit.workflow import entries
from service.compose import Instead, Services
from service.documents.model import PictureUnreadable, RegistryAnswer
from service.infra.postgres import Database
from service.kit.canon import IndexKind
from service.kit.errors import Unavailable
from service.kit.ids import parse
from service.kit.people import person as of_utopia
from service.registration import store
from service.web.middleware import MAX_UPLOAD
from service.web.upload import AT_ONCE, AT_ONCE_PER_OPERATOR
from tests.api.conftest import Api
from tests.fakes.pipeline import Applicant, TurnableRegistry, applicant, refused
from tests.fakes.still_reader import StillReader, seen
from tests.no_face.canary import Canary

JPEG = Canary().jpeg()


@pytest.fixture
def reader() -> StillReader:
    return StillReader()


@pytest.fixture
def registry() -> TurnableRegistry:
    return TurnableRegistry(says=RegistryAnswer.NOT_AVAILABLE)


@pytest.fixture
def instead(reader: StillReader, registry: TurnableRegistry) -> Instead:
    return Instead(reader=reader, registry=registry)


@pytest.fixture
async def one(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Applicant:
    """Somebody with an open registration, where there is no temporary folder: who spools gets an error."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there-is-no-such-folder"))
    found = applicant(api)
    await found.open()
    return found


async def send(one: Applicant, picture: bytes = JPEG, **extra: Any) -> httpx2.Response:
    files = {"image": ("photo.jpg", picture, "image/jpeg")}
    return await one.api.ask("POST", f"{one.path}/documents", files=files, **extra)


async def confirm(one: Applicant, doc: str, **fields: Any) -> httpx2.Response:
    return await one.api.post(f"{one.path}/documents/{doc}/confirm", {"fields": fields})


def form(*parts: tuple[str, bytes], boundary: str = "x", end: bytes = b"--\r\n") -> dict[str, Any]:
    """A body as it is written: (head, data) of each part."""
    line = b"--" + boundary.encode()
    body = b"".join(line + b"\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
    return {
        "content": body + line + end,
        "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    }


IMAGE = 'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg'


async def test_a_picture_that_was_read_for_certain(
    one: Applicant, reader: StillReader, registry: Any
) -> None:
    reader.says = seen(*one.person.lines)
    answer = await send(one)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["kind"], body["document_type"], body["outcome"]) == ("image", "passport", "pass")
    assert body["proof"] == "consistent"
    assert {each["id"]: each["outcome"] for each in body["checks"]}["image.read"] == "pass"
    assert reader.sizes == [len(JPEG)]
    assert len(registry.asked) == 1
    shown = await one.get()
    assert shown["missing"] == ["otp"]
    assert not any(each["action"] == "confirm_document" for each in shown["next_actions"])


async def test_as_large_as_may_be_and_nothing_touches_a_disk(one: Applicant, reader: StillReader) -> None:
    reader.says = seen(*one.person.lines)
    answer = await send(one, b"\xff\xd8\xff".ljust(MAX_UPLOAD, b"\x01"))
    assert answer.status_code == 201, answer.text
    assert reader.sizes == [MAX_UPLOAD]


async def test_too_large_is_413(one: Applicant, reader: StillReader) -> None:
    refused(await send(one, b"\xff\xd8\xff".ljust(MAX_UPLOAD + 1, b"\x01")), 413, "too-large")
    assert not reader.sizes


async def test_what_does_not_come_in(one: Applicant, reader: StillReader) -> None:
    """Each way is in ``tests/unit/web/test_upload.py``; these are answered, and nothing is left."""
    path = f"{one.path}/documents"
    for body, status, code in (
        (form((IMAGE, b"GIF89a")), 415, "unsupported-media"),
        (form((IMAGE, JPEG), (IMAGE, JPEG)), 422, "biometric-refused"),
        (form(), 422, "invalid-request"),
        ({"content": JPEG, "headers": {"Content-Type": "image/jpeg"}}, 415, "unsupported-media"),
    ):
        refused(await one.api.ask("POST", path, **body), status, code)
    assert not reader.sizes
    assert (await one.get())["evidence"]["documents"] == []


async def test_nobody_uploads_without_a_key_or_to_another_route(one: Applicant, app: FastAPI) -> None:
    """The body of who has no key is not read, nor is a long one where no picture belongs."""
    answer = await send(one, headers={"Authorization": "Bearer sk_nobody"})
    refused(answer, 401, "unauthenticated")
    for path in ("/submit", "/otp"):
        files = {"image": ("a.jpg", b"\xff\xd8\xff".ljust(1024 * 1024, b"\x01"), "image/jpeg")}
        refused(await one.api.ask("POST", f"{one.path}{path}", files=files), 413, "too-large")
    assert app.state.uploads.held == 0


async def test_as_many_uploads_as_there_is_memory_for(one: Applicant, app: FastAPI) -> None:
    app.state.uploads.held = AT_ONCE
    answer = await send(one)
    assert refused(answer, 503, "unavailable")["dependency"] == "image-reader"
    assert int(answer.headers["retry-after"]) > 0
    app.state.uploads.held = 0
    app.state.uploads.by_operator[one.api.operator] = AT_ONCE_PER_OPERATOR
    assert refused(await send(one), 503, "unavailable")["dependency"] == "image-reader"
    app.state.uploads.by_operator.clear()
    assert (await send(one)).status_code != 503


async def test_what_the_reader_cannot_read(one: Applicant, reader: StillReader) -> None:
    reader.says = PictureUnreadable(["blurred"], "It is blurred.")
    body = refused(await send(one), 422, "document-unreadable")
    assert (body["advice"], body["advice_codes"]) == ("It is blurred.", ["blurred"])
    reader.says = seen("SOME OTHER", "LETTERS", advice=("too-small",))
    assert refused(await send(one), 422, "document-unreadable")["advice_codes"] == ["too-small"]
    reader.says = seen()
    assert refused(await send(one), 422, "document-unreadable")["advice_codes"] == ["no-zone"]
    reader.says = Unavailable("image-reader", 7)
    answer = await send(one)
    assert refused(answer, 503, "unavailable")["dependency"] == "image-reader"
    assert answer.headers["retry-after"] == "7"
    assert (await one.get())["evidence"]["documents"] == []


async def test_the_same_key_gives_the_same_answer_and_reads_once(one: Applicant, reader: StillReader) -> None:
    reader.says = seen(*one.person.lines)
    key = {"Idempotency-Key": "picture-1"}
    fixed = form((IMAGE, JPEG))
    headers = fixed["headers"] | key
    first = await one.api.ask("POST", f"{one.path}/documents", content=fixed["content"], headers=headers)
    second = await one.api.ask("POST", f"{one.path}/documents", content=fixed["content"], headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    other = await one.api.ask(
        "POST", f"{one.path}/documents", content=form((IMAGE, JPEG + b"!"))["content"], headers=headers
    )
    refused(other, 422, "idempotency-key-reused")
    assert len(reader.sizes) == 1


async def test_five_failed_documents_are_all(one: Applicant, reader: StillReader) -> None:
    reader.says = seen(*one.person.lines)
    wrong = {"kind": "mrz", "lines": [one.person.lines[0], one.person.lines[1][:-1] + "X"]}
    for _ in range(5):
        assert (await one.api.post(f"{one.path}/documents", wrong)).json()["outcome"] == "fail"
    assert refused(await send(one), 429, "limit-exceeded")["limit"] == "FailedDocumentsPerRegistration"
    assert not reader.sizes, "it is refused before it is read"


async def test_who_hangs_up_frees_the_reader(one: Applicant, reader: StillReader, app: FastAPI) -> None:
    """The ASGI server says so with http.disconnect, after the body."""
    reader.held = asyncio.Event()
    body = form((IMAGE, JPEG))
    gone = asyncio.Event()
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "query_string": b"",
        "path": f"{one.path}/documents", "raw_path": f"{one.path}/documents".encode(), "root_path": "",
        "headers": [
            (b"authorization", f"Bearer {one.api.key}".encode()),
            (b"content-type", b"multipart/form-data; boundary=x"),
            (b"host", b"testserver"),
        ],
        "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }  # fmt: skip
    pieces = [{"type": "http.request", "body": body["content"], "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if pieces:
            return pieces.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def answered(message: Any) -> None:
        sent.append(message)

    asking = asyncio.create_task(app(scope, receive, answered))  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        while not reader.sizes:
            await asyncio.sleep(0.005)
        gone.set()
        await asking
    assert reader.given_up == 1
    assert sent[0]["status"] == 503
    assert app.state.uploads.held == 0
    assert (await one.get())["evidence"]["documents"] == []


# A read that has to be confirmed


async def uncertain(one: Applicant, reader: StillReader, at: int = 2, to: str = "8") -> str:
    """A picture of which a character of the number was misread; the document's id."""
    line = one.person.lines[1]
    reader.says = seen(one.person.lines[0], line[:at] + to + line[at + 1 :])
    answer = await send(one)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["outcome"], body["proof"], body["reason"]) == ("refer", "none", "needs-a-person")
    return str(body["id"])


async def test_a_misread_number_is_confirmed_and_passes(
    one: Applicant, reader: StillReader, registry: TurnableRegistry, services: Services, db: Database
) -> None:
    doc = await uncertain(one, reader)
    assert not registry.asked, "what may be somebody else's number is shown to nobody"
    shown = await one.get()
    assert shown["next_actions"][0]["action"] == "confirm_document"
    answer = await confirm(one, doc, document_number=one.person.document_number)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["id"], body["kind"], body["outcome"], body["proof"]) == (doc, "image", "pass", "consistent")
    assert [each.number for each in registry.asked] == [one.person.document_number]
    assert one.person.document_number not in answer.text
    shown = await one.get()
    assert shown["evidence"]["documents"] == [{"id": doc, "outcome": "pass", "proof": "consistent"}]
    assert all(each["action"] != "confirm_document" for each in shown["next_actions"])
    async with db.read(one.api.operator) as found:
        kept = await services.documents.kept(found, parse("doc", doc))
    await one.send()
    await one.answer()
    assert (await one.submit())["decision"]["verdict"] == "approved"
    refused(await confirm(one, doc, document_number="X1"), 409, "state-conflict")
    assert kept.check.outcome == "pass"


async def test_what_was_read_and_what_was_said_are_kept_sealed_side_by_side(
    one: Applicant, reader: StillReader, services: Services, db: Database
) -> None:
    doc = await uncertain(one, reader)
    await confirm(one, doc, birth_date=one.person.birth_date.isoformat())
    answer = await confirm(one, doc, document_number=one.person.document_number, sex=one.person.sex)
    assert answer.json()["outcome"] == "pass"
    async with db.read(one.api.operator) as found:
        kept = await services.documents.kept(found, parse("doc", doc))
        person = await services.subscribers.open(found, kept.subscriber_id)
        written = [each for each in await entries(found) if each.action == "document.confirmed"]
    reading = kept.reading(person.key)
    assert reading is not None
    assert reading.lines[1][2] == "8"
    assert [sorted(each["said"]) for each in reading.corrections] == [  # type: ignore[arg-type]
        ["birth_date"],
        ["document_number", "sex"],
    ]
    facts, _ = kept.opened(person.key)
    assert facts is not None
    assert facts.number == one.person.document_number
    assert sorted(str(each.facts["fields"]) for each in written) == ["birth_date", "document_number sex"]


@pytest.mark.parametrize("has_another", [False, True], ids=["alone", "beside another"])
async def test_a_correction_that_fails_takes_its_identity_away(
    one: Applicant, reader: StillReader, services: Services, db: Database, has_another: bool
) -> None:
    """What stays is whom the document shows that is now the best one, and nobody where there is none."""

    async def known() -> tuple[Any, set[str]]:
        async with db.read(one.api.operator) as found:
            kept = await store.load(found, one.uuid)
            person = await services.subscribers.open(found, kept.subscriber_id)
            values = await services.subscribers.values(found, kept.subscriber_id)
        sealed = kept.identity
        identity = person.key.open("registration_identity", kept.id, sealed) if sealed else None
        return identity, {text for kind, text in values if kind is IndexKind.DOCUMENT}

    nationality = {"nationality": "BEL"} if has_another else {}
    patched = await one.api.ask(
        "PATCH", one.path, json={"subscriber": nationality or {"email": "a@b.example"}}
    )
    assert patched.status_code == 200, patched.text
    if has_another:
        assert (await one.show())["outcome"] == "refer"
    before = await known()
    assert (before[0] is not None) is has_another
    doc = await uncertain(one, reader)
    who = one.person
    other = of_utopia(
        who.family_name,
        who.given_names,
        who.birth_date,
        sex=who.sex,
        number="UX7777777",
        personal_number=who.personal_number,
        expiry=who.expiry,
    ).lines
    assert (await confirm(one, doc, lines=list(other))).json()["outcome"] == "refer", "it is another number"
    identity, documents = await known()
    assert documents == {identity["document"]}
    assert "UX7777777" in identity["document"]
    wrong = [other[0], other[1][:-1] + str((int(other[1][-1]) + 1) % 10)]
    assert (await confirm(one, doc, lines=wrong)).json()["outcome"] == "fail"
    assert await known() == before


async def test_a_read_that_nobody_confirmed_identifies_nobody(
    api: Api, reader: StillReader, tmp_path: Path
) -> None:
    one = applicant(api, 3)
    await one.api.post("/v1/registrations", {"msisdn": one.msisdn, "purpose": "new"})
    listed = (await api.get("/v1/registrations", params={"msisdn": one.msisdn})).json()["items"]
    one.id = listed[0]["id"]
    doc = await uncertain(one, reader)
    await one.send()
    await one.answer()
    shown = await one.get()
    assert [each["action"] for each in shown["next_actions"]] == ["confirm_document", "submit"]
    assert (await one.submit())["state"] == "in_review"
    refused(await confirm(one, doc, document_number="X1"), 409, "state-conflict")


async def test_three_corrections_and_no_more(one: Applicant, reader: StillReader) -> None:
    doc = await uncertain(one, reader)
    for _ in range(3):
        answer = await confirm(one, doc, sex="F")
        assert answer.json()["outcome"] == "refer"
    refused(await confirm(one, doc, sex="F"), 409, "state-conflict")
    reader.says = seen(*one.person.lines)
    assert (await send(one)).json()["outcome"] == "pass", "another picture may come"


async def test_only_a_read_that_waits_is_confirmed(one: Applicant, reader: StillReader) -> None:
    typed = await one.show()
    refused(await confirm(one, typed["id"], document_number="X1"), 409, "state-conflict")
    refused(await confirm(one, "doc_" + "0" * 32, document_number="X1"), 404, "not-found")
    refused(await confirm(one, "doc_0", document_number="X1"), 404, "not-found")
    other = applicant(one.api, 2)
    await other.open()
    doc = await uncertain(other, reader)
    refused(await confirm(one, doc, document_number="X1"), 404, "not-found")
    for fields in ({}, {"document_number": "#"}, {"portrait": "x"}):
        answer = await one.api.post(f"{other.path}/documents/{doc}/confirm", {"fields": fields})
        assert answer.status_code == 422, answer.text


async def test_a_confirmation_is_answered_again(one: Applicant, reader: StillReader) -> None:
    doc = await uncertain(one, reader)
    path, key = f"{one.path}/documents/{doc}/confirm", {"Idempotency-Key": "confirm-1"}
    body = {"fields": {"lines": list(one.person.lines)}}
    first = await one.api.post(path, body, headers=key)
    second = await one.api.post(path, body, headers=key)
    assert first.status_code == 200, first.text
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"


async def test_two_confirmations_at_once(one: Applicant, reader: StillReader) -> None:
    doc = await uncertain(one, reader)
    number = one.person.document_number
    answers = await asyncio.gather(*(confirm(one, doc, document_number=number) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409]


async def test_typed_data_are_compared_again_after_a_patch(one: Applicant, reader: StillReader) -> None:
    await uncertain(one, reader)
    answer = await one.api.ask("PATCH", one.path, json={"subscriber": {"family_name": "Elsewhere"}})
    assert answer.json()["evidence"]["documents"][0]["outcome"] == "refer", "still nobody said what it shows"


class TestWherePicturesAreNotRead:
    @pytest.fixture
    def instead(self) -> Instead:
        return Instead()

    @pytest.fixture
    def settings(self, settings: Any) -> Any:
        return settings.model_copy(update={"image_readers": 0})

    async def test_it_is_said(self, one: Applicant) -> None:
        body = refused(await send(one), 422, "category-not-enabled")
        assert body["category"] == "image"
