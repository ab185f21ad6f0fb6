"""The laboratory: its parameters stand still, it is the same every time, nobody gets lost, every measure matters."""

import hashlib
import pickle
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from service.cli import main
from service.risk.model import CATALOGUE, Signal, Signals, Value, Verdict, ordinary
from service.risk.rules import decide
from service.simulation import experiment as laboratory
from service.simulation.calendar import at
from service.simulation.chance import Chance
from service.simulation.drawing import number
from service.simulation.experiment import SEED, Experiment, Task, arms, experiment, run
from service.simulation.figures import SAID, _spans, is_conserved
from service.simulation.gathering import Gathering
from service.simulation.judging import shipped
from service.simulation.ledger import Ledger, Line
from service.simulation.measures import DOCUMENT, NOTHING, OURS, SPACED, Arm, Measure, face_arm, without
from service.simulation.parameters import ParameterError, Parameters, load, parse
from service.simulation.plots import plots
from service.simulation.population import Application, populate
from service.simulation.report import markdown, text
from service.simulation.tally import IN_SERVICE, Outcome, Tally
from service.simulation.world import World
from tests.house.tree import ROOT

FILE = ROOT / "service/simulation/parameters.toml"
PAGE = ROOT / "docs/simulation.md"
PEOPLE = 150
NOW = at(0)
PLOTS = ("ablation.svg", "arms.svg", "break-even.svg", "honest.svg", "ways.svg")
FROZEN = "34e8fe7847c88590bc448de7dd1d64174e8863377be0b82342823626ce7400de"
"""Whoever changes a parameter changes this, says so on the page with the reason, and runs everything again."""


def small(**rings: int) -> Parameters:
    """A short season with small rings, so that every arm runs in a blink."""
    p = load()
    return replace(
        p,
        population=replace(p.population, days=115),
        rings=replace(p.rings, **({"size_least": 5, "size_most": 6, "begin_last": 12} | rings)),
        face=replace(p.face, pass_rates=(0.01, 0.2)),
    )


@cache
def found() -> Experiment:
    return experiment(PEOPLE, parameters=small(), again=1)


# ---- What was fixed before the first run -----------------------------------------------------------------------


def test_the_parameters_are_the_frozen_ones() -> None:
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == FROZEN == load().digest


def test_the_page_holds_the_digest_the_command_and_the_seed() -> None:
    page = PAGE.read_text("utf-8")
    frozen = re.findall(r"^- \d{4}-\d\d-\d\d `([0-9a-f]{64})`", page, re.M)
    assert frozen[-1] == FROZEN
    assert "simward simulate --write-docs" in page
    assert f"parameters {FROZEN}" in page
    assert re.search(rf"seed {SEED}, [\d,]+ honest people", page)
    assert re.search(r"policy [0-9a-f]{64}", page)
    assert SAID in page


def test_every_number_has_a_source() -> None:
    body = FILE.read_text("utf-8")
    assert len(re.findall(r"source = ", body)) > 120
    with pytest.raises(ParameterError, match=r"population\.family_size has no source"):
        parse(re.sub(r'(family_size = .*source = )"[^"]+"', r'\1""', body).encode())
    with pytest.raises(ParameterError, match=r"calls\.reported needs a value and a source"):
        parse(re.sub(r"(?m)^reported = .*$", "reported = 0.03", body).encode())


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('case_days = { value = "2", source = "assumption" }', "loop.case_days is not of its type"),
        ('cases_days = { value = 2, source = "assumption" }', "loop.cases_days is not known"),
        ("", "case_days"),
    ],
)
def test_a_wrong_file_is_refused(line: str, wanted: str) -> None:
    body = re.sub(r"(?m)^case_days = .*$", line, FILE.read_text("utf-8"))
    with pytest.raises(ParameterError, match=wanted):
        parse(body.encode())


def test_every_parameter_is_read_somewhere() -> None:
    """One that nobody reads would be a claim without effect."""
    code = "\n".join(
        path.read_text("utf-8")
        for path in sorted((ROOT / "service/simulation").glob("*.py"))
        if path.name != "parameters.py"
    )
    names = re.findall(r"^(\w+) = \{ value", FILE.read_text("utf-8"), re.M)
    assert not [name for name in names if not re.search(rf"\.{name}\b", code)]


