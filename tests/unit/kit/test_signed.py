"""Signatures of Standard Webhooks: the example of its reference libraries, and what is none."""

import base64

import pytest

from service.kit.signed import MAX_SIGNATURES, SecretRefused, is_signed, signature, signing_key

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
RIGHT = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def judged(**more: object) -> bool:
    wanted = {"message_id": ID, "timestamp": str(AT), "signatures": RIGHT, "body": BODY, "now_s": AT} | more
    secrets = wanted.pop("secrets", [SECRET])
    return is_signed(secrets, **wanted)  # type: ignore[arg-type]


def test_the_example_of_the_specification() -> None:
    assert f"v1,{signature(SECRET, ID, AT, BODY)}" == RIGHT
    assert judged()


@pytest.mark.parametrize(
    "more",
    [
        {"message_id": None},
        {"message_id": ""},
        {"message_id": ID + "x"},
        {"timestamp": None},
        {"timestamp": "-1"},
        {"timestamp": "１６１４２６５３３０"},
        {"timestamp": f"0{AT}"},
        {"signatures": None},
        {"signatures": RIGHT.removeprefix("v1,")},
        {"signatures": RIGHT.replace("v1", "v1a")},
        {"signatures": RIGHT[:-1]},
        {"signatures": "v1,é"},
        {"signatures": ("v1,x " * MAX_SIGNATURES) + RIGHT},
        {"body": BODY + b" "},
        {"now_s": AT + 301},
        {"now_s": AT - 301},
        {"secrets": []},
        {"secrets": ["whsec_" + base64.b64encode(b"k" * 24).decode()]},
    ],
)
def test_what_is_not_signed(more: dict[str, object]) -> None:
    assert not judged(**more)


@pytest.mark.parametrize(
    "more",
    [
        {"secrets": ["whsec_" + base64.b64encode(b"k" * 24).decode(), SECRET]},
        {"signatures": f"v1,x {RIGHT}"},
        {"now_s": AT + 300},
        {"now_s": AT - 300.0},
    ],
)
def test_what_is(more: dict[str, object]) -> None:
    assert judged(**more)


@pytest.mark.parametrize("size", [0, 23, 65])
def test_a_key_has_a_length(size: int) -> None:
    with pytest.raises(SecretRefused):
        signing_key("whsec_" + base64.b64encode(bytes(size)).decode())
