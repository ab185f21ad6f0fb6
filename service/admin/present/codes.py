"""Codes, limits and blocks as their pages show them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import phonenumbers

from service.admin import code_words, words
from service.admin.html import count
from service.admin.present.people import masked_number
from service.admin.present.registers import usual_text
from service.admin.store import Names
from service.admin.views import (
    Badge,
    BlockRow,
    Conversions,
    Converted,
    Hour,
    Moment,
    MoneyToday,
    NoticeRow,
    Number,
    Pressed,
)
from service.kit.ids import wire
from service.kit.masking import DOTS
from service.kit.msisdn import Msisdn
from service.kit.values import Malformed
from service.limits.model import Limit, SendBlock
from service.limits.workflow import MoneyLeft
from service.otp.model import CodeEvent, Told
from service.otp.store import Conversion

SHOWN = 15
"""Rows of one table."""

LOW_FROM = 20
"""Messages below which a share says nothing."""


def money(micros: int, currency: str) -> str:
    """``EUR 1 937.40``."""
    return f"{currency} {micros / 1_000_000:,.2f}".replace(",", "\u202f").strip()


def country(code: str) -> str:
    """``DE, +49``."""
    calling = phonenumbers.country_code_for_region(code)
    return f"{code}, +{calling}" if calling else code


def is_country(code: str) -> bool:
    """Whether numbers of this ISO 3166-1 alpha-2 code exist."""
    return code in phonenumbers.SUPPORTED_REGIONS


def number_block(place: str) -> str:
    """``+49 1511234 ••••``: a number without its last four digits."""
    try:
        number = Msisdn.parse(f"{place}0000")
    except Malformed:
        return f"{place} {DOTS}"
    return f"+{number.country_code} {number.national[:-4]} {DOTS}"


# Figures


def figures(
    by_day: Mapping[date, int], last_day: Sequence[Conversion], now: datetime, days: int
) -> tuple[Number, ...]:
    """Today against usual, and the last 24 hours."""
    today = now.astimezone(UTC).date()
    past = [by_day.get(today - timedelta(days=back), 0) for back in range(1, days + 1)]
    sent, verified = sum(each.sent for each in last_day), sum(each.verified for each in last_day)
    held = sum(each.suppressed for each in last_day)
    return (
        Number("Messages today", count(by_day.get(today, 0)), usual_text(past)),
        Number(
            "Verified, 24 h",
            f"{_per_cent(verified, sent)} %" if sent else "none sent",
            f"{count(verified)} of {count(sent)} messages",
        ),
        Number("Held back, 24 h", count(held), "the callers were not told"),
    )


def money_today(left: MoneyLeft | None, *, is_exact: bool) -> MoneyToday | None:
    """``is_exact``: Redis has said what of the leased slices is unspent."""
    if left is None:
        return None
    spent = left.cap - left.left
    tone = "deny" if left.left <= 0 else "review" if spent * 5 >= left.cap * 4 else "plain"
    note = None
    if not is_exact:
        note = (
            "Redis does not answer, so no codes are sent. At least this much is left by PostgreSQL's books."
        )
    return MoneyToday(
        value=money(left.left, left.currency),
        text=f"{money(spent, '')} of {money(left.cap, '')} spent",
        spent=spent,
        cap=left.cap,
        tone="deny" if tone == "deny" else "review" if tone == "review" else "plain",
        note=note,
    )


def hours(counted: Iterable[tuple[datetime, int, int]], now: datetime, many: int = 48) -> tuple[Hour, ...]:
    """The last ``many`` hours up to this one, the oldest first; silent ones too."""
    found = {at.astimezone(UTC): (sent, verified) for at, sent, verified in counted}
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    every = [this - timedelta(hours=back) for back in range(many - 1, -1, -1)]
    return tuple(Hour(at, *found.get(at, (0, 0))) for at in every)


def _per_cent(part: int, whole: int) -> int:
    return round(100 * part / whole)


def conversions(key: str, rows: Sequence[Conversion], currency: str) -> Conversions:
    """One table. Less than half of the share of all messages is low."""
    title, first = _TABLES[key]
    sent, verified = sum(row.sent for row in rows), sum(row.verified for row in rows)
    made = []
    for row in rows[:SHOWN]:
        low = row.sent >= LOW_FROM and 2 * row.verified * sent < row.sent * verified
        made.append(
            Converted(
                name=_named(key, row.name),
                sent=row.sent,
                verified=row.verified,
                held=row.suppressed,
                cost=money(row.spent, ""),
                share=_per_cent(row.verified, row.sent) if row.sent else None,
                is_low=low,
            )
        )
    return Conversions(key, title, first, currency, tuple(made), max(0, len(rows) - SHOWN))


_TABLES = {
    "country": ("By country", "Country"),
    "block": ("By number block", "Block"),
    "sender": ("By sender", "Sender"),
}


def _named(key: str, name: str) -> str:
    if name == "none":
        return "no sender" if key == "sender" else "not known"
    return country(name) if key == "country" else number_block(name) if key == "block" else name


def pressed(found: Iterable[tuple[str, str, int]]) -> tuple[Pressed, ...]:
    """Limits that had no room, those that bound most often first."""
    counted: dict[str, Counter[str]] = {}
    for name, stage, times in found:
        counted.setdefault(name, Counter())[stage] += times
    made = [
        Pressed(
            name,
            code_words.limit(name),
            stages["enforced"],
            stages["shadow"],
            stages["pressure"],
            code_words.is_silent(name),
        )
        for name, stages in counted.items()
    ]
    return tuple(sorted(made, key=lambda row: (-row.enforced, -row.shadow, -row.pressure, row.name)))


# Blocks


def block_row(block: SendBlock, number: str | None, names: Names) -> BlockRow:
    return BlockRow(
        id=wire("blk", block.id),
        kind=code_words.BLOCKED.get(block.limit, block.limit.value),
        what=_what(block, number, names),
        why=code_words.BLOCK_REASON.get(block.reason) or words.reason_text(block.reason) or block.reason,
        by=made_by(block.made_by, names),
        since=block.made_at,
        until=block.until,
    )


def notice_row(told: Told) -> NoticeRow:
    return NoticeRow(
        what=code_words.NOTICE[told.kind],
        why=code_words.NOT_SENT[told.outcome],
        many=told.many,
        since=told.since,
        waits=told.waits,
    )


def _what(block: SendBlock, number: str | None, names: Names) -> str:
    client = names.clients.get(block.client_id, "a client that is gone") if block.client_id else None
    match block.limit:
        case Limit.OTP_BLOCKED_MSISDN:
            return f"{masked_number(number)}, {client}"
        case Limit.OTP_BLOCKED_MSISDN_EVERYWHERE:
            return masked_number(number)
        case Limit.OTP_BLOCKED_CLIENT:
            return client or block.place or ""
        case Limit.OTP_BLOCKED_COUNTRY:
            return country(block.place or "")
        case Limit.OTP_BLOCKED_BLOCK:
            return number_block(block.place or "")
    return "every code"


def made_by(who: str, names: Names) -> str:
    """The guard, the holder, or a person of staff by sign-in name."""
    if who in code_words.MADE_BY:
        return code_words.MADE_BY[who]
    try:
        return names.staff.get(UUID(hex=who), f"staff {who[:8]}")
    except ValueError:
        return who


def block_badge(block: SendBlock, now: datetime) -> Badge:
    if block.holds(now):
        return code_words.STANDS
    return code_words.LIFTED if block.lifted_at else code_words.ENDED


# The codes of one case


def code_moments(events: Sequence[CodeEvent]) -> tuple[Moment, ...]:
    """What became of each code, beside the audit, which has the right ones already. Wrong codes one after another
    are one line."""
    senders = {each.challenge: each.sender for each in events if each.kind == "accepted"}
    sent = {each.challenge for each in events if each.kind == "send" and each.outcome == "sent"}
    made: list[tuple[Moment, int]] = []
    last = ""
    for event in events:
        moment = _moment(event, senders)
        if moment is None or (event.outcome == "unfunded" and event.challenge in sent):
            continue  # nothing to tell, or a slice of money came at once and it was sent after all
        is_same = event.kind == "check" and event.outcome == last and made
        last = event.outcome if event.kind == "check" else ""
        times = made.pop()[1] + 1 if is_same else 1
        made.append((moment, times))
    return tuple(replace(m, text=f"{m.text}, {times} times") if times > 1 else m for m, times in made)


def _moment(event: CodeEvent, senders: Mapping[UUID | None, str | None]) -> Moment | None:
    note = None if event.limit is None else code_words.limit(event.limit)
    match event.kind, event.outcome:
        case "send", "sent":
            by = senders.get(event.challenge)
            way = code_words.CHANNEL.get(event.channel or "", "")
            return Moment(event.at, f"A code was sent {way}".strip(), "plain", by)
        case "send", outcome if outcome in code_words.SENT:
            text, tone = code_words.SENT[outcome]
            return Moment(event.at, text, tone, None, note)
        case "check", outcome if outcome in code_words.CHECKED and outcome != "verified":
            text, tone = code_words.CHECKED[outcome]
            return Moment(event.at, text, tone, None, note)
        case "unsent", outcome:
            return Moment(event.at, code_words.UNSENT.get(outcome, "The message was not sent"), "review")
        case "withheld", _:
            text = "Held back: the number's network says that it should get none; the caller was not told"
            return Moment(event.at, text, "review")
        case "receipt", outcome:
            return Moment(event.at, f"The network reports: {outcome.replace('_', ' ')}")
    return None
