"""From texts to a :class:`PolicySet`, or a refusal that says which file is wrong. Pure but for the seed's files."""

import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, TypeVar

from service.documents.rules import load_policy as load_documents
from service.otp.rules import load_policy as load_codes
from service.policies.model import FILES, MAX_BYTES, OPTIONAL, OVERLAY, PolicyRefused, PolicySet, Sources
from service.reports.rules import load_policy as load_reports
from service.response.rules import load_policy as load_response
from service.risk.rules import load_policy as load_risk
from service.subscribers.rules import parse_policy as load_retention

_T = TypeVar("_T")
_OVERLAID = ("risk", "documents")


def seed(*, demo: bool) -> Sources:
    """The packaged version; with ``demo`` the overlay of invented people lies on it."""
    folder = resources.files("service").joinpath("policy")
    names = (*FILES, *OPTIONAL, OVERLAY) if demo else (*FILES, *OPTIONAL)
    return Sources({name: folder.joinpath(name).read_text("utf-8") for name in names})


def build(sources: Sources, *, demo: bool, allows_test_numbers: bool = False) -> PolicySet:
    """Every file through its own gate; :class:`PolicyRefused` for anything wrong.

    An overlay is refused outside demo and test mode: it lets specimens pass. So are test numbers, unless
    ``allows_test_numbers``: whoever reads the policy has a code that is always right for them. A start sows,
    takes and follows the same texts: they are read once.
    """
    return _built(tuple(sources.texts.items()), demo, allows_test_numbers)


@lru_cache(maxsize=4)
def _built(texts: tuple[tuple[str, str], ...], demo: bool, allows_test_numbers: bool) -> PolicySet:
    sources = Sources(dict(texts))
    missing = [name for name in FILES if name not in sources.texts]
    extra = [name for name in sources.texts if name not in (*FILES, *OPTIONAL, OVERLAY)]
    if missing or extra:
        raise PolicyRefused(f"{(missing or extra)[0]}: {'is missing' if missing else 'is no policy file'}")
    for name, text in sources.texts.items():
        if len(text.encode()) > MAX_BYTES:
            raise PolicyRefused(f"{name}: longer than {MAX_BYTES} bytes")
    if sources.is_overlaid and not demo:
        raise PolicyRefused(f"{OVERLAY}: an overlay is for the demo and tests alone")
    version = sources.version
    overlay = _read(OVERLAY, sources) if sources.is_overlaid else {}
    if unknown := sorted(set(overlay) - set(_OVERLAID)):
        raise PolicyRefused(f"{OVERLAY}: {unknown[0]} cannot be overlaid, only {' and '.join(_OVERLAID)}")

    def merged(name: str) -> Mapping[str, Any]:
        return merge(_read(f"{name}.toml", sources), overlay.get(name, {}))

    built = PolicySet(
        version=version,
        risk=_gate("risk.toml", lambda: load_risk(merged("risk"), version)),
        reports=_gate("reports.toml", lambda: load_reports(_read_if_there("reports.toml", sources))),
        response=_gate("response.toml", lambda: load_response(_read_if_there("response.toml", sources))),
        documents=_gate("documents.toml", lambda: load_documents(merged("documents"))),
        codes=_gate("limits.toml", lambda: load_codes(sources.texts["limits.toml"])),
        retention=_gate("retention.toml", lambda: load_retention(sources.texts["retention.toml"])),
    )
    if built.codes.test_numbers and not (demo or allows_test_numbers):
        raise PolicyRefused(
            "limits.toml: test_numbers are for the demo and tests alone; SIMWARD_ALLOW_TEST_NUMBERS=true allows them"
        )
    return built


def with_overlay(name: str, below: Mapping[str, Any], sources: Sources) -> dict[str, Any]:
    """A file's mapping with what the overlay of ``sources`` says of it."""
    return merge(below, _read(OVERLAY, sources).get(name, {}))


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``: tables join, everything else is replaced."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        joined[key] = merge(under, value) if both and under is not None else value
    return joined


def _read(name: str, sources: Sources) -> dict[str, Any]:
    return _gate(name, lambda: tomllib.loads(sources.texts[name]))


def _read_if_there(name: str, sources: Sources) -> dict[str, Any]:
    return _read(name, sources) if name in sources.texts else {}


def _gate(name: str, load: Callable[[], _T]) -> _T:
    """A loader that stumbles instead of refusing must not take the process with it."""
    try:
        return load()
    except PolicyRefused:
        raise
    except ValueError as error:
        raise PolicyRefused(f"{name}: {error}") from error
    except Exception as error:
        raise PolicyRefused(f"{name}: not of the right form ({type(error).__name__})") from error
