"""Turning view models into HTML: one Jinja environment, autoescaping on, and the filters that templates use."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from service.admin.charts import bar, columns, hour_columns

STATIC = Path(str(resources.files(__package__).joinpath("static")))
STATIC_URL = "/admin/static"

SHAPES: Mapping[str, str] = {"approve": "●", "review": "◆", "deny": "✕", "plain": "○"}

# Format characters that change how the neighbours are read or that cannot be seen. A name that holds one is
# shown with the character spelled out: Trojan-source tricks work on a reviewer as they do on a compiler.
_INVISIBLE_CATEGORIES = {"Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp"}
_INVISIBLE_OTHERS = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0", "\u00a0"}


def visible(text: str) -> Markup:
    """A name or other foreign text: escaped, isolated, and with invisible characters as visible marks."""
    parts: list[str] = []
    for char in text:
        selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
        if selector or char in _INVISIBLE_OTHERS or unicodedata.category(char) in _INVISIBLE_CATEGORIES:
            name = unicodedata.name(char, "unnamed character").capitalize()
            code = f"U+{ord(char):04X}"
            parts.append(f'<span class="unseen" title="{escape(name)}">{code}</span>')
        else:
            parts.append(str(escape(char)))
    return Markup("<bdi>" + "".join(parts) + "</bdi>")  # noqa: S704  every part was escaped above


def short(id_text: str) -> str:
    """An id shortened in the middle; the last digits tell two of the same millisecond apart."""
    return id_text if len(id_text) <= 16 else f"{id_text[:8]}…{id_text[-4:]}"


def span(delta: timedelta) -> str:
    """How long, in the two largest units that say something: ``3 min``, ``2 h 05 min``, ``4 d 2 h``."""
    seconds = max(0, int(delta.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 1:
        return "under a minute"
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{days} d {hours % 24} h" if days < 14 else f"{days} days"


def when(at: datetime, now: datetime) -> str:
    """``14:05, 3 min ago`` on the same day; a date where that says more."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    clock = f"{at:%H:%M}"
    if at > now:
        left = at - now
        return f"{clock}, in {span(left)}" if at.date() == now.date() else f"{at.day} {at:%b %Y}"
    if at.date() == now.date():
        ago = now - at
        return f"{clock}, just now" if ago < timedelta(minutes=1) else f"{clock}, {span(ago)} ago"
    if at.date() == now.date() - timedelta(days=1):
        return f"yesterday {clock}"
    return f"{at.day} {at:%b} {clock}" if at.year == now.year else f"{at.day} {at:%b %Y}"


def instant(at: datetime, now: datetime) -> Markup:
    """A ``<time>`` whose title is the full instant."""
    at = at.astimezone(UTC)
    stamp, full = at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, full, when(at, now))


def count(value: float) -> str:
    """A number as people write it: no trailing zeros, thin groups from five digits on."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if value != int(value) else f"{int(value):,}"
    return text.replace(",", "\u202f") if abs(value) >= 10_000 else text.replace(",", "")


@cache
def _vendor() -> dict[str, str]:
    """Plain name to hashed file name, as ``tools/assets.py`` left it; empty where it never ran."""
    try:
        made: dict[str, str] = json.loads((STATIC / "vendor" / "manifest.json").read_text("utf-8"))
    except OSError:
        return {}
    return made


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes when the file does, so that it may be cached for good."""
    if name.startswith("vendor/"):
        return f"{STATIC_URL}/vendor/{_vendor().get(name.removeprefix('vendor/'), 'missing')}"
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_URL}/{name}?v={digest}"


@cache
def environment() -> jinja2.Environment:
    """Strict: an unknown name in a template is an error, and everything is escaped. One in a process: a template
    is compiled the first time it is shown."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("service.admin", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"visible": visible, "short": short, "span": span, "when": when, "count": count}
    env.filters.update(filters)
    env.globals.update(
        {
            "asset": asset,
            "instant": instant,
            "bar": bar,
            "columns": columns,
            "hour_columns": hour_columns,
            "shapes": SHAPES,
        }
    )
    return env


class Pages:
    """Renders a template with a frame and a view; built once."""

    def __init__(self) -> None:
        self._env = environment()

    def render(self, template: str, **context: Any) -> str:
        return self._env.get_template(template).render(**context)