def test_what_is_held_out_is_in_the_final_run_alone() -> None:
    held = {each.name for each in load().strategy if each.held_out}
    assert held
    assert not held & set(found().of(NOTHING).attempts)
    tally = run(Task(PEOPLE, SEED, NOTHING, True, small(size_least=15, size_most=20)))
    assert held <= set(tally.attempts)


# ---- The same every time ---------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes() -> None:
    populate.cache_clear()
    again = experiment(PEOPLE, parameters=small(), again=1)
    assert text(again) == text(found())
    assert markdown(again, ".") == markdown(found(), ".")
    assert plots(again) == plots(found())


def test_another_seed_gives_another_world() -> None:
    assert found().again[0] != found().of(OURS)


def test_arms_do_not_disturb_one_another() -> None:
    """In any order, and in a process of its own, which gets its task through a pipe."""
    tasks = [Task(PEOPLE, SEED, arm, False, small()) for arm in reversed(arms(small()))]
    for task in tasks[::6]:
        assert run(pickle.loads(pickle.dumps(task))) == found().of(task.arm)


def test_chance_is_named() -> None:
    assert [Chance(1, "a").unit() for _ in range(2)] == [Chance(1, "a").unit()] * 2
    assert Chance(1, "a").unit() != Chance(1, "b").unit() != Chance(2, "b").unit()


# ---- Nobody is lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", arms(small()), ids=lambda arm: arm.name)
def test_every_attempt_has_one_outcome(arm: Arm) -> None:
    tally = found().of(arm)
    assert is_conserved(tally)
    assert tally.honest == found().of(NOTHING).honest > PEOPLE / 2
    assert bool(tally.attempts) is arm.has_rings


def test_every_line_in_service_was_stopped_once_at_most() -> None:
    for arm in arms(small()):
        tally = found().of(arm)
        got = sum(n for (_, outcome), n in tally.outcomes.items() if outcome in IN_SERVICE)
        held = sum(n for (_, outcome), n in tally.outcomes.items() if outcome is Outcome.HELD)
        assert tally.stops.total() <= got + held


def test_a_ring_spends_no_more_than_it_has() -> None:
    p = small()
    population = populate(p, PEOPLE, SEED)
    world = World(p, population, OURS, shipped(), SEED, final=False)
    tally = world.run()
    assert tally.spent.total() == sum(ring.spent_cents for ring in world.rings)
    # One attempt may go over it by what it buys anew for it.
    slack = 3 * max(each.price_cents for each in p.strategy)
    assert all(ring.spent_cents <= ring.budget + slack for ring in world.rings)


# ---- What the arms are -----------------------------------------------------------------------------------------


def test_no_check_refuses_nobody() -> None:
    tally = found().of(NOTHING)
    assert tally.refused() == tally.reviews == 0
    outcomes = {outcome for _, outcome in tally.outcomes}
    assert outcomes <= {Outcome.APPROVED, Outcome.CLERK_REFUSED}


@pytest.mark.parametrize("measure", Measure)
def test_taking_a_measure_away_changes_something(measure: Measure) -> None:
    """Spacing is off in the seed (0 hours), so that it is asked where an operator has set it."""
    whole = SPACED if measure is Measure.SPACING else OURS
    assert found().of(without(measure)) != found().of(whole)


def test_mules_pass_every_arm() -> None:
    """Their own papers, their own face, their own hand: only their number and their life are cut."""
    p = small()
    mules = replace(p, strategy=tuple(each for each in p.strategy if each.name == "mule"))
    for arm in (NOTHING, DOCUMENT, face_arm(0.01), OURS):
        tally = run(Task(PEOPLE, SEED, arm, False, mules))
        assert sum(tally.outcomes["mule", outcome] for outcome in IN_SERVICE) >= 5, arm.name


