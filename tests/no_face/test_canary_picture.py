"""A picture goes in by every field and every container; no part of it may be anywhere afterwards, in any form."""

import json
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Api
from tests.no_face.canary import Canary
from tests.no_face.samples import BODIES, leaves, objects, operations, replaced, strings
from tests.no_face.sweep import Sweep

MEDIA = {
    "image/jpeg": Canary.jpeg,
    "image/png": Canary.png,
    "application/octet-stream": Canary.jpeg,
    "application/json": Canary.jpeg,
    "text/plain": Canary.png,
    "": Canary.jpeg,
}


class Smuggler:
    """Sends canaries to one application and remembers what it answered."""

    def __init__(self, api: Api, canary: Canary) -> None:
        self.api = api
        self.canary = canary
        self.needles = canary.needles()
        self.sent = 0
        self.taken = 0
        self._msisdn = 15_550_000_000

    async def send(self, verb: str, path: str, **extra: Any) -> httpx2.Response:
        answer = await self.api.http.request(verb, path, **extra)
        self.sent += 1
        self.taken += answer.status_code < 300
        assert answer.status_code < 500, (answer.status_code, verb, path, str(extra)[:200], answer.text)
        body = answer.content + str(answer.headers).encode()
        echoed = [name for name, needle in self.needles.items() if needle in body]
        assert not echoed, (verb, path, echoed, answer.text[:500])
        return answer

    def number(self) -> str:
        self._msisdn += 1
        return f"+49{self._msisdn}"

    async def registration(self) -> str:
        answer = await self.send(
            "post", "/v1/registrations", json={"msisdn": self.number(), "purpose": "new"}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def path(self, template: str) -> str:
        """A fresh registration for each request to one: an earlier canary that was taken must not shield the next."""
        if "{registration_id}" in template:
            return template.replace("{registration_id}", await self.registration())
        return template.replace("{msisdn}", "+4915112345678")


@pytest.fixture
async def smuggler(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smuggler:
    """There is no temporary folder: whoever would spool to a file gets an error, and the test a 500."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there-is-no-such-folder"))
    return Smuggler(api, Canary())


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def test_the_canary_is_found_in_every_form() -> None:
    """The needles see what they are for: each form of the picture, and any 64 bytes cut out of it."""
    canary = Canary()
    needles = canary.needles()
    for form, text in canary.forms():
        assert any(needle in text.encode() for needle in needles.values()), form
        if "deflate" not in form and form not in ("\\u", "lines of 40"):  # those are longer than the cut
            cut = text[len(text) // 2 : len(text) // 2 + 80]
            assert any(needle in cut.encode() for needle in needles.values()), form
    for picture in (canary.jpeg(), canary.png()):
        assert picture.count(canary.token) >= 40
    assert canary.jpeg().count(canary.token) >= 80, "once in the scan, once in the thumbnail"
    assert not any(needle in Canary().jpeg() for needle in needles.values())


def test_every_field_of_the_interface_has_a_sample(document: dict[str, Any]) -> None:
    """A field that is added to the OpenAPI gets a canary, or this fails."""
    for name, _, _, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            wanted = {pointer for pointer, _ in strings(document, content["schema"])}
            given = {
                "".join(f"/{'-' if isinstance(step, int) else step}" for step in path)
                for body in BODIES[name]
                for path in leaves(body)
            }
            assert wanted <= given, (name, wanted - given)


def _cut(text: str, most: int | None) -> str:
    """As much of its middle as the field takes; in full where any length is taken."""
    return text if most is None or len(text) <= most else text[len(text) // 2 :][:most]


async def test_through_every_field(smuggler: Smuggler, document: dict[str, Any], sweep: Sweep) -> None:
    """Each text of each body in each form, cut to the length that the field allows; whole, in one form."""
    for name, verb, template, operation in operations(document):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            if media != "application/json":
                continue  # test_a_picture_that_is_taken and test_as_the_body_itself
            longest = {
                pointer: schema.get("maxLength") for pointer, schema in strings(document, content["schema"])
            }
            path = await smuggler.path(template)
            for body in BODIES[name]:
                for at in leaves(body):
                    pointer = "".join(f"/{'-' if isinstance(step, int) else step}" for step in at)
                    forms = dict(smuggler.canary.forms())
                    for text in [
                        forms["whole base64+0"],
                        *(_cut(text, longest.get(pointer)) for text in forms.values()),
                    ]:
                        answer = await smuggler.send(verb, path, json=_carrying(body, at, text, smuggler))
                        if answer.status_code < 300 and "{registration_id}" in template:
                            path = await smuggler.path(template)
    assert smuggler.sent > 500
    assert smuggler.taken > 10, "some cuts are taken: the ones that look like text"
    assert sweep.find(smuggler.needles) == []


def _carrying(body: Any, at: tuple[Any, ...], text: str, smuggler: Smuggler) -> Any:
    """The body with the canary at ``at``; otherwise one that could be taken: no dealer, a number of its own."""
    if body.get("purpose"):
        body = {
            key: value
            for key, value in body.items()
            if key not in ("dealer", "agent", "iccid") or at[0] == key
        }
        body = {**body, "msisdn": smuggler.number()}
    return replaced(body, at, text)


async def test_as_further_fields(smuggler: Smuggler, document: dict[str, Any], sweep: Sweep) -> None:
    """Beside the fields that are known: as a value, as a name, split over a list, in a nested object."""
    text = dict(smuggler.canary.forms())["whole base64+0"]
    split = [text[at : at + 60] for at in range(0, len(text), 60)]
    extras: list[dict[str, Any]] = [
        {"photo": text},
        {"selfie": split},
        {"x": {"y": {"z": text}}},
        {text[:400]: "x"},
        {text: None},
        {"lines": split},
        {"image": list(smuggler.canary.payload)},
    ]
    for name, verb, template, _ in operations(document):
        for body in BODIES.get(name, ()):
            path = await smuggler.path(template)
            for at in objects(body):
                for extra in extras:
                    place = body
                    for step in at:
                        place = place[step]
                    answer = await smuggler.send(verb, path, json=replaced(body, at, {**place, **extra}))
                    assert answer.status_code >= 400, (name, at, list(extra))
    assert sweep.find(smuggler.needles) == []


async def test_split_over_lists(smuggler: Smuggler, sweep: Sweep) -> None:
    """In as many entries as a list takes, each as long as it may be and looking like text."""
    text = dict(smuggler.canary.forms())["middle hex"]
    created = BODIES["post /v1/registrations"][0]
    for width in (40, 63, 64, 100, 120):
        split = [text[at : at + width] for at in range(0, len(text), width)]
        for count in (1, 2, 4, 5, len(split)):
            body = _carrying(created, ("subscriber", "address", "lines"), "", smuggler)
            body["subscriber"]["address"]["lines"] = split[:count]
            await smuggler.send("post", "/v1/registrations", json=body)
            path = f"/v1/registrations/{await smuggler.registration()}/documents"
            await smuggler.send("post", path, json={"kind": "mrz", "lines": split[:count]})
            await smuggler.send(
                "post", path, json={"kind": "mrz", "lines": [line.upper() for line in split[:count]]}
            )
    assert sweep.find(smuggler.needles) == []


async def test_as_the_body_itself(smuggler: Smuggler, document: dict[str, Any], sweep: Sweep) -> None:
    """Bytes under every media type, multipart with a picture and with extras, forms."""
    canary = smuggler.canary
    parts: list[dict[str, Any]] = [
        {"files": {"image": ("face.jpg", canary.jpeg(), "image/jpeg")}},
        {"files": {"image": (f"{canary.payload.hex()[:100]}.png", canary.png(), "image/png")}},
        {
            "files": {"image": ("a.jpg", canary.jpeg(), "image/jpeg")},
            "data": {"kind": "mrz", "x": canary.payload.hex()},
        },
        {
            "files": [
                ("image", ("a", canary.jpeg())),
                ("image", ("b", canary.png())),
                ("thumbnail", ("c", canary.jpeg())),
            ]
        },
        {"data": {"kind": "mrz", "lines": canary.payload.hex()}},
    ]
    for _, verb, template, _ in operations(document):
        if verb == "get":
            continue
        path = await smuggler.path(template)
        for part in parts:
            answer = await smuggler.send(verb, path, **part)
            if template.endswith("/documents") and "files" in part:
                alone = part["files"].keys() == {"image"} if isinstance(part["files"], dict) else False
                is_taken = alone and "data" not in part
                wanted = "document-unreadable" if is_taken else "biometric-refused"
                assert answer.json()["code"] == wanted, answer.text
        for media, make in MEDIA.items():
            headers = {"Content-Type": media} if media else {}
            await smuggler.send(verb, path, content=make(canary), headers=headers)
        nested = json.dumps({"kind": "mrz", "lines": [canary.payload.hex()]}).encode() + canary.jpeg()
        await smuggler.send(verb, path, content=nested, headers={"Content-Type": "application/json"})
        for encoding in ("gzip", "deflate", "br"):
            headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
            await smuggler.send(verb, path, content=canary.jpeg(), headers=headers)
    assert sweep.find(smuggler.needles) == []


async def test_beside_the_body(smuggler: Smuggler, document: dict[str, Any], sweep: Sweep) -> None:
    """In headers, cookies, queries and paths: what an access log would write."""
    text = smuggler.canary.payload.hex()[:200]
    for name, verb, template, operation in operations(document):
        path = await smuggler.path(template)
        body = {"json": BODIES[name][0]} if name in BODIES else {}
        for header in (
            "Idempotency-Key",
            "User-Agent",
            "Cookie",
            "Referer",
            "X-Request-Id",
            "traceparent",
            "X-Photo",
        ):
            await smuggler.send(verb, path, headers={header: text}, **body)
        await smuggler.send(verb, path, headers={"Authorization": f"Bearer sk_{text[:32]}_{text}"}, **body)
        names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
        for query in [*names, "photo"]:
            await smuggler.send(verb, path, params={query: text}, **body)
        for marker in ("{registration_id}", "{msisdn}"):
            if marker in template:
                await smuggler.send(verb, template.replace(marker, text), **body)
        await smuggler.send(verb, f"{path}/{text}", **body)
    assert sweep.find(smuggler.needles) == []


async def test_a_kept_answer_keeps_no_picture(smuggler: Smuggler, sweep: Sweep) -> None:
    """With an Idempotency-Key the answer is kept, sealed; the body by a keyed digest alone."""
    text = dict(smuggler.canary.forms())["middle hex"]
    for number, most in enumerate((40, 64, 100, 500)):
        path = f"/v1/registrations/{await smuggler.registration()}/documents"
        body = {"kind": "attested", "description": text[:most]}
        for _ in range(2):
            await smuggler.send("post", path, json=body, headers={"Idempotency-Key": f"canary-{number}"})
    assert sweep.find(smuggler.needles) == []


async def test_the_doors_for_a_face_answer_by_name(smuggler: Smuggler) -> None:
    """What is meant as a picture is told so: the caller must not think that it was taken."""
    canary = smuggler.canary
    picture = dict(canary.forms())["whole base64+0"]
    path = f"/v1/registrations/{await smuggler.registration()}/documents"
    bodies: list[Any] = [
        {"kind": "emrtd", "sod": "dwA=", "dg1": "YQA=", "dg2": picture},
        {"kind": "emrtd", "sod": "dwA=", "dg1": "YQA=", "dg3": picture},
        {"kind": "emrtd", "sod": "dwA=", "dg1": "dQA="},
        {"kind": "mrz", "lines": ["P<UTO", "X"], "image": picture},
        {"kind": "mrz", "lines": ["P<UTO", "X"], "portrait": picture},
    ]
    for body in bodies:
        answer = await smuggler.send("post", path, json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] == "biometric-refused", (list(body), answer.text)


async def test_the_sweep_finds_what_is_there(smuggler: Smuggler, sweep: Sweep) -> None:
    """The other tests would pass if the sweep were blind: put the canary where it looks, and it is found."""
    services, canary = smuggler.api.services, smuggler.canary
    await smuggler.registration()
    await services.redis.client.set("{otp}:canary", canary.jpeg())
    assert any(place.startswith("redis") for place in sweep.find(smuggler.needles, files={}))
    await services.redis.client.delete("{otp}:canary")
    assert sweep.find(smuggler.needles, files={}) == []
    with sweep._backend.admin() as conn:
        conn.execute("CREATE TABLE canary (a text, b bytea)")
        conn.execute("INSERT INTO canary VALUES (%s, %s)", (canary.payload.hex(), canary.jpeg()))
        found = sweep.find(smuggler.needles)
        conn.execute("DROP TABLE canary")
    assert "table canary: raw" in found
    assert "table canary: hex" in found
    assert any(place.startswith("file") for place in found)
    assert {"logs", "metrics"} <= set(sweep.places())
