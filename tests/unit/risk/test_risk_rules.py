"""The seed policy: every rule fires and stays quiet where it should, and what no rule may do."""

import copy
import tomllib
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.risk.model import (
    CATALOGUE,
    WITHHELD,
    ApplicantCode,
    Assurance,
    Decision,
    DenyGround,
    Evidence,
    HoldingsLimit,
    RuleError,
    Signals,
    Verdict,
    ends_for_scam,
    ordinary,
)
from service.risk.rules import RiskPolicy, by_person, decide, is_at_cap, load_policy, replay

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SEED: dict[str, Any] = tomllib.loads(
    resources.files("service").joinpath("policy/risk.toml").read_text("utf-8")
)


def policy_with(**parameters: Any) -> RiskPolicy:
    return load_policy({**SEED, "parameters": {**SEED["parameters"], **parameters}})


STRICT = policy_with()
LIMITED = policy_with(unproven_evidence="limited", specimens="allow")


def judged(policy: RiskPolicy = STRICT, **signals: Any):
    return decide(ordinary().having(signals), policy, NOW)


def fired(policy: RiskPolicy = STRICT, **signals: Any) -> set[str]:
    return {reason.rule for reason in judged(policy, **signals).reasons}


class TestSeed:
    def test_an_ordinary_registration_is_approved_in_full(self) -> None:
        judgement = judged()
        assert (judgement.verdict, judgement.reasons, judgement.score) == (Verdict.APPROVED, (), 0)
        assert judgement.assurance is Assurance.SUBSTANTIAL
        assert judgement.evidence is Evidence.FULL
        assert judgement.conditions.probation_until is None

    @pytest.mark.parametrize("rule", SEED["rule"], ids=lambda rule: rule["id"])
    def test_every_rule_has_examples_that_fire_and_that_do_not(self, rule: dict[str, Any]) -> None:
        for example in rule["example"]:
            policy = policy_with(**example.get("with", {}))
            values = {**example.get("given", {}), **dict.fromkeys(example.get("unknown", ()))}
            reasons = {r.rule: r for r in judged(policy, **values).reasons}
            if example["expect"] == "quiet":
                assert rule["id"] not in reasons
            elif example["expect"] == "unknown":
                assert reasons[rule["id"]].unknown in example["unknown"]
                assert reasons[rule["id"]].effect is Verdict.REVIEW
            else:
                reason = reasons[rule["id"]]
                assert reason.contribution == rule.get("weight", 0)
                assert reason.facts or set(values) & WITHHELD, "a rule that fires says what it saw"
                assert "?" not in reason.staff
                assert "{" not in reason.staff

    def test_a_reason_tells_value_and_threshold(self) -> None:
        (reason,) = judged(lines_on_document=7).reasons
        (fact,) = reason.facts
        assert (fact.name, fact.op, fact.value, fact.threshold) == ("lines_on_document", ">=", 7, 5)
        assert reason.code is ApplicantCode.LIMIT_REACHED

    def test_what_other_operators_hold_reads_as_the_own_cap_and_only_a_person_decides_on_it(self) -> None:
        own, theirs = judged(lines_on_document=5), judged(shared_limit_exceeded=True)
        assert (own.verdict, theirs.verdict) == (Verdict.DENIED, Verdict.REVIEW)
        (mine,), (other,) = own.reasons, theirs.reasons
        assert (mine.rule, mine.staff, mine.code, mine.text) == (
            other.rule,
            other.staff,
            other.code,
            other.text,
        )
        assert mine.staff == HoldingsLimit.title
        assert other.facts == ()
        assert judged(shared_limit_exceeded=None).verdict is Verdict.REVIEW

    @pytest.mark.parametrize("change", [{"code": "needs-a-person"}, {"staff": "{lines_on_document} lines"}])
    def test_a_rule_may_not_word_it_otherwise(self, change: dict[str, str]) -> None:
        raw = copy.deepcopy(SEED)
        next(rule for rule in raw["rule"] if rule["id"] == "cap-on-identity").update(change)
        with pytest.raises(RuleError, match="other operators"):
            load_policy(raw)

    @pytest.mark.parametrize("cap", [1, 2])
    def test_single_lines_elsewhere_are_not_told(self, cap: int) -> None:
        with pytest.raises(RuleError, match="shared_cap"):
            policy_with(shared_cap=cap)

    def test_unproven_evidence_gets_a_person_by_default_and_little_where_limited(self) -> None:
        assert judged(proof="consistent").verdict is Verdict.REVIEW
        few = judged(LIMITED, proof="consistent", lines_on_document=1)
        assert (few.verdict, few.evidence, few.assurance) == (
            Verdict.APPROVED,
            Evidence.LIMITED,
            Assurance.BASIC,
        )
        assert few.conditions.probation_until == NOW + timedelta(days=30)
        assert judged(LIMITED, proof="consistent", lines_on_document=2).verdict is Verdict.REVIEW
        assert judged(LIMITED, proof="consistent", lines_on_document=5).verdict is Verdict.DENIED
        assert judged(LIMITED, proof="signed", lines_on_document=4).verdict is Verdict.APPROVED
        deny = policy_with(unproven_evidence="deny")
        assert judged(deny, proof="consistent").verdict is Verdict.DENIED
        assert judged(deny, proof="confirmed").verdict is Verdict.APPROVED

    def test_a_dealers_unproven_share(self) -> None:
        """At most 20 %, but three in any case."""
        for unproven, lines, expected in [
            (2, 2, "approved"),
            (3, 3, "review"),
            (3, 18, "review"),
            (3, 19, "approved"),
        ]:
            verdict = judged(
                LIMITED, proof="consistent", dealer_unproven_today=unproven, dealer_lines_today=lines
            ).verdict
            assert verdict == expected, (unproven, lines)

    def test_weights_add_up_to_a_person(self) -> None:
        policy = policy_with(review_score=50)
        assert judged(policy, agent_absent=True).verdict is Verdict.APPROVED
        both = judged(policy, agent_absent=True, otp_tries=5)
        assert (both.verdict, both.score) == (Verdict.REVIEW, 65)
        assert both.applicant_reasons() == (
            (ApplicantCode.NEEDS_A_PERSON, STRICT.text(ApplicantCode.NEEDS_A_PERSON)),
        )

    @pytest.mark.parametrize(
        "signals",
        [
            {"lines_on_device": 12},
            {"lines_on_device": 12, "lines_on_person": 12, "scam_on_device": 9, "strikes_on_device": 9},
            {"dealer_lines_today": 5_000, "dealer_unproven_today": 5_000, "strikes_on_dealer": 40},
            {"scam_on_person": 3, "strikes_on_person": 3, "strikes_on_personal_number": 2},
            {"document_outcome": "fail", "typed_data": "differs", "document_expired": True},
            {"age_years": 9},
        ],
    )
    def test_device_dealer_person_and_doubt_never_deny(self, signals: dict[str, Any]) -> None:
        """A busy shop, a hostel, a family on one phone, a namesake: at most a person looks."""
        for policy in (STRICT, LIMITED):
            assert judged(policy, **signals).verdict is Verdict.REVIEW

    def test_a_family_on_one_phone_is_approved(self) -> None:
        assert judged(LIMITED, proof="consistent", lines_on_device=4).verdict is Verdict.APPROVED

    @pytest.mark.parametrize(
        ("signals", "rule"),
        [
            ({"lines_on_document": 5}, "cap-on-identity"),
            ({"lines_on_personal_number": 5}, "cap-on-identity"),
            ({"document_signature": "failed"}, "signature-failed"),
            ({"document_revoked": True}, "document-revoked"),
            ({"registry_answer": "no"}, "registry-says-no"),
            ({"strikes_on_document": 1}, "strike-on-document"),
        ],
    )
    def test_the_grounds_deny_and_tell_the_applicant_little(self, signals: dict[str, Any], rule: str) -> None:
        judgement = judged(**signals)
        assert judgement.verdict is Verdict.DENIED
        assert judgement.assurance is Assurance.NONE
        assert rule in {reason.rule for reason in judgement.reasons if reason.effect is Verdict.DENIED}
        told = {code for code, _ in judgement.applicant_reasons()}
        assert told <= {ApplicantCode.LIMIT_REACHED, ApplicantCode.NOT_ACCEPTED}

    def test_an_approval_says_nothing_to_the_applicant(self) -> None:
        assert judged(otp_tries=4).applicant_reasons() == ()

    @pytest.mark.parametrize("name", sorted(CATALOGUE))
    def test_no_unknown_signal_makes_the_verdict_milder_than_ordinary(self, name: str) -> None:
        judgement = judged(**{name: None})
        if name not in {"document_revoked", "document_expires_in_days", "age_years", "dealer_quota_day"}:
            reads = any(name in rule.when.signals for rule in STRICT.rules)
            assert (judgement.verdict is Verdict.REVIEW) is (reads and judgement.reasons != ())
        assert judgement.verdict is not Verdict.DENIED

    @pytest.mark.parametrize(
        "name", ["lines_on_document", "lines_on_personal_number", "proof", "strikes_on_document"]
    )
    def test_a_capped_count_that_is_not_known_goes_to_a_person(self, name: str) -> None:
        judgement = judged(**{name: None})
        assert judgement.verdict is Verdict.REVIEW
        assert name in {reason.unknown for reason in judgement.reasons}


