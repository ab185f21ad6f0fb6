"""The pages of rules over the seed's own policy, with invented figures and an invented draft."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from service.admin import rule_words, views, words
from service.admin.present import rules as present
from service.admin.store import Names
from service.policies import build, seed
from service.risk.model import Draft, DraftState, RuleFigures

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
INES, JONAS = UUID(int=7), UUID(int=8)
NAMES = Names({}, {}, {}, {INES: "ines.okafor", JONAS: "jonas\u202e.weiss"})
POLICY = build(seed(demo=False), demo=False)
RAW = {rule["id"]: rule for rule in tomllib.loads(seed(demo=False).texts["risk.toml"])["rule"]}
FIGURES = {
    (rule.id, False): RuleFigures(1_240 // n, n % 3, NOW - timedelta(hours=n), 40 // n, 30 // n)
    for n, rule in enumerate(POLICY.risk.rules[:-2], 1)
}
BUSY = {
    **RAW["busy-device"],
    "version": 2,
    "when": "lines_on_device > device_lines and not dealer_absent",
    "owner": "D\u200bevices & Söhne",
}
NEW = {
    "id": "large-quota",
    "stage": "shadow",
    "version": 1,
    "when": "dealer_quota_day >= 300",
    "verdict": "review",
    "staff": "A quota of {dealer_quota_day} a day",
    "code": "needs-a-person",
    "owner": "dealers",
    "example": [{"given": {"dealer_quota_day": 900}, "expect": "fires"}, {"expect": "quiet"}],
}
OPEN = Draft(
    UUID("019318c2f4a07b3c9d51e6a2b8c4d0f1"), 3, DraftState.OPEN, POLICY.version,
    {"busy-device": BUSY, "large-quota": NEW}, (INES, JONAS), NOW - timedelta(days=1), NOW - timedelta(minutes=12),
)  # fmt: skip
PROPOSED = replace(
    OPEN, state=DraftState.PROPOSED, digest="9f" * 32, reason="new-pattern", proposed_by=INES, proposed_at=NOW
)
LISTED = views.RulesPage(
    present.rule_rows(POLICY.risk, FIGURES, OPEN), POLICY.version, True, present.draft_note(OPEN)
)
_BUSY = POLICY.risk.rule("busy-device")
assert _BUSY is not None
RULE = present.rule_page(_BUSY, RAW["busy-device"], POLICY.risk, FIGURES, OPEN, may_edit=True)


def _form(typed: dict[str, str], wrong: dict[str, str], name: str | None) -> views.RuleForm:
    signals, parameters = present.words_of_language(POLICY.risk)
    fields = present.rule_fields(typed, wrong, is_new=name is None)
    path = f"/admin/rules/{name}/edit" if name else "/admin/rules/new"
    return views.RuleForm(name, path, "3", fields, signals, parameters, "/admin/rules")


FORM = _form(present.form_of_rule(RAW["busy-device"]), {}, "busy-device")
WRONG = _form(
    present.form_of_rule(NEW),
    {
        "when": "There is no signal or parameter no_such.",
        "example": "An example that fires is needed.",
        "id": "Taken.",
    },
    None,
)


def _draft(draft: Draft, *acts: str, why_none: str | None = None) -> views.DraftPage:
    made = []
    for name in acts:
        key, verb, tone, effect, button = rule_words.ACTS[name]
        reasons = rule_words.REASONS if name == "propose" else ()
        made.append(
            views.Act(key, name, verb, words.act_tone(tone), effect, f"/admin/x/{name}", reasons, button)
        )
    return views.DraftPage(
        draft.id.hex,
        draft.version,
        rule_words.DRAFT[draft.state],
        rule_words.DRAFT[draft.state].word,
        draft.changed_at,
        present.draft_facts(draft, NAMES),
        present.draft_rules(draft, RAW, may_edit=draft.state is DraftState.OPEN),
        tuple(made),
        (views.Moment(NOW, "Rule changed: busy-device", "plain", "ines.okafor"),),
        draft.digest,
        why_none,
        code="approve" in acts,
    )


DRAFT = _draft(OPEN, "propose", "drop")
WAITS = _draft(PROPOSED, "approve", "withdraw")
MOVED = _draft(PROPOSED, "rebase", why_none=rule_words.MOVED)
