"""Assurance: scores, profiles, IALs, what is missing; laws that hold for every registration."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations, permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    DocumentKind,
    DocumentType,
    Outcome,
    Proof,
)
from service.documents.rules.assurance import Confidence, Ial, assess, ceiling, contribution
from service.documents.rules.assurance.nist import AT_IAL2, Grade, Held, Ownership, level
from service.documents.rules.assurance.profiles import (
    PROFILES,
    Gap,
    Pair,
    Profile,
    Scores,
    assignment,
    fits,
    gaps,
    reached,
)
from service.documents.rules.assurance.scheme import BY_CHECK, BY_SOURCE, ROWS
from service.documents.rules.details import SUBJECTS
from service.risk.model import Assurance, Signals
from service.risk.rules import decide
from tests.unit.risk.test_risk_rules import STRICT

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PASS, FAIL, WARN, SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED
YES = CheckResult("registry.answer", PASS, "yes")
ON_RECORD = CheckResult("registry.possession", SKIPPED, "contact-on-record")
NOT_LISTED = CheckResult("lost_stolen.answer", PASS, "not-listed")
LISTED = CheckResult("lost_stolen.answer", FAIL, "listed")
ALIVE = CheckResult("death.answer", PASS, "not-recorded")
DEAD = CheckResult("death.answer", WARN, "recorded")
CHIP = CheckResult("chip.active_authentication", PASS, "answered")
GOOD = (YES, ON_RECORD, NOT_LISTED, ALIVE, CHIP)


def paper(
    kind: DocumentType = DocumentType.PASSPORT,
    *said: CheckResult,
    state: str = "NLD",
    proof: Proof = Proof.CONSISTENT,
    outcome: Outcome = Outcome.PASS,
) -> DocumentCheck:
    how = DocumentKind.EMRTD if proof is Proof.SIGNED else DocumentKind.MRZ
    return DocumentCheck(UUID(int=1), UUID(int=2), how, kind, state, outcome, proof, None, said, NOW)


def signed(
    *said: CheckResult, kind: DocumentType = DocumentType.PASSPORT, state: str = "NLD"
) -> DocumentCheck:
    return paper(kind, *said, proof=Proof.SIGNED, state=state)


class TestWhatAShopGets:
    def test_a_typed_passport_and_a_code_reach_no_profile_and_it_is_said_what_is_missing(self) -> None:
        found = assess([paper()], {"line", "contact"})
        assert (found.profile, found.ial, found.confidence) == (None, Ial.NONE, Confidence.NONE)
        assert found.scores == Scores(((3, 0), (1, 0)), 0, 0, 0)
        assert found.aims_at == "L1B"
        assert found.missing == (
            "a registry's yes, or the issuer's signature on the chip",
            "a code from a number that the registry has on record, or the chip's answer to our challenge",
        )
        assert ceiling(found) == "basic"

    def test_a_code_alone_is_a_phone_account_whose_owner_nobody_knows(self) -> None:
        found = assess([], {"line"})
        assert [piece.document for piece in found.pieces] == [None]
        assert (found.scores.verification, found.profile, ceiling(found)) == (0, None, "none")
        assert "passport" in found.missing[0]

    def test_nothing_at_all(self) -> None:
        found = assess([], set())
        assert (found.pieces, found.profile, ceiling(found)) == ((), None, "none")
        assert len(found.missing_ial) == 2

    @pytest.mark.parametrize("outcome", [Outcome.REFER, Outcome.FAIL])
    def test_a_document_that_did_not_pass_counts_nothing(self, outcome: Outcome) -> None:
        found = assess([paper(DocumentType.PASSPORT, *GOOD, outcome=outcome)], {"contact"})
        assert found.profile is None
        assert len(found.waiting) == 1
        assert ceiling(found) == "none"

    def test_a_document_that_waits_is_the_first_thing_that_is_missing(self) -> None:
        waits = paper(DocumentType.PASSPORT, *GOOD, outcome=Outcome.REFER)
        found = assess([waits], {"contact"})
        assert (found.aims_at, found.missing) == ("L1A", ("a person who looked at the passport",))
        assert found.missing_ial[0] == "a person who looked at the passport"
        assert assess([signed(*GOOD), waits], {"contact"}).missing[0].startswith("a way to show")

    def test_a_number_or_a_description_is_no_piece_of_evidence(self) -> None:
        for kind in (DocumentType.NATIONAL_NUMBER, DocumentType.ATTESTATION, DocumentType.UNKNOWN):
            found = assess([paper(kind, *GOOD)], {"contact"})
            assert found.pieces[0].scores[0] == 0
            assert found.pieces[0].held is None
            assert found.profile is None


class TestProfiles:
    def test_a_registry_and_a_code_from_a_number_on_its_record_reach_low(self) -> None:
        found = assess([paper(DocumentType.PASSPORT, YES, ON_RECORD)], {"contact"})
        assert found.profile is not None
        assert (found.profile.name, found.rows["verification"]) == ("L1B", "verification.code")
        assert ceiling(found) == "substantial"

    def test_a_code_from_another_number_proves_nothing(self) -> None:
        found = assess([paper(DocumentType.PASSPORT, YES, ON_RECORD)], {"line"})
        assert (found.profile, found.rows["verification"]) == (None, "verification.nothing")

    def test_a_code_that_was_noted_with_the_document_counts_without_being_told(self) -> None:
        proved = CheckResult("registry.possession", PASS, "number-proved")
        assert assess([paper(DocumentType.PASSPORT, YES, proved)], set()).profile is not None

    def test_a_signed_chip_that_answered_reaches_low_and_never_medium(self) -> None:
        found = assess([signed(*GOOD)], {"contact", "line"})
        assert found.profile is not None
        assert found.scores.evidence[0] == (4, 3)
        assert found.profile.confidence is Confidence.LOW
        assert found.aims_at == "M1A"
        assert found.missing == (
            "a way to show whose document it is that counts as 2; nothing here does, since no face is compared",
        )

    def test_a_signature_alone_may_be_a_copy_and_reaches_nothing(self) -> None:
        found = assess([signed()], {"line"})
        assert (found.scores.evidence[0], found.profile) == ((4, 2), None)
        assert ceiling(found) == "substantial"

    def test_the_answer_of_a_chip_that_nobody_signed_is_worth_nothing(self) -> None:
        assert assess([paper(DocumentType.PASSPORT, YES, CHIP)], set()).profile is None

    def test_a_card_that_no_list_names_also_needs_the_list_of_lost_documents(self) -> None:
        card = paper(DocumentType.ID_CARD, YES, ON_RECORD, state="IDN")
        found = assess([card], {"contact"})
        assert (found.profile, found.aims_at) == (None, "L1A")
        assert found.missing == ("an answer that the document is not listed as lost or stolen",)
        found = assess([replace(card, checks=(*card.checks, NOT_LISTED))], {"contact"})
        assert found.profile is not None
        assert found.profile.name == "L1A"

    def test_an_invented_number_is_on_no_list_and_earns_nothing_by_it(self) -> None:
        found = assess([paper(DocumentType.PASSPORT, NOT_LISTED, ALIVE)], set())
        assert found.scores.fraud == 0

    def test_two_reads_of_one_type_and_state_are_one_piece(self) -> None:
        read, chip = paper(DocumentType.PASSPORT, YES), signed()
        assert assess([read, chip], set()).scores.evidence == ((4, 2),)
        assert len(assess([read, replace(chip, issuing_state="FRA")], set()).pieces) == 2

    @pytest.mark.parametrize("against", [LISTED, DEAD])
    def test_what_speaks_against_a_person_leaves_no_level(self, against: CheckResult) -> None:
        listed = paper(DocumentType.ID_CARD, YES, against, outcome=Outcome.REFER)
        found = assess([signed(*GOOD), listed], {"contact"})
        assert (found.profile, found.ial, found.scores.fraud, ceiling(found)) == (None, Ial.NONE, 0, "none")
        assert found.missing[0].startswith("a person who looked at")


STRENGTHS = [
    (DocumentType.PASSPORT, "NLD", 3, 4),
    (DocumentType.ID_CARD, "D", 3, 4),
    (DocumentType.ID_CARD, "KEN", 2, 3),
    (DocumentType.RESIDENCE_PERMIT, "FRA", 2, 3),
    (DocumentType.DRIVING_LICENCE, "FRA", 3, 3),
    (DocumentType.DRIVING_LICENCE, "CHE", 2, 2),
    (DocumentType.VISA, "NLD", 1, 1),
    (DocumentType.CREW_CERTIFICATE, "NLD", 1, 1),
]


@pytest.mark.parametrize(("kind", "state", "plain", "with_chip"), STRENGTHS)
def test_strengths(kind: DocumentType, state: str, plain: int, with_chip: int) -> None:
    found = (paper(kind, state=state), signed(kind=kind, state=state))
    assert [assess([each], set()).scores.evidence[0][0] for each in found] == [plain, with_chip]


class TestIal:
    def test_ial1_takes_a_signature_a_code_on_record_and_the_register_of_deaths(self) -> None:
        whole = signed(YES, ON_RECORD, ALIVE)
        assert assess([whole], {"contact"}).ial is Ial.IAL1
        for without in (
            paper(DocumentType.PASSPORT, YES, ON_RECORD, ALIVE),
            signed(YES, ON_RECORD),
            signed(ALIVE),
        ):
            assert assess([without], {"contact"}).ial is Ial.NONE

    def test_ial2_is_out_of_reach_and_it_is_said_what_it_takes(self) -> None:
        found = assess([signed(*GOOD)], {"contact", "line"})
        assert found.ial is Ial.IAL1
        assert "by post" in found.missing_ial[0]

    def test_a_code_by_sms_never_carries_a_strong_piece_to_ial2(self) -> None:
        assert Ownership.CODE in AT_IAL2[Grade.FAIR]
        assert all(Ownership.CODE not in AT_IAL2[grade] for grade in (Grade.STRONG, Grade.SUPERIOR))

    @pytest.mark.parametrize(
        ("grades", "owned", "expected"),
        [
            ((Grade.SUPERIOR,), Ownership.STRONG_LOGIN, Ial.IAL2),
            ((Grade.SUPERIOR,), Ownership.LOGIN, Ial.IAL1),
            ((Grade.STRONG,), Ownership.POST, Ial.IAL1),
            ((Grade.STRONG, Grade.STRONG), Ownership.LOGIN, Ial.IAL2),
            ((Grade.FAIR, Grade.STRONG), Ownership.POST, Ial.IAL2),
            ((Grade.FAIR, Grade.FAIR), Ownership.POST, Ial.IAL1),
            ((Grade.SUPERIOR, Grade.FAIR), Ownership.CODE, Ial.IAL1),
            ((), Ownership.POST, Ial.NONE),
        ],
    )
    def test_the_sets_of_evidence(self, grades: tuple[Grade, ...], owned: Ownership, expected: Ial) -> None:
        pieces = [Held("piece", grade, True, True, frozenset({owned})) for grade in grades]
        assert level(pieces, deaths_asked=True) is expected
        assert level(pieces, deaths_asked=False) is Ial.NONE


def brute(slots: Sequence[Pair], evidence: Sequence[Pair]) -> bool:
    return any(
        all(piece[0] >= slot[0] and piece[1] >= slot[1] for slot, piece in zip(slots, chosen, strict=True))
        for chosen in permutations(evidence, len(slots))
    )


pairs = st.tuples(st.integers(0, 4), st.integers(0, 4))
scores = st.builds(
    Scores, st.lists(pairs, max_size=4).map(tuple), st.integers(0, 4), st.integers(0, 3), st.integers(0, 2)
)


class TestMatcher:
    def test_the_first_that_fits_is_not_always_the_one(self) -> None:
        assert assignment(((2, 2), (3, 2)), ((3, 2), (2, 2))) == (1, 0)

    @settings(deadline=None)
    @given(st.lists(pairs, min_size=1, max_size=3), st.lists(pairs, max_size=5))
    def test_it_finds_what_brute_force_finds(self, slots: list[Pair], evidence: list[Pair]) -> None:
        found = assignment(slots, evidence)
        assert (found is not None) == brute(slots, evidence)
        if found is not None:
            assert len(set(found)) == len(slots)
            chosen = [evidence[index] for index in found]
            assert brute(slots, chosen)

    @settings(deadline=None)
    @given(st.sampled_from(PROFILES), scores)
    def test_nothing_is_missing_exactly_where_a_profile_fits(self, profile: Profile, have: Scores) -> None:
        assert (gaps(profile, have) == ()) == fits(profile, have)

    @settings(deadline=None)
    @given(scores, pairs)
    def test_another_piece_never_lowers_the_profile(self, have: Scores, piece: Pair) -> None:
        more = replace(have, evidence=(*have.evidence, piece))
        order = list(Confidence)
        one, other = reached(have), reached(more)
        assert order.index(one.confidence if one else Confidence.NONE) <= order.index(
            other.confidence if other else Confidence.NONE
        )

    def test_scores_are_not_added(self) -> None:
        assert not fits(PROFILES[6], Scores(((2, 1), (2, 1)), 4, 3, 2))

    def test_a_gap_names_the_piece_that_falls_short(self) -> None:
        assert gaps(PROFILES[9], Scores(((2, 2), (3, 1)), 1, 1, 2)) == (Gap("validity", 2, 1, 1),)


found_checks = st.sets(
    st.sampled_from([YES, ON_RECORD, NOT_LISTED, ALIVE, CHIP, LISTED, DEAD]), max_size=7
).map(tuple)
papers = st.builds(
    lambda kind, said, state, proof, outcome: paper(kind, *said, state=state, proof=proof, outcome=outcome),
    st.sampled_from(list(DocumentType)),
    found_checks,
    st.sampled_from(["NLD", "KEN"]),
    st.sampled_from([Proof.NONE, Proof.CONSISTENT, Proof.CONFIRMED, Proof.SIGNED]),
    st.sampled_from(list(Outcome)),
)
targets = st.sets(st.sampled_from(["line", "contact"]))
GAIN = st.builds(
    lambda kind, said: signed(*said, kind=kind), st.sampled_from(list(DocumentType)), st.just(GOOD)
)


class TestLaws:
    @settings(deadline=None)
    @given(st.lists(papers, max_size=4), targets)
    def test_no_profile_with_a_verification_of_three_and_no_ial2_is_ever_reached(
        self, documents: list[DocumentCheck], codes: set[str]
    ) -> None:
        found = assess(documents, codes)
        assert found.scores.verification <= 1
        assert found.profile is None or found.profile.name in ("L1A", "L1B")
        assert found.ial is not Ial.IAL2
        assert found.missing
        assert found.missing_ial

    @settings(deadline=None)
    @given(st.lists(papers, max_size=3), targets, GAIN, targets)
    def test_more_evidence_never_lowers_the_level(
        self, documents: list[DocumentCheck], codes: set[str], other: DocumentCheck, more: set[str]
    ) -> None:
        before, after = assess(documents, codes), assess([*documents, other], codes | more)
        for ladder, values in (
            (list(Confidence), (before.confidence, after.confidence)),
            (list(Ial), (before.ial, after.ial)),
            (list(Assurance), (ceiling(before), ceiling(after))),
        ):
            assert ladder.index(values[0]) <= ladder.index(values[1])  # type: ignore[arg-type]  # ladders of one kind each

    @settings(deadline=None)
    @given(papers, targets)
    def test_the_wire_never_says_more_than_is_explained(
        self, document: DocumentCheck, codes: set[str]
    ) -> None:
        """Of findings that the rules of documents can make: a listed document, a death or no yes never pass."""
        is_refused = LISTED in document.checks or DEAD in document.checks
        is_bare = document.proof is Proof.CONFIRMED and YES not in document.checks
        if (is_refused and document.outcome is Outcome.PASS) or is_bare:
            return
        seen = Signals(
            {
                "document_outcome": document.outcome.value,
                "proof": document.proof.value,
                "line_code_verified": "line" in codes,
                "contact_code_verified": "contact" in codes,
            }
        )
        judged = decide(seen, STRICT, NOW).assurance
        ladder = list(Assurance)
        assert ladder.index(judged) <= ladder.index(Assurance(ceiling(assess([document], codes))))
        assert judged is not Assurance.HIGH


def test_every_check_has_a_contribution() -> None:
    sources = {check_id.partition(".")[0] for check_id in SUBJECTS}
    answered = {check_id.partition(".")[0] for check_id in BY_CHECK}
    assert sources <= set(BY_SOURCE) | answered
    assert all(contribution(check_id) for check_id in SUBJECTS)


def test_every_row_is_well_formed() -> None:
    for name, row in ROWS.items():
        assert row.why
        assert row.clause.startswith(("GPG 45", "SP 800-63A-4"))
        assert name.startswith("nist.") or 0 <= row.score <= 4
    assert max(row.score for row in ROWS.values() if row.part == "verification") == 1
    assert max(profile.verification for profile in PROFILES) == 2
    assert all(len(set(chosen)) == 2 for chosen in combinations([profile.name for profile in PROFILES], 2))