class TestLaws:
    counts = st.integers(0, 12)

    @given(
        fewer=counts,
        more=counts,
        name=st.sampled_from(
            [
                n
                for n in CATALOGUE
                if n.startswith(("lines_on_", "scam_on_", "strikes_on_")) or n == "unproven_on_document"
            ]
        ),
        proof=st.sampled_from(["none", "consistent", "confirmed", "signed"]),
        others=st.fixed_dictionaries(
            {"lines_on_person": counts, "lines_on_device": counts, "otp_tries": counts}
        ),
        policy=st.sampled_from([STRICT, LIMITED]),
    )
    @settings(max_examples=100, deadline=None)
    def test_more_never_makes_it_milder(
        self, fewer: int, more: int, name: str, proof: str, others: dict[str, int], policy: RiskPolicy
    ) -> None:
        few, many = sorted((fewer, more))
        before = judged(policy, **others, proof=proof, **({name: few} if name not in others else {}))
        after = judged(policy, **{**others, "proof": proof, name: max(many, others.get(name, 0))})
        if name in others:
            before = judged(policy, **others, proof=proof)
        assert after.verdict.severity >= before.verdict.severity

    @given(
        values=st.fixed_dictionaries(
            {
                name: st.one_of(
                    st.none(),
                    st.booleans()
                    if signal.type.kind == "bool"
                    else st.integers(signal.low, min(signal.high, 500))
                    if signal.type.kind == "int"
                    else st.sampled_from(sorted(signal.type.values)),
                )
                for name, signal in CATALOGUE.items()
            }
        ),
        policy=st.sampled_from([STRICT, LIMITED]),
    )
    @settings(max_examples=50, deadline=None)
    def test_any_signals_are_judged_and_replayed_the_same(
        self, values: dict[str, Any], policy: RiskPolicy
    ) -> None:
        signals = Signals.of(values)
        judgement = decide(signals, policy, NOW)
        decision = Decision(UUID(int=1), UUID(int=2), NOW, judgement, signals)
        assert replay(decision, policy) == judgement
        denying = {r.rule for r in judgement.reasons if r.effect is Verdict.DENIED}
        grounded = {rule.id for rule in policy.rules if rule.ground is not None}
        assert denying <= grounded
        # Who has the line does not lose it to a rule.
        denies = bool(denying) and values["purpose"] != "reverify"
        assert (judgement.verdict is Verdict.DENIED) == denies
        if None in values.values() and judgement.verdict is Verdict.APPROVED:
            unknown = {name for name, value in values.items() if value is None}
            assert not unknown & {
                "lines_on_document",
                "lines_on_personal_number",
                "proof",
                "document_outcome",
            }

    def test_a_replay_under_another_policy_says_what_would_change(self) -> None:
        signals = ordinary().having({"lines_on_document": 3})
        decision = Decision(UUID(int=1), UUID(int=2), NOW, decide(signals, STRICT, NOW), signals)
        assert decision.verdict is Verdict.APPROVED
        assert replay(decision, policy_with(cap=3)).verdict is Verdict.DENIED

    def test_a_rule_that_breaks_sends_to_a_person_and_is_counted(self) -> None:
        raw = copy.deepcopy(SEED)
        raw["rule"].append(
            {
                "id": "breaks-at-zero",
                "when": "10 / lines_on_device > 4",
                "weight": 1,
                "staff": "-",
                "code": "needs-a-person",
                "owner": "test",
                "example": [
                    {"given": {"lines_on_device": 3}, "expect": "quiet"},
                    {"given": {"lines_on_device": 2}, "expect": "fires"},
                ],
            }
        )
        judgement = decide(ordinary(), load_policy(raw), NOW)
        assert judgement.verdict is Verdict.REVIEW
        assert judgement.failed_rules == ("breaks-at-zero",)

    def test_the_hard_cap_counts_what_is_not_known_as_reached(self) -> None:
        assert not is_at_cap(ordinary().having({"lines_on_document": 4}), STRICT)
        assert is_at_cap(ordinary().having({"lines_on_document": 5}), STRICT)
        assert is_at_cap(ordinary().having({"lines_on_personal_number": 5}), STRICT)
        assert is_at_cap(ordinary().having({"lines_on_document": None}), STRICT)

    def test_a_persons_approval_on_unproven_papers_comes_with_probation(self) -> None:
        signals = ordinary().having({"proof": "consistent"})
        before = decide(signals, STRICT, NOW)
        assert before.verdict is Verdict.REVIEW
        later = NOW + timedelta(days=1)
        after = by_person(before, signals, Verdict.APPROVED, STRICT, later)
        assert after.verdict is Verdict.APPROVED
        assert after.conditions.probation_until == later + timedelta(days=30)
        assert after.reasons == before.reasons


