"""A backtest as its page shows it: every share with its interval, every chart with the table that it is of."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from service.admin.html import short
from service.admin.store import Names
from service.admin.views.backtests import DayBar, Held, Measure, RunPage, RunRow, Turned
from service.admin.views.pieces import Badge, Fact
from service.kit.ids import wire
from service.risk.model.backtests import BacktestRun, RunState

STATES = {
    RunState.WAITING: Badge("Waits for the worker", "plain"),
    RunState.RUNNING: Badge("Runs", "review"),
    RunState.DONE: Badge("Done", "approve"),
    RunState.CANCELLED: Badge("Cancelled", "plain"),
    RunState.FAILED: Badge("Given up", "deny"),
}
VERDICTS = {
    "approved": Badge("Approved", "approve"),
    "review": Badge("Review", "review"),
    "denied": Badge("Denied", "deny"),
}
SOURCES = {"analyst": "what analysts decided", "reports": "confirmed reports"}
TRUTHS = {"good": "good", "bad": "bad", "unknown": "not known"}
TURNED_SHOWN = 100
HEIGHT = 120
WIDTH = 96


def _percent(permille: int | None) -> str:
    return "no case" if permille is None else f"{permille / 10:.1f} %"


def _between(interval: Sequence[int] | None) -> str:
    return "" if interval is None else f"{interval[0] / 10:.1f} to {interval[1] / 10:.1f}"


def run_row(run: BacktestRun, names: Names) -> RunRow:
    changed = (
        "" if run.result is None else f"{run.result['changed']['count']} of {run.done} come out otherwise"
    )
    return RunRow(
        href=f"/admin/rules/backtests/{run.id.hex}",
        badge=STATES[run.state],
        asked_at=run.asked_at,
        who=names.staff.get(run.asked_by, "somebody"),
        span=f"{(run.until - run.since).days} days",
        said=changed,
    )


def run_page(run: BacktestRun, names: Names, *, may_cancel: bool) -> RunPage:
    facts = (
        Fact("Asked by", names.staff.get(run.asked_by, "somebody")),
        Fact("From", f"{run.since:%Y-%m-%d %H:%M}"),
        Fact("To", f"{run.until:%Y-%m-%d %H:%M}"),
        Fact("Policy", short(run.digest)),
    )
    page: dict[str, Any] = {
        "draft": f"/admin/rules/draft/{run.draft_id.hex}",
        "badge": STATES[run.state],
        "is_over": run.state.is_over,
        "done": run.done,
        "total": run.total,
        "share": 100 * run.done // run.total if run.total else 0,
        "facts": facts,
        "cancel": f"/admin/rules/backtests/{run.id.hex}/cancel"
        if may_cancel and not run.state.is_over
        else None,
    }
    return RunPage(**page, **({} if run.result is None else _report(run.result)))


def _report(said: Mapping[str, Any]) -> dict[str, Any]:
    verdicts, days = said["verdicts"], said["queue"]["days"]
    top = max([1, *(max(day["recorded"], day["next"]) for day in days)])
    return {
        "verdicts": tuple(
            (VERDICTS[name].word, verdicts["recorded"][name], verdicts["next"][name]) for name in VERDICTS
        ),
        "days": tuple(_day(n, len(days), day, top) for n, day in enumerate(days)),
        "top": top,
        "measures": tuple(_measures(said["truth"])),
        "held": tuple(_held(row) for row in said["honest"]),
        "turned": tuple(_turned(row) for row in said["changed"]["examples"][:TURNED_SHOWN]),
        "turned_of": said["changed"]["count"],
        "unrecorded": tuple(said["unrecorded"].items()),
    }


def _day(n: int, count: int, day: Mapping[str, Any], top: int) -> DayBar:
    step = 100 / count
    return DayBar(
        label=day["day"],
        x=round(n * step + step * 0.1, 2),
        width=round(step * 0.4, 2),
        was=round(HEIGHT * day["recorded"] / top, 1),
        now=round(HEIGHT * day["next"] / top, 1),
        title=f"{day['day']}: {day['recorded']} waited, {day['next']} would",
    )


def _measures(truth: Mapping[str, Any]) -> list[Measure]:
    made = []
    for source, against in SOURCES.items():
        for what, name in (("precision", "Of what was held up, bad"), ("recall", "Of what was bad, held up")):
            was, now = truth[source]["recorded"][what], truth[source]["next"][what]
            made.append(
                Measure(
                    against,
                    name,
                    _percent(was["permille"]),
                    _percent(now["permille"]),
                    _between(now["interval"]),
                )
            )
    return made


def _held(row: Mapping[str, Any]) -> Held:
    low, high = row["interval"] or (0, 0)
    name = "Everybody" if row["kind"] == "all" else f"{row['kind']} {row['segment']}"
    return Held(
        name=name,
        of=row["of"],
        was=_percent(row["recorded"]),
        now=_percent(row["next"]),
        between=_between(row["interval"]),
        low=_place(low),
        high=_place(high),
        was_at=_place(row["recorded"] or 0),
        now_at=_place(row["next"] or 0),
    )


def _place(permille: int) -> float:
    return round(WIDTH * permille / 1000, 1)


def _turned(row: Mapping[str, Any]) -> Turned:
    ref = wire("reg", UUID(row["registration"]))
    became = [f"{SOURCES[source]}: {TRUTHS[row[source]]}" for source in SOURCES if row[source] != "unknown"]
    return Turned(
        href=f"/admin/review/{ref}",
        ref=ref,
        was=VERDICTS[row["was"]],
        now=VERDICTS[row["now"]],
        rules=", ".join(row["rules"]),
        became="; ".join(became) or "not known",
    )
