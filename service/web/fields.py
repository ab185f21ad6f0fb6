"""Field types that wire shapes of several domains share. Unknown fields are refused, every string has a length."""

import unicodedata
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.kit.msisdn import Msisdn
from service.kit.values import Malformed


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1024)


def _msisdn(text: str) -> str:
    return Msisdn.parse(text).value


def _ip(text: str) -> str:
    try:
        if "%" in text:  # a zone is this or that machine's own name of an interface
            raise ValueError
        return str(ip_address(text))
    except ValueError:
        raise Malformed("", "ip", "It is not an IP address.") from None


def _opaque(text: str) -> str:
    if any(unicodedata.category(char)[0] == "C" for char in text):
        raise Malformed("", "text-characters", "It holds control or invisible characters.")
    return text


Number = Annotated[str, Field(max_length=20), AfterValidator(_msisdn)]
Code = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Opaque = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_opaque)]
IpAddress = Annotated[str, Field(max_length=45), AfterValidator(_ip)]
Language = Annotated[str, Field(pattern="^[a-z]{2}(-[A-Z]{2})?$")]
OneTimeCode = Annotated[str, Field(pattern="^[0-9]{4,10}$")]


class Solved(Wire):
    """A challenge that was asked for in a 429, and its solution."""

    token: Annotated[str, Field(min_length=1, max_length=512, pattern="^[A-Za-z0-9_.=-]+$")]
    solution: Annotated[str, Field(min_length=1, max_length=2048, pattern="^[\\x21-\\x7e]+$")]