class TestGate:
    """What the loader refuses, each with a text that names the place."""

    def refused(self, change: Any) -> str:
        raw = copy.deepcopy(SEED)
        change(raw)
        with pytest.raises(RuleError) as caught:
            load_policy(raw)
        return str(caught.value)

    def rule(self, **changes: Any) -> str:
        def change(raw: dict[str, Any]) -> None:
            rule = next(rule for rule in raw["rule"] if rule["id"] == "busy-device")
            rule.update(changes)
            for key in [key for key, value in rule.items() if value is None]:
                del rule[key]

        return self.refused(change)

    def test_a_denial_needs_a_ground_of_the_list(self) -> None:
        assert "nobody is denied without a person" in self.rule(verdict="deny")
        assert "nobody is denied without a person" in self.rule(verdict="deny", ground="busy-device")
        assert "only a denial has a ground" in self.rule(ground="cap")
        assert set(DenyGround) == {
            "cap", "signature-failed", "document-revoked", "registry-no", "strike-on-document", "unproven",
        }  # fmt: skip

    def test_a_denial_that_is_wider_than_its_ground_only_sends_to_a_person(self) -> None:
        raw = copy.deepcopy(SEED)
        next(r for r in raw["rule"] if r["id"] == "busy-device").update(verdict="deny", ground="cap")
        policy = load_policy(raw)
        assert decide(ordinary().having({"lines_on_device": 50}), policy, NOW).verdict is Verdict.REVIEW

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"verdict": "approve"}, "no rule approves"),
            ({"weight": 5}, "either a verdict or a weight"),
            ({"verdict": None, "weight": -5}, "weight is a whole number"),
            ({"verdict": None, "weight": True}, "weight is a whole number"),
            ({"when": "lines_on_devise > 5"}, "there is no signal or parameter lines_on_devise"),
            ({"when": "lines_on_device > 'x'"}, "lines_on_device is int"),
            ({"when": "True"}, "reads at least one signal"),
            ({"staff": "{lines_on_devise}"}, "staff names lines_on_devise"),
            ({"code": "busy"}, "code is one of"),
            ({"owner": ""}, "owner"),
            ({"colour": "red"}, "colour is not known here"),
            ({"id": "Busy Device"}, "an id of lower-case letters"),
            ({"id": "no-code"}, "used twice"),
            ({"example": []}, "an example that fires and one that stays quiet"),
            ({"example": [{"expect": "fires"}]}, "expected fires, and it is quiet"),
            ({"example": [{"expect": "maybe"}]}, "expect is fires, quiet or unknown"),
            ({"example": [{"given": {"lines": 1}, "expect": "quiet"}]}, "there is no signal lines"),
            ({"example": [{"given": {"proof": "face"}, "expect": "quiet"}]}, "signal proof takes choice"),
            ({"example": [{"with": {"cap": "x"}, "expect": "quiet"}]}, "no parameter of that type"),
            ({"example": [{"unknown": ["face"], "expect": "quiet"}]}, "there is no signal face"),
        ],
    )
    def test_a_rule_that_is_wrong(self, changes: dict[str, Any], text: str) -> None:
        told = self.rule(**changes)
        assert text in told
        assert told.startswith("rule")

    @pytest.mark.parametrize(
        ("parameters", "text"),
        [
            ({"cap": 0}, "parameters.cap: lies outside 1-100"),
            ({"cap": True}, "parameters.cap: takes a whole number"),
            ({"cap": 5.0}, "parameters.cap: takes a whole number"),
            ({"unproven_evidence": "allow"}, "takes deny, limited, review"),
            ({"caps": 5}, "caps is not known here"),
            ({"cap": ...}, "parameters.cap: is missing"),
        ],
    )
    def test_a_parameter_that_is_wrong(self, parameters: dict[str, Any], text: str) -> None:
        def change(raw: dict[str, Any]) -> None:
            raw["parameters"].update(parameters)
            for name in [n for n, v in raw["parameters"].items() if v is ...]:
                del raw["parameters"][name]

        assert text in self.refused(change)

    @pytest.mark.parametrize(
        "gone",
        [
            "cap-on-identity",
            "strike-on-document",
            "registry-says-no",
            "unproven-evidence",
            "document-doubtful",
            "specimen",
            "no-code",
            "under-age",
            "scam-on-links",
        ],
    )
    def test_a_policy_that_would_approve_what_none_may(self, gone: str) -> None:
        told = self.refused(lambda raw: raw.update(rule=[r for r in raw["rule"] if r["id"] != gone]))
        assert "the policy would approve" in told

    def test_texts_and_shape(self) -> None:
        assert "texts: English is needed" in self.refused(lambda raw: raw["texts"].pop("en"))
        assert "texts.de.limit-reached" in self.refused(lambda raw: raw["texts"]["de"].pop("limit-reached"))
        assert "1 to 500 rules" in self.refused(lambda raw: raw.update(rule=[]))
        assert "parameters: a table" in self.refused(lambda raw: raw.update(parameters=3))
        assert "faces is not known here" in self.refused(lambda raw: raw.update(faces={}))

    def test_the_digest_is_of_the_content(self) -> None:
        assert load_policy(copy.deepcopy(SEED)).digest == STRICT.digest
        assert LIMITED.digest != STRICT.digest
        assert load_policy(SEED, "2026-11").version == "2026-11"
        assert STRICT.version == STRICT.digest[:16]

    def test_texts_by_language(self) -> None:
        german = STRICT.text(ApplicantCode.NEEDS_A_PERSON, "de-AT")
        assert german != STRICT.text(ApplicantCode.NEEDS_A_PERSON)
        assert STRICT.text(ApplicantCode.NEEDS_A_PERSON, "tlh") == STRICT.text(ApplicantCode.NEEDS_A_PERSON)


