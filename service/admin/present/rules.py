"""Rules in words: a row of the list, what a draft changes, the form of one rule."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.admin import rule_words, words
from service.admin.store import Names
from service.admin.views import (
    Change,
    DraftNote,
    DraftRule,
    Fact,
    FormField,
    RulePage,
    RuleRow,
    Select,
)
from service.risk.model import CATALOGUE, Draft, DraftState, RawRule, RuleFigures, Stage
from service.risk.rules import RiskPolicy, Rule, examples_text

Figures = Mapping[tuple[str, bool], RuleFigures]
_ORDER = (Stage.LIVE, Stage.SHADOW, Stage.RETIRED)


def rule_rows(policy: RiskPolicy, figures: Figures, draft: Draft | None) -> tuple[RuleRow, ...]:
    """Live ones first; within a stage those that spoke most."""
    rows = [(rule, rule_row(rule, figures, draft)) for rule in policy.rules]
    rows.sort(key=lambda pair: (_ORDER.index(pair[0].stage), -pair[1].hits, pair[1].id))
    return tuple(row for _, row in rows)


def rule_row(rule: Rule, figures: Figures, draft: Draft | None) -> RuleRow:
    done = figures.get((rule.id, rule.stage is Stage.SHADOW), RuleFigures())
    effect, tone = rule_words.EFFECT[rule.effect]
    return RuleRow(
        id=rule.id,
        says=words.RULE.get(rule.id) or words.sentence(rule.staff),
        badge=rule_words.STAGE[rule.stage],
        effect=f"weighs {rule.weight}" if rule.effect is None else effect,
        tone=tone,
        owner=rule.owner,
        version=rule.version,
        hits=done.hits,
        doubts=done.doubts,
        judged=done.judged,
        borne_out=done.borne_out,
        last=done.last,
        in_draft=draft is not None and rule.id in draft.rules,
    )


def draft_note(draft: Draft | None) -> DraftNote | None:
    if draft is None:
        return None
    count = len(draft.rules)
    many = f"{count} {'rule' if count == 1 else 'rules'}"
    waits = "waits for a second person" if draft.state is DraftState.PROPOSED else "is being written"
    return DraftNote(f"A draft that changes {many} {waits}.", f"/admin/rules/draft/{draft.id.hex}")


def rule_page(
    rule: Rule, raw: RawRule, policy: RiskPolicy, figures: Figures, draft: Draft | None, *, may_edit: bool
) -> RulePage:
    row = rule_row(rule, figures, draft)
    in_draft = draft.rules.get(rule.id) if draft else None
    facts = [
        Fact("Effect", row.effect),
        Fact("Version", str(rule.version)),
        Fact("Owner", rule.owner, "name"),
        Fact("Fired in 30 days", str(row.hits)),
        Fact("Right", precision(row.borne_out, row.judged)),
    ]
    if rule.ground:
        facts.insert(1, Fact("Ground", rule.ground.value.replace("-", " ")))
    if row.doubts:
        facts.append(Fact("Could not be asked", str(row.doubts)))
    is_open = draft is None or draft.state is DraftState.OPEN
    return RulePage(
        row=row,
        facts=tuple(facts),
        condition=" ".join(rule.when.text.split()),
        staff=words.sentence(rule.staff),
        applicant=policy.text(rule.code),
        examples=tuple(examples_text(raw).splitlines()),
        changes=changes_of(raw, in_draft) if in_draft else (),
        edit_href=f"/admin/rules/{rule.id}/edit" if may_edit and is_open else None,
        draft=draft_note(draft) if in_draft else None,
    )


def precision(borne_out: int, judged: int) -> str:
    """``7 of 9 judged``: a share without its number would mislead."""
    return f"{borne_out} of {judged} judged" if judged else "none judged yet"


def changes_of(before: RawRule | None, after: RawRule) -> tuple[Change, ...]:
    """What differs, field by field; a new rule differs in all that it says."""
    old, new = (_shown(before) if before else {}), _shown(after)
    names = dict.fromkeys((*new, *old))
    return tuple(
        Change(label, old.get(label, ""), new.get(label, ""), label in ("Condition", "Examples"))
        for label in names
        if old.get(label, "") != new.get(label, "")
    )


def _shown(rule: RawRule) -> dict[str, str]:
    """A rule's fields as text, by label."""
    found = {"Stage": str(rule.get("stage", "live")), "Version": str(rule.get("version", 1))}
    for name, label in rule_words.FIELDS.items():
        if name == "example":
            found[label] = examples_text(rule)
        elif name in rule:
            found[label] = " ".join(str(rule[name]).split())
    return found


