"""What is said outside: as findings and back, all at once under one deadline, remembered or not; and possession."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from service.documents import rules
from service.documents.model import (
    NO_PHONES,
    Answers,
    Asked,
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    DocumentFacts,
    DocumentKind,
    DocumentType,
    Outcome,
    Phone,
    Phones,
    Proof,
    RegistryAnswer,
    RegistryReply,
)
from service.documents.rules.authorities import CHIP, CHIP_KEY, POSSESSION, findings_of, proof_of
from service.documents.rules.chips import SIGNED_BY
from service.documents.rules.details import CODES, SUBJECTS
from service.documents.workflow.asking import NOT_LISTED_FOR, Enquiries, Noes
from service.kit.mrz import MrzDate
from service.registration import rules as registrations
from service.registration.model import CodeProof, DocumentSummary, Target
from service.risk.model import CATALOGUE

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
YES, NO, GONE = RegistryAnswer.YES, RegistryAnswer.NO, RegistryAnswer.NOT_AVAILABLE
BOTH = frozenset({Phone.LINE, Phone.CONTACT})
LINE, CONTACT = "+4915112345678", "+4916012345678"
ANNA = DocumentFacts(
    type=DocumentType.PASSPORT,
    type_class="P",
    issuing_state="NLD",
    number="NX1234567",
    primary="DE<JONG",
    secondary="ANNA",
    birth=MrzDate(1974, 8, 12),
)
CHIP_ANSWERED = tuple(CheckResult(each, CheckOutcome.PASS, "valid") for each in (*SIGNED_BY, CHIP_KEY, CHIP))


def registry_says(answer: RegistryAnswer, *phones: Phone) -> Answers:
    return Answers(RegistryReply(answer, frozenset(phones)))


# Findings, and back


def _every() -> list[Answers]:
    replies = [None, RegistryReply(NO), RegistryReply(GONE)]
    replies += [
        RegistryReply(YES, frozenset(phones)) for phones in ((), (Phone.LINE,), (Phone.CONTACT,), BOTH)
    ]
    said = (None, YES, NO, GONE)
    return [Answers(*each) for each in product(replies, said, said)]


def test_findings_tell_the_answers_again_and_have_words() -> None:
    for answers in _every():
        findings = findings_of(answers, ())
        assert rules.answers_in(findings) == answers
        for result in findings:
            assert result.id in SUBJECTS
            assert result.code in CODES


def test_what_follows_from_every_answer() -> None:
    for answers in _every():
        judged = rules.conclude((), answers)
        reply = answers.registry
        refused = answers.lost_stolen is YES or (reply is not None and reply.answer is NO)
        refers = refused or answers.death is YES
        assert judged.outcome is (Outcome.REFER if refers else Outcome.PASS)
        assert judged.reason == ("not-accepted" if refused else "needs-a-person" if refers else None)
        assert judged.proof is Proof.CONSISTENT, "nothing that is said confirms by itself"
        for name, answer in (("document_revoked", answers.lost_stolen), ("holder_deceased", answers.death)):
            assert judged.signals.get(name) is {YES: True, NO: False}.get(answer)  # type: ignore[arg-type]  # None too
        assert all(CATALOGUE[name].type.holds(value) for name, value in judged.signals.items())


@pytest.mark.parametrize("listed", [None, NO, GONE, YES])
@pytest.mark.parametrize("answer", [YES, NO, GONE])
def test_the_issuers_chip_that_answered_shows_possession(
    answer: RegistryAnswer, listed: RegistryAnswer | None
) -> None:
    judged = rules.conclude(CHIP_ANSWERED, Answers(RegistryReply(answer), listed))
    assert CheckResult(POSSESSION, CheckOutcome.PASS, "chip-answered") in judged.checks
    assert judged.proof is Proof.SIGNED
    is_confirmed = answer is YES and listed is not YES
    assert proof_of(judged.checks) is (Proof.CONFIRMED if is_confirmed else Proof.CONSISTENT)


# a chip of one's own: its key, its answer and its signature agree with each other, and nobody trusted signed any
NO_STORE = {"chip.trust": CheckOutcome.SKIPPED}
CHAIN = [each for each in SIGNED_BY if each.startswith("chip.signer_")]
NO_CHAIN = dict.fromkeys(CHAIN, CheckOutcome.SKIPPED)
SELF_MADE = [
    NO_STORE,
    {**NO_STORE, **NO_CHAIN},
    {**NO_CHAIN, "chip.signer_chain": CheckOutcome.WARN},
    *({each: outcome} for each in (*SIGNED_BY, CHIP_KEY, CHIP) for outcome in CheckOutcome),
    *({each: None} for each in (*SIGNED_BY, CHIP_KEY, CHIP)),
    dict.fromkeys(SIGNED_BY),
]


@pytest.mark.parametrize(
    "changes",
    [each for each in SELF_MADE if CheckOutcome.PASS not in each.values()],
    ids=lambda each: f"{len(each)} {next(iter(each.items()))}",
)
def test_a_chip_that_nobody_trusted_signed_shows_no_possession(
    changes: dict[str, CheckOutcome | None],
) -> None:
    outcomes = {each.id: changes.get(each.id, each.outcome) for each in CHIP_ANSWERED}
    own = tuple(CheckResult(name, outcome, "valid") for name, outcome in outcomes.items() if outcome)
    judged = rules.conclude(own, registry_says(YES, Phone.CONTACT))
    assert CheckResult(POSSESSION, CheckOutcome.SKIPPED, "contact-on-record") in judged.checks
    assert judged.proof is not Proof.CONFIRMED
    assert proof_of(judged.checks) is Proof.CONSISTENT


def check_of(answers: Answers, proof: Proof = Proof.CONSISTENT) -> DocumentCheck:
    return DocumentCheck(
        id=UUID(int=1),
        registration_id=UUID(int=2),
        kind=DocumentKind.MRZ,
        document_type=DocumentType.PASSPORT,
        issuing_state="NLD",
        outcome=Outcome.PASS,
        proof=proof,
        reason=None,
        checks=findings_of(answers, ()),
        at=NOW,
    )


@pytest.mark.parametrize(
    ("answers", "codes", "proof"),
    [
        (registry_says(YES, Phone.CONTACT), {"contact"}, "confirmed"),
        (registry_says(YES, Phone.LINE), {"line"}, "confirmed"),
        (registry_says(YES, *BOTH), {"line"}, "confirmed"),
        (registry_says(YES, Phone.CONTACT), {"line"}, "consistent"),
        (registry_says(YES, Phone.CONTACT), set(), "consistent"),
        (registry_says(YES), {"line", "contact"}, "consistent"),
        (registry_says(NO, Phone.CONTACT), {"contact"}, "consistent"),
        (registry_says(GONE, Phone.CONTACT), {"contact"}, "consistent"),
        (Answers(), {"line", "contact"}, "consistent"),
        (replace(registry_says(YES, Phone.CONTACT), lost_stolen=YES), {"contact"}, "consistent"),
        (replace(registry_says(YES, Phone.CONTACT), lost_stolen=GONE), {"contact"}, "confirmed"),
    ],
)
def test_a_code_from_a_number_on_record_confirms(answers: Answers, codes: set[str], proof: str) -> None:
    check = check_of(answers)
    shown = rules.proved(check, codes)
    assert shown.proof == proof
    assert rules.proved(shown, codes) == shown
    code = next(result.code for result in shown.checks if result.id == "registry.possession")
    assert (code == "number-proved") is (proof == "confirmed")
    for other in (Proof.NONE, Proof.SIGNED):
        assert rules.proved(replace(check, proof=other), codes).proof is other


def test_another_contact_takes_the_tie_away() -> None:
    assert rules.without_contact(registry_says(YES, *BOTH)) == registry_says(YES, Phone.LINE)
    assert rules.without_contact(Answers()) == Answers()


# At the registration


def summary(n: int, proof: str = "consistent", registry: str = "not_asked", *ties: str) -> DocumentSummary:
    facts: Any = {"registry_answer": registry}
    return DocumentSummary(UUID(int=n), "mrz", "pass", proof, None, facts, frozenset(ties))


@dataclass
class Held:
    """As much of a registration as the rules look at."""

    documents: tuple[DocumentSummary, ...] = ()
    codes: tuple[CodeProof, ...] = ()


def code(to: Target, changed: timedelta | None = None) -> CodeProof:
    return CodeProof(to, UUID(int=9), NOW, 1, None if changed is None else NOW - changed)


def test_the_order_of_document_and_code_does_not_matter_and_a_young_card_proves_nothing() -> None:
    tied = summary(1, "consistent", "yes", "contact")
    cases = [
        ((), "consistent"),
        ((code(Target.LINE),), "consistent"),
        ((code(Target.LINE), code(Target.CONTACT)), "confirmed"),
        ((code(Target.CONTACT, timedelta(hours=71)),), "consistent"),
        ((code(Target.CONTACT, timedelta(hours=72)),), "confirmed"),
    ]
    for codes, proof in cases:
        held: Any = Held((tied,), codes)
        assert registrations.proof_of(held, tied) == proof
    young: Any = Held((tied,), (code(Target.CONTACT, timedelta(hours=3)),))
    assert registrations.proof_of(young, tied, timedelta(hours=2)) == "confirmed"
    assert registrations.proof_of(young, replace(tied, proof="none")) == "none"


def test_the_document_that_counts_is_the_same_before_and_after_a_code() -> None:
    """The identity of the best document is sealed when it comes in: a code must not prove another one's."""
    tied = summary(1, "consistent", "yes", "contact")
    ranked = [
        summary(2),
        summary(3, "consistent", "yes"),
        tied,
        summary(5, "confirmed"),
        summary(6, "signed"),
    ]
    for n, better in enumerate(ranked):
        for worse in ranked[:n]:
            for codes in ((), (code(Target.CONTACT),)):
                for documents in ((better, worse), (worse, better)):
                    held: Any = Held(documents, codes)
                    assert registrations.best_document(held) == better


