"""How many pictures of invented documents are read exactly, referred, or passed although wrong.

``python -m bench.images``; ``--pictures N`` of every condition (12), from ``--seed``; ``--only NAME`` for one;
``--children N`` readers side by side; ``--adverse`` for numbers made of look-alikes. Prints the table of
docs/documents.md, and every wrong pass. The exit code is 1 where there is one: a number that passes although it is
wrong is the worst that can happen here.
"""

import argparse
import random
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

from service.documents import rules
from service.documents.model import PictureRead, Quality
from service.kit.mrz import DocumentUnreadable, Layout, check
from service.kit.mrz.repair import Fitted, fit
from service.kit.people import InventedPerson, person
from tests.pictures.child import Child
from tests.pictures.draw import TODAY, page, somebody
from tests.pictures.spoil import CONDITIONS, jpeg

Maker = Callable[[int, Layout], InventedPerson]
LAYOUTS = (Layout.TD3, Layout.TD2, Layout.TD1)


@dataclass
class Tally:
    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def judge(answer: dict, lines: tuple[str, ...]) -> Iterator[str]:
    """What became of a picture: words that are counted."""
    if tuple(answer.get("lines", ())) == lines:
        yield "exact"
    try:
        fitted = fit(answer.get("lines", ()))
    except DocumentUnreadable:
        yield "refer"
        yield "unreadable"
        return
    is_right = fitted.mrz.lines == lines
    if is_right:
        yield "right"
    if _bare_rule(fitted):
        yield "bare pass"
        if not is_right:
            yield "bare wrong"
    quality = answer["quality"]
    read = PictureRead(
        tuple(answer["lines"]),
        tuple(answer["scores"]),
        Quality(quality["width"], quality["height"], quality["blur"], quality["glare"]),
        tuple(answer["advice"]),
        again=tuple(answer["again"]),
    )
    found = rules.findings_of_picture(read, fitted, check(fitted.mrz, TODAY))
    if found[-1].outcome != "pass":
        yield "refer"
        yield from (f"by {result.id}" for result in found[:-1] if result.outcome != "pass")
    else:
        yield "pass"
        if not is_right:
            yield "wrong"
    if all(result.outcome == "pass" or result.id == "image.number" for result in found[:-1]):
        yield "any number"
        if not is_right:
            yield "any number wrong"


def _bare_rule(fitted: Fitted) -> bool:
    """The rule without a second reader: no repaired number, every digit valid, both states real."""
    return not fitted.repaired & {"document_number", "composite"} and all(
        result.outcome != "fail" for result in check(fitted.mrz, TODAY)
    )


def adversary(seed: int, layout: Layout) -> InventedPerson:
    """With a number of nothing but characters that look like another one, most of them of the same value modulo 10."""
    dice, base = random.Random(seed), somebody(seed, layout)
    number = "".join(dice.choice("06G8SB1LIK5QPFMWHRO0DU9T2Z7") for _ in range(9))
    return person(
        base.family_name,
        base.given_names,
        base.birth_date,
        sex=base.sex,
        number=number,
        personal_number=base.personal_number,
        expiry=base.expiry,
        layout=layout,
    )


def measure(condition: str, seeds: range, make: Maker, children: SimpleQueue[Child], tally: Tally) -> None:
    spoil, guilloche = CONDITIONS[condition]
    for seed in seeds:
        layout = LAYOUTS[seed % 3]
        holder = make(seed, layout)
        picture = jpeg(
            spoil(page(holder.lines, layout, seed=seed, guilloche=guilloche), random.Random(seed)),
            quality=75 + seed % 20,
        )
        child = children.get()
        start = child.spent()
        answer = child.ask(picture)
        tally.seconds.append(child.spent() - start)
        children.put(child)
        words = list(judge(answer, holder.lines))
        tally.counts.update(words)
        if "wrong" in words or "bare wrong" in words or "any number wrong" in words:
            strict = "WRONG PASS" if "wrong" in words else "wrong by the bare rule"
            tally.wrong.append(f"{strict}: {condition} {layout} seed {seed}\n  {holder.lines}\n  {answer}")


def main() -> int:
    wants = argparse.ArgumentParser(description=__doc__)
    wants.add_argument("--pictures", type=int, default=12)
    wants.add_argument("--seed", type=int, default=0)
    wants.add_argument("--children", type=int, default=1)
    wants.add_argument("--only", choices=sorted(CONDITIONS))
    wants.add_argument("--adverse", action="store_true", help="numbers of look-alikes only")
    asked = wants.parse_args()
    make = adversary if asked.adverse else somebody
    seeds = range(asked.seed, asked.seed + asked.pictures)
    children: SimpleQueue[Child] = SimpleQueue()
    started = [Child() for _ in range(asked.children)]
    for child in started:
        children.put(child)
    tallies = {name: Tally() for name in CONDITIONS if asked.only in (None, name)}
    with ThreadPoolExecutor(asked.children) as threads:
        list(threads.map(lambda name: measure(name, seeds, make, children, tallies[name]), tallies))
    for child in started:
        child.close()
    return report(tallies)


def report(tallies: dict[str, Tally]) -> int:
    heads = (
        "condition",
        "pictures",
        "read exactly",
        "passes",
        "refer",
        "wrong pass",
        "wrong by the bare rule",
        "CPU s",
    )
    print("| " + " | ".join(heads) + " |")
    print("|---|---|---|---|---|---|---|---|")
    total = Tally()
    for name, tally in [*tallies.items(), ("all", total)]:
        if name != "all":
            total.counts += tally.counts
            total.seconds += tally.seconds
            total.wrong += tally.wrong
        counts, number = tally.counts, len(tally.seconds)
        shares = " | ".join(f"{counts[word] / number:.0%}" for word in ("exact", "pass", "refer"))
        median = statistics.median(tally.seconds)
        print(f"| {name} | {number} | {shares} | {counts['wrong']} | {counts['bare wrong']} | {median:.2f} |")
    print(
        "\nwithout image.number:",
        total.counts["any number"],
        "pass,",
        total.counts["any number wrong"],
        "wrong",
    )
    print("why referred:", {word: n for word, n in total.counts.most_common() if word.startswith("by ")})
    for each in total.wrong:
        print(each)
    return 1 if total.counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