class TestSignals:
    def test_they_are_typed_and_clipped(self) -> None:
        signals = Signals.of({"age_years": 74, "document_expires_in_days": 3_000, "otp_tries": None})
        assert dict(signals.values) == {"age_years": 21, "document_expires_in_days": 400}
        for wrong in ({"face": True}, {"age_years": "74"}, {"age_years": True}, {"proof": "face"}):
            with pytest.raises(ValueError):
                Signals.of(wrong)

    def test_the_catalogue_is_documented_and_holds_no_personal_datum(self) -> None:
        for signal in CATALOGUE.values():
            assert signal.meaning
            assert signal.unit
            assert signal.type.holds(signal.ordinary)
            assert signal.type.kind in ("int", "bool", "choice"), "free text is no signal"

    @pytest.mark.parametrize(
        ("reason", "expected"),
        [
            ("scam", (True, False)),
            ("scam-confirmed", (True, True)),
            ("scam_confirmed", (True, True)),
            ("holder-request", (False, False)),
            (None, (False, False)),
        ],
    )
    def test_reasons_of_lines(self, reason: str | None, expected: tuple[bool, bool]) -> None:
        assert ends_for_scam(reason) == expected

    def test_a_reference_can_be_spelled_over_the_telephone(self) -> None:
        decision = Decision(UUID(int=(1 << 40) - 1), UUID(int=2), NOW, judged(), ordinary())
        assert decision.reference == "ZZZZ-ZZZZ"


@pytest.mark.parametrize(
    ("proof", "hours", "waits"), [("consistent", 4, 4), ("consistent", 0, 0), ("signed", 4, 0)]
)
def test_unproven_papers_wait_for_full_service_until_their_holder_was_told(
    proof: str, hours: int, waits: int
) -> None:
    policy = policy_with(unproven_evidence="limited", notice_hours=hours)
    judged = decide(ordinary().having({"proof": proof}), policy, NOW)
    assert judged.verdict is Verdict.APPROVED
    assert judged.conditions.restricted_until == (NOW + timedelta(hours=waits) if waits else None)