# Asking


@dataclass
class Said:
    """An authority with one answer. ``before`` is awaited first; ``asked`` is what it was asked."""

    answer: Any = NO
    before: Callable[[], Any] | None = None
    asked: list[Any] = field(default_factory=list)

    async def look_up(self, document: DocumentFacts, phones: Phones | None = None) -> Any:
        self.asked.append(document if phones is None else (document, phones))
        if self.before is not None:
            await self.before()
        return self.answer


def known() -> Said:
    return Said(RegistryReply(YES, BOTH))


async def test_all_are_asked_at_once() -> None:
    gate = asyncio.Barrier(3)
    registry, lost, deaths = replace(known(), before=gate.wait), Said(NO, gate.wait), Said(NO, gate.wait)
    asked = await Enquiries(registry, lost, deaths).ask(ANNA, Phones(LINE, CONTACT), NOW)
    assert asked.answers == Answers(RegistryReply(YES, BOTH), NO, NO)


@pytest.mark.parametrize("late", [0, 1, 2])
async def test_who_is_late_is_not_available_and_the_others_count(late: int) -> None:
    stopped = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    ports = [known(), Said(YES), Said(YES)]
    ports[late].before = hang
    asked = await Enquiries(*ports, deadline_s=0.05).ask(ANNA, Phones(LINE, CONTACT), NOW)
    expected = [RegistryReply(YES, BOTH), YES, YES]
    expected[late] = RegistryReply(GONE) if late == 0 else GONE
    assert [asked.answers.registry, asked.answers.lost_stolen, asked.answers.death] == expected
    await asyncio.wait_for(stopped.wait(), 5)


