"""Backtests: one under way, one that is done, and the list of a draft's. The present's own work fills them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from service.admin.present.backtests import run_page, run_row
from service.admin.store import Names
from service.admin.views import Choice
from service.admin.views.backtests import RunPage, RunsPage
from service.policies.rules import build, seed
from service.risk.model import Decision, Verdict, ordinary
from service.risk.model.backtests import BacktestRun, RunState
from service.risk.rules import decide
from service.risk.rules.backtest import Backtest, Case, Outcome, Truth

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
WHO = UUID(int=7)
NAMES = Names({}, {}, {WHO: "Ines\u202e Demo"}, {})


def _result() -> dict[str, object]:
    policy = build(seed(demo=True), demo=True).risk
    told = Backtest(policy)
    for n in range(40):
        at = NOW - timedelta(days=n % 9)
        seen = ordinary().having({"lines_on_document": n % 7, "channel": "shop" if n % 3 else "web"})
        made = decide(seen, policy, at)
        was = Verdict.REVIEW if n % 5 == 0 else made.verdict
        judgement = type(made)(
            was, made.score, made.reasons, made.assurance, made.evidence, made.conditions, made.policy_version
        )
        outcome = Outcome((Truth.GOOD, Truth.BAD, Truth.UNKNOWN)[n % 3], Truth.GOOD if n % 4 else Truth.BAD)
        segments = {"document": "passport", "region": "UTO", "channel": str(seen.values["channel"])}
        told.add(Case(Decision(UUID(int=n), UUID(int=n), at, judgement, seen), outcome, segments))
    return told.json()


def _run(state: RunState, done: int, result: dict[str, object] | None = None) -> BacktestRun:
    return BacktestRun(
        UUID(int=1),
        UUID(int=2),
        "ab" * 32,
        NOW - timedelta(days=30),
        NOW,
        state,
        WHO,
        NOW,
        {},
        done,
        40,
        result,
    )


def under_way() -> RunPage:
    return run_page(_run(RunState.RUNNING, 15), NAMES, may_cancel=True)


def over() -> RunPage:
    return run_page(_run(RunState.DONE, 40, _result()), NAMES, may_cancel=True)


def listed() -> RunsPage:
    rows = (run_row(_run(RunState.DONE, 40, _result()), NAMES), run_row(_run(RunState.RUNNING, 15), NAMES))
    return RunsPage(
        "/admin/rules/draft/2", rows, (Choice("30", "The last 30 days"),), "/admin/rules/draft/2/backtests"
    )