def draft_rules(draft: Draft, base: Mapping[str, RawRule], *, may_edit: bool) -> tuple[DraftRule, ...]:
    return tuple(
        DraftRule(
            id=name,
            is_new=name not in base,
            version=int(rule.get("version", 1)),
            changes=changes_of(base.get(name), rule),
            edit_href=f"/admin/rules/{name}/edit" if may_edit else None,
            undo=f"/admin/rules/draft/{draft.id.hex}/undo" if may_edit else None,
        )
        for name, rule in sorted(draft.rules.items())
    )


def draft_facts(draft: Draft, names: Names) -> tuple[Fact, ...]:
    def who(each: Any) -> str:
        return names.staff.get(each, "somebody who left")

    found = [
        Fact("Made for policy", draft.base_version, "id"),
        Fact("Written by", ", ".join(who(each) for each in draft.authors), "name"),
    ]
    if draft.proposed_by:
        found.append(Fact("Proposed by", who(draft.proposed_by), "name"))
    if draft.reason:
        said = next((each.text for each in rule_words.REASONS if each.code == draft.reason), draft.reason)
        found.append(Fact("Because", said))
    if draft.approved_by:
        found.append(Fact("Published by", who(draft.approved_by), "name"))
    if draft.published_version:
        found.append(Fact("As policy", draft.published_version, "id"))
    if draft.digest:
        found.append(Fact("Digest of what is shown", draft.digest, "id"))
    return tuple(found)


# The form


def form_of_rule(raw: RawRule) -> dict[str, str]:
    """A rule as the form's fields hold it."""
    return {
        "id": str(raw.get("id", "")),
        "stage": str(raw.get("stage", "live")),
        "when": str(raw.get("when", "")).strip(),
        "effect": str(raw.get("verdict", "weight")),
        "ground": str(raw.get("ground", "")),
        "weight": str(raw.get("weight", "")),
        "staff": str(raw.get("staff", "")).strip(),
        "code": str(raw.get("code", "needs-a-person")),
        "owner": str(raw.get("owner", "")),
        "example": examples_text(raw),
    }


def rule_fields(
    typed: Mapping[str, str], wrong: Mapping[str, str], *, is_new: bool
) -> tuple[FormField | Select, ...]:
    def text(name: str, label: str, most: int, *, area: bool = False, required: bool = True) -> FormField:
        kind = "textarea" if area else "text"
        return FormField(
            name, label, typed.get(name, ""), rule_words.HINTS.get(name), wrong.get(name), kind, required=required,
            maxlength=most, readonly=name == "id" and not is_new,
        )  # fmt: skip

    def choose(name: str, label: str, choices: Iterable[Any]) -> Select:
        hint = rule_words.HINTS.get(name)
        return Select(name, label, typed.get(name, ""), tuple(choices), hint, wrong.get(name))

    return (
        text("id", "Name", 60),
        choose("stage", "Stage", rule_words.STAGES),
        text("when", "Condition", 1_000, area=True),
        choose("effect", "Effect", rule_words.EFFECTS),
        choose("ground", "Ground", rule_words.GROUNDS),
        text("weight", "Weight", 5, required=False),
        text("staff", "Text for staff", 400, area=True),
        choose("code", "Text for the applicant", rule_words.CODES),
        text("owner", "Owner", 60),
        text("example", "Examples", 6_000, area=True),
    )


def words_of_language(policy: RiskPolicy) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """(signals with their meaning, parameters with their value) that a condition may read."""
    signals = tuple((each.name, each.meaning) for each in CATALOGUE.values())
    return signals, tuple((name, str(value)) for name, value in policy.constants.items())