async def test_whoever_hangs_up_stops_the_asking() -> None:
    stopped, held = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        held.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    asking = asyncio.create_task(Enquiries(replace(known(), before=hang)).ask(ANNA, NO_PHONES, NOW))
    await held.wait()
    asking.cancel()
    await asyncio.wait([asking])
    await asyncio.wait_for(stopped.wait(), 5)


async def test_a_registry_names_only_numbers_that_it_was_asked_about_and_only_with_a_yes() -> None:
    for phones in (NO_PHONES, Phones(None, CONTACT), Phones(LINE)):
        asked = await Enquiries(known()).ask(ANNA, phones, NOW)
        assert asked.answers.registry == RegistryReply(YES, phones.named)
    asked = await Enquiries(Said(RegistryReply(NO, BOTH))).ask(ANNA, Phones(LINE, CONTACT), NOW)
    assert asked.answers.registry == RegistryReply(NO)


async def test_the_dead_are_looked_for_only_where_somebody_is_named() -> None:
    nameless = replace(ANNA, primary="", secondary="", birth=None)
    for document, count in (
        (nameless, 0),
        (replace(ANNA, birth=None), 0),
        (replace(nameless, personal_number="44051401359"), 1),
        (ANNA, 1),
    ):
        deaths = Said(YES)
        asked = await Enquiries(deaths=deaths).ask(document, NO_PHONES, NOW)
        assert len(deaths.asked) == count
        assert asked.answers.death is (YES if count else None)


