"""What is let through to a decoder, from whole and from hostile files."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from service.vision.container import CODES, MAX_PIXELS, Refused, strip
from service.vision.decode import decode

SIZE = (96, 64)


def encoded(kind: str, mode: str = "L", size: tuple[int, int] = SIZE, **options: object) -> bytes:
    kept = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(kept, kind, **options)
    return kept.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(Refused) as refused:
        strip(data)
    assert refused.value.code in CODES
    return refused.value.code


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "L", {}),
        ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "RGB", {"restart_marker_rows": 1}),
        ("PNG", "L", {}),
        ("PNG", "P", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "1", {}),
        ("WEBP", "RGB", {"quality": 80}),
        ("WEBP", "RGBA", {"lossless": True}),
    ],
)
def test_whole_pictures_go_on(kind: str, mode: str, options: dict[str, object]) -> None:
    bare = strip(encoded(kind, mode, **options))
    assert (bare.width, bare.height, bare.orientation) == (*SIZE, 1)
    assert decode(bare).shape == SIZE[::-1]


def with_exif(orientation: int, canary: bytes) -> bytes:
    thumbnail = io.BytesIO()
    Image.new("L", (16, 16)).save(thumbnail, "JPEG", comment=canary)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = canary.decode("ascii")
    body = exif.tobytes() + thumbnail.getvalue()
    return encoded("JPEG", exif=body, comment=canary, icc_profile=canary * 4)


@pytest.mark.parametrize(
    ("orientation", "shape"), [(1, (64, 96)), (3, (64, 96)), (6, (96, 64)), (8, (96, 64)), (99, (64, 96))]
)
def test_of_exif_one_number_is_read_and_nothing_goes_on(orientation: int, shape: tuple[int, int]) -> None:
    canary = b"canary-of-metadata"
    data = with_exif(orientation, canary) + canary
    bare = strip(data)
    assert data.count(canary) >= 6
    assert canary not in bare.data
    assert bare.data.count(b"\xff\xd8\xff") == 1
    assert decode(bare).shape == shape


def test_texts_profiles_and_tails_of_png_and_webp_stay_behind() -> None:
    canary = b"canary-of-metadata"
    chunk = chunk_of(b"tEXtComment\x00" + canary)
    png = encoded("PNG")
    assert canary not in strip(png[:33] + chunk + png[33:] + canary).data
    webp = encoded("WEBP", "RGB", exif=b"Exif\x00\x00" + canary, icc_profile=canary)
    assert canary in webp
    assert canary not in strip(webp + canary).data


def test_other_formats_by_their_first_bytes() -> None:
    for kind in ("GIF", "BMP", "TIFF", "PPM"):
        assert refusal(encoded(kind)) == "not-a-picture"
    for data in (
        b"",
        b"\xff",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\x00\x00\x00\x00WAVE",
    ):
        assert refusal(data) == "not-a-picture"


def test_a_format_under_the_name_of_another_is_broken() -> None:
    assert refusal(b"\xff\xd8\xff" + encoded("PNG")) == "broken"
    assert refusal(b"\x89PNG\r\n\x1a\n" + encoded("JPEG")) == "broken"
    assert refusal(b"RIFF\xff\xff\x00\x00WEBP" + encoded("JPEG")) == "broken"


def png_of(width: int, height: int, depth: int = 8, colours: int = 0) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\x00" * 1_000)
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(chunk_of, (head, data, b"IEND")))


def chunk_of(named: bytes) -> bytes:
    return struct.pack(">I", len(named) - 4) + named + struct.pack(">I", zlib.crc32(named))


def test_bombs_are_seen_in_the_header() -> None:
    assert refusal(png_of(60_000, 60_000)) == "too-many-pixels"
    assert refusal(png_of(2**31 - 1, 2**31 - 1)) == "too-many-pixels"
    assert refusal(png_of(16_001, 100)) == "too-many-pixels"
    jpeg = bytearray(encoded("JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    assert refusal(bytes(jpeg)) == "too-many-pixels"


def test_a_jpeg_of_too_many_scans_is_a_bomb_too() -> None:
    jpeg = encoded("JPEG", "L", (2_000, 2_000), progressive=True, quality=5)
    scans = [at for at in range(len(jpeg) - 1) if jpeg[at : at + 2] == b"\xff\xda"]
    last = jpeg[scans[-1] : -2]
    assert strip(jpeg + b"").width == 2_000
    assert refusal(jpeg[:-2] + last * (12 * MAX_PIXELS // 4_000_000) + b"\xff\xd9") == "too-many-pixels"


def test_small_animated_and_deep_pictures_are_refused() -> None:
    assert refusal(encoded("PNG", size=(1, 1))) == "too-few-pixels"
    assert refusal(encoded("JPEG", size=(3_000, 8))) == "too-few-pixels"
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    for kind in ("PNG", "WEBP"):
        kept = io.BytesIO()
        frames[0].save(kept, kind, save_all=True, append_images=frames[1:], duration=50)
        assert refusal(kept.getvalue()) == "animated-unsupported"
    assert refusal(encoded("JPEG", "CMYK")) == "colours-unsupported"
    assert refusal(png_of(64, 64, depth=16)) == "colours-unsupported"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_truncation_is_refused_or_whole(kind: str) -> None:
    data = encoded(kind, "RGB")
    for end in range(0, len(data) - 2, max(1, len(data) // 150)):
        assert refusal(data[:end]) in ("broken", "not-a-picture")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_flipped_bits_are_refused_or_a_picture_within_bounds(kind: str) -> None:
    data, dice, seen = encoded(kind, "RGB"), random.Random(5), set()
    for _ in range(150):
        hurt = bytearray(data)
        for _ in range(dice.randrange(1, 6)):
            hurt[dice.randrange(len(hurt))] ^= 1 << dice.randrange(8)
        try:
            bare = strip(bytes(hurt))
            assert bare.width * bare.height <= MAX_PIXELS
            assert decode(bare).size
        except Refused as refused:
            seen.add(refused.code)
    assert seen <= set(CODES)
