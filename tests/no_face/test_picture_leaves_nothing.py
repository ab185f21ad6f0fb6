"""A picture is read, by the real reader in a child of the API; afterwards no part of it is anywhere, in any form.

The picture is drawn here: an invented person of Utopia. Behind its EXIF lies a thumbnail with a token that occurs
nowhere else, another token stands in a comment, and pieces of its own scan are looked for too.
"""

import random
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.compose import Instead
from service.kit.mrz import Layout
from tests.api.conftest import Api
from tests.fakes.still_reader import StillReader, seen
from tests.no_face.canary import Canary
from tests.no_face.samples import BODIES, leaves, replaced
from tests.no_face.sweep import Sweep, base64_forms
from tests.pictures import draw, spoil

CONFIRM = "post /v1/registrations/{registration_id}/documents/{document_id}/confirm"


def photographed(canary: Canary) -> tuple[bytes, Any]:
    """(a JPEG with the canary in its EXIF thumbnail and in a comment, whose passport it shows)."""
    person = draw.somebody(11, Layout.TD3)
    try:
        page = draw.page(person.lines, Layout.TD3, guilloche=0.1)
    except draw.NoFont as missing:
        pytest.skip(str(missing))
    plain = spoil.jpeg(spoil.flat(page, random.Random(3)))
    comment = b"\xff\xfe" + (len(canary.payload) + 2).to_bytes(2, "big") + canary.payload
    return plain[:2] + canary._exif() + comment + plain[2:], person


def pieces(picture: bytes) -> dict[str, bytes]:
    """Sixteen bytes from twelve places of the picture's own data, raw, in hex and in base64."""
    found = {}
    for turn in range(1, 13):
        at = len(picture) * turn // 14
        piece = picture[at : at + 24]
        if len(set(piece)) < 12:
            continue
        found |= {f"piece {turn} raw": piece[:16], f"piece {turn} hex": piece[:16].hex().encode()}
        found |= {f"piece {turn} {name}": form[:20] for name, form in base64_forms(piece).items()}
    assert len(found) > 40
    return found


async def registration(api: Api, number: str) -> str:
    answer = await api.post("/v1/registrations", {"msisdn": number, "purpose": "new"})
    assert answer.status_code == 201, answer.text
    return f"/v1/registrations/{answer.json()['id']}"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """There is no temporary folder; whoever makes it leaves a trace."""
    folder = tmp_path / "there-is-no-such-folder"
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


async def test_a_picture_that_is_read(api: Api, sweep: Sweep, nowhere: Path) -> None:
    canary = Canary()
    picture, person = photographed(canary)
    path = await registration(api, "+4915550000001")
    files = {"image": (f"{canary.payload.hex()[:60]}.jpg", picture, "image/jpeg")}
    answers: list[httpx2.Response] = [
        await api.ask("POST", f"{path}/documents", files=files, headers=headers)
        for headers in ({"Idempotency-Key": "leaves-nothing"}, {})
    ]
    cut = {"image": ("cut.jpg", picture[: len(picture) // 3], "image/jpeg")}
    answers.append(await api.ask("POST", f"{path}/documents", files=cut))
    assert [each.status_code for each in answers[:2]] == [201, 201], answers[0].text
    assert answers[2].status_code in (201, 422)
    assert all(each.json()["document_type"] == "passport" for each in answers[:2])
    needles = canary.needles() | pieces(picture)
    said = {
        "number": person.document_number.encode(),
        "lower line": person.lines[1].encode(),
        "upper line": person.lines[0].encode(),
    }
    for each in answers:
        body = each.content + str(each.headers).encode()
        assert not [name for name, needle in (needles | said).items() if needle in body]
    assert sweep.find(needles | said) == []
    assert not nowhere.exists()


class TestCorrections:
    @pytest.fixture
    def reader(self) -> StillReader:
        return StillReader()

    @pytest.fixture
    def instead(self, reader: StillReader) -> Instead:
        return Instead(reader=reader)

    async def test_a_canary_in_each_field(
        self, api: Api, sweep: Sweep, reader: StillReader, nowhere: Path
    ) -> None:
        """What is taken for a correction is kept sealed; anything else is refused. Neither lies in clear."""
        canary = Canary()
        person = draw.somebody(12, Layout.TD3)
        reader.says = seen(*person.lines, again=False)
        path = await registration(api, "+4915550000002")
        for body in BODIES[CONFIRM]:
            for at in leaves(body):
                files = {"image": ("a.jpg", canary.jpeg(), "image/jpeg")}
                answer = await api.ask("POST", f"{path}/documents", files=files)
                assert answer.status_code == 201, answer.text
                where = f"{path}/documents/{answer.json()['id']}/confirm"
                for form, text in canary.forms():
                    said = text[:20].upper() if form.endswith("hex") else text[:90]
                    answer = await api.post(where, replaced(body, at, said))
                    assert answer.status_code in (200, 409, 422), answer.text
                    assert not any(needle in answer.content for needle in canary.needles().values())
        assert sweep.find(canary.needles()) == []
        assert not nowhere.exists()


async def test_the_pieces_of_a_picture_are_found(api: Api, sweep: Sweep) -> None:
    """The sweep above would pass if it were blind."""
    picture, _ = photographed(Canary())
    await api.services.redis.client.set("{otp}:picture", picture.hex()[1000:])
    try:
        assert any("hex" in place for place in sweep.find(pieces(picture), files={}))
    finally:
        await api.services.redis.client.delete("{otp}:picture")