async def test_a_repetition_in_one_request_asks_only_what_is_new() -> None:
    registry, lost, deaths = known(), Said(YES), Said(YES)
    authorities = Enquiries(registry, lost, deaths)

    async def again(document: DocumentFacts, phones: Phones, before: Asked | None) -> tuple[Asked, list[int]]:
        asked = await authorities.ask(document, phones, NOW, before)
        return asked, [len(registry.asked), len(lost.asked), len(deaths.asked)]

    first, counts = await again(ANNA, Phones(None, CONTACT), None)
    assert counts == [1, 1, 1]
    same, counts = await again(ANNA, Phones(None, CONTACT), first)
    assert (same, counts) == (first, [1, 1, 1])
    moved, counts = await again(ANNA, Phones(None, LINE), first)
    assert (moved.phones, counts) == (Phones(None, LINE), [2, 1, 1])
    _, counts = await again(replace(ANNA, number="NX7654321"), Phones(None, LINE), moved)
    assert counts == [3, 2, 2]


# What is remembered


async def test_a_no_of_the_lists_is_remembered_shortly_a_yes_and_a_silence_never() -> None:
    registry = known()
    for port in ("lost_stolen", "deaths"):
        for answer, most in ((NO, 1), (YES, 3), (GONE, 3)):
            said = Said(answer)
            authorities = Enquiries(registry, **{port: said})  # type: ignore[arg-type]  # one of the two
            for _ in range(3):
                await authorities.ask(ANNA, NO_PHONES, NOW)
            assert len(said.asked) == most
    assert len(registry.asked) == 18, "the registry is asked each time"


async def test_what_was_lost_a_minute_ago_is_listed_now_and_a_restart_remembers_nothing() -> None:
    lost = Said(NO)
    authorities = Enquiries(lost_stolen=lost)
    assert (await authorities.ask(ANNA, NO_PHONES, NOW)).answers.lost_stolen is NO
    lost.answer = YES
    almost = NOW + NOT_LISTED_FOR - timedelta(seconds=1)
    assert (await authorities.ask(ANNA, NO_PHONES, almost)).answers.lost_stolen is NO
    other = replace(ANNA, number="NX7654321")
    assert (await authorities.ask(other, NO_PHONES, almost)).answers.lost_stolen is YES
    assert (await authorities.ask(ANNA, NO_PHONES, NOW + NOT_LISTED_FOR)).answers.lost_stolen is YES
    assert (await Enquiries(lost_stolen=lost).ask(ANNA, NO_PHONES, NOW)).answers.lost_stolen is YES


async def test_the_memory_is_bounded_keyed_and_holds_no_number() -> None:
    memory, asked = Noes(timedelta(minutes=1), most=3), []

    async def ask(number: str, now: datetime = NOW) -> None:
        async def port() -> RegistryAnswer:
            asked.append(number)
            return NO

        await memory.ask(("NLD", number), now, port)

    for n in range(10):
        await ask(f"NX{n}")
    assert len(memory) == 3
    await ask("NX9")
    await ask("NX0")
    assert asked[10:] == ["NX0"], "the newest is known, the oldest was forgotten"
    await ask("NX9", NOW - timedelta(seconds=1))
    assert asked[11:] == ["NX9"], "a clock that steps back makes nothing fresh"
    names = set(memory._kept)
    other = Noes(timedelta(minutes=1))
    await other.ask(("NLD", "NX9"), NOW, _no)
    assert not names & set(other._kept), "another process has another key"
    assert all(len(name) == 16 and b"NX" not in name for name in names)


async def _no() -> RegistryAnswer:
    return NO