def test_a_face_that_lets_more_pass_lets_more_lines_in() -> None:
    p = small(size_least=12, size_most=18)
    stolen = replace(p, strategy=tuple(each for each in p.strategy if each.name == "stolen"))

    def share(rate: float) -> float:
        scam = run(Task(PEOPLE, SEED, face_arm(rate), False, stolen)).of(["stolen"])
        return (scam.lines_per_1000 or 0) / 1000

    assert share(0.01) < 0.05 < share(0.2) < 0.3 < 0.5 < share(0.6) < 0.7


def test_a_ring_turns_to_what_works() -> None:
    """Forged papers pass without a check and not with a registry."""
    p = small(size_least=15, size_most=20)
    pair = replace(p, strategy=tuple(each for each in p.strategy if each.name in ("forged", "stolen")))

    def forged(arm: Arm) -> float:
        tally = run(Task(PEOPLE, SEED, arm, False, pair))
        return tally.attempts["forged"] / tally.attempts.total()

    assert forged(OURS) < 0.25 < forged(NOTHING)


# ---- The real rules --------------------------------------------------------------------------------------------


def asking(day: int, **keys: int) -> Application:
    return Application(day, "citizen", 0, 1, keys, {}, None)


def test_the_cap_is_the_policys() -> None:
    judge = shipped()
    ledger = Ledger(judge.parameters)
    verdicts = []
    for day in range(judge.parameters.cap + 1):
        application = asking(day * 40, document=7, personal_number=7)
        ruling = judge.rule(ledger.counts(application, day * 40), frozenset({"lines_on_document"}))
        verdicts.append(ruling.verdict)
        if ruling.verdict is Verdict.APPROVED:
            ledger.hold(Line(application, day * 40))
    assert verdicts == [Verdict.APPROVED] * judge.parameters.cap + [Verdict.DENIED]


def test_a_struck_document_is_denied_until_the_strike_decays() -> None:
    judge = shipped()
    ledger = Ledger(judge.parameters)
    line = Line(asking(0, document=7), 0)
    ledger.hold(line)
    ledger.close(line, 5)
    ledger.strike(line, ("document",), "a report", 5)

    def verdict(day: int) -> Verdict:
        return judge.rule(ledger.counts(asking(day, document=7), day), OURS.sees()).verdict

    assert verdict(6) is Verdict.DENIED
    assert verdict(5 + judge.parameters.strike_days) is Verdict.APPROVED


def test_another_operator_counts_its_own() -> None:
    ledger = Ledger(shipped().parameters)
    for day in range(4):
        ledger.hold(Line(asking(day, document=7), day))
    elsewhere = replace(asking(9, document=7), operator=1)
    assert ledger.counts(asking(9, document=7), 9)["lines_on_document"] == 4
    assert ledger.counts(elsewhere, 9)["lines_on_document"] == 0


def test_a_ruling_is_what_decide_says() -> None:
    judge = shipped()
    given: dict[str, Value | None] = {"proof": "consistent", "scam_on_document": 1}
    judgement = decide(ordinary().having(given), judge.risk, NOW)
    ruling = judge.rule(given, frozenset(given))
    assert ruling.verdict is judgement.verdict is Verdict.REVIEW
    assert ruling.rules == tuple(reason.rule for reason in judgement.reasons)
    assert (ruling.probation_days, ruling.waits) == (judge.parameters.probation_days, True)
    assert not shipped((("notice_hours", 0),)).rule(given, frozenset(given)).waits


@pytest.mark.parametrize("overrides", [(), (("spacing_hours", 720),)])
def test_what_is_asked_once_is_what_decide_says_every_time(overrides: tuple[tuple[str, Value], ...]) -> None:
    """Signals that no rule reads change nothing; all others are looked at."""
    judge, chance = shipped(overrides), Chance(1, "signals")

    def drawn(signal: Signal) -> Value | None:
        if signal.type.kind == "bool":
            return chance.happens(0.5)
        if signal.type.kind == "choice":
            return chance.one_of(sorted(signal.type.values))
        return chance.one_of([signal.low, min(signal.high, 5), min(signal.high, 800), signal.ordinary])

    for _ in range(150):
        some = [each for each in CATALOGUE.values() if chance.happens(0.05)]
        given = {each.name: None if chance.happens(0.1) else drawn(each) for each in some}
        judgement = decide(ordinary().having(given), judge.risk, NOW)
        ruling = judge.rule(given, frozenset(given))
        assert ruling.verdict is judgement.verdict
        assert ruling.rules == tuple(reason.rule for reason in judgement.reasons)


def test_every_value_that_is_given_is_one_of_the_catalogues() -> None:
    """What has no name there yet is left out; what has one is of its type."""
    parameters = shipped().parameters
    gathering = Gathering(Ledger(parameters), parameters)
    for application in (each for day in populate(small(), PEOPLE, SEED).plan for each in day):
        given = gathering.signals(application, 0)
        Signals.of({name: value for name, value in given.items() if name in CATALOGUE})
        assert {"lines_on_document", "strikes_on_device", "proof"} <= given.keys()


def test_an_arm_sees_what_its_measures_own() -> None:
    assert NOTHING.sees() == frozenset()
    assert "document_outcome" in DOCUMENT.sees()
    assert not {"proof", "lines_on_document", "scam_on_device"} & DOCUMENT.sees()
    assert OURS.sees() == frozenset(CATALOGUE)
    assert OURS.sees() - without(Measure.CAP).sees() >= {"lines_on_document", "shared_limit_exceeded"}


# ---- Figures and drawings --------------------------------------------------------------------------------------


def test_break_even_is_read_off_the_line() -> None:
    assert list(_spans([(0.0, 1.0), (0.4, -1.0), (0.6, -2.0)])) == [(0.0, 0.2)]
    assert list(_spans([(0.0, -1.0), (0.4, 1.0)])) == [(0.2, 0.4)]
    assert list(_spans([(0.0, -1.0), (0.4, -1.0)])) == []


def test_numbers_are_short() -> None:
    assert [number(each) for each in (None, 0.0, 3.14159, 31.4159, 31415.9)] == [
        "–",
        "0",
        "3.14",
        "31.4",
        "31,416",
    ]


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_a_plain_drawing(name: str) -> None:
    body = plots(found())[name]
    tree = ElementTree.fromstring(body)
    assert SAID in body
    assert "style=" not in body
    assert "<script" not in body
    widths = [float(each.get("width", 0)) for each in tree.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(widths) > 1 or name == "break-even.svg"
    assert min(widths) >= 0


def test_the_page_shows_every_plot() -> None:
    page = PAGE.read_text("utf-8")
    assert sorted(plots(found())) == list(PLOTS)
    for name in PLOTS:
        assert f"simulation/{name}" in page
        assert (ROOT / "docs/simulation" / name).is_file()


# ---- The command -----------------------------------------------------------------------------------------------


def test_the_command_writes_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(laboratory, "load", small)
    page = tmp_path / "docs/simulation.md"
    page.parent.mkdir()
    page.write_text("Before\n<!-- simulated: begin -->\nold\n<!-- simulated: end -->\nAfter\n", "utf-8")
    said = ["simulate", "--scale", "100", "--seed", "7", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main([*said, "--write-docs", "--docs", str(page.parent)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(SAID)
    assert printed.endswith(SAID + "\n")
    assert (tmp_path / "out/report.txt").read_text("utf-8") == printed
    written = page.read_text("utf-8")
    assert written.startswith("Before\n<!-- simulated: begin -->\n- Simulation, not evidence.")
    assert written.endswith("<!-- simulated: end -->\nAfter\n")
    assert "\nold\n" not in written
    assert "seed 7, 100 honest people" in written
    assert {path.name for path in (page.parent / "simulation").iterdir()} == set(PLOTS)


@pytest.mark.parametrize("scale", ["huge", "7", "-1"])
def test_a_scale_that_is_none_is_refused(scale: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", f"--scale={scale}"]) == 1
    assert "--scale is" in capsys.readouterr().err


def test_a_tally_is_comparable() -> None:
    assert Tally() == Tally()
