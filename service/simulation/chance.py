"""Seeded chance. Only ``random()`` of the generator is used, whose sequence is the same in every version of Python."""

import math
import random  # noqa: TID251  a seeded generator: the same world on every machine
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Chance:
    """One stream of chance, named by a seed and labels: what one part of the world draws shifts no other part."""

    __slots__ = ("unit",)

    def __init__(self, seed: int, *labels: object) -> None:
        name = "/".join(map(str, (seed, *labels)))
        self.unit = random.Random(name).random  # noqa: S311  a laboratory, no secret
        """A number from 0 up to 1."""

    def happens(self, share: float) -> bool:
        return self.unit() < share

    def below(self, count: int) -> int:
        return int(self.unit() * count)

    def between(self, least: int, most: int) -> int:
        """Both included."""
        return least + self.below(most - least + 1)

    def one_of(self, items: Sequence[_T]) -> _T:
        return items[self.below(len(items))]

    def weighted(self, weights: Sequence[int]) -> int:
        """The index of one weight, as likely as it is heavy."""
        left = self.unit() * sum(weights)
        for index, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return index
        return len(weights) - 1

    def spread(self, least: int, most: int) -> int:
        """Evenly on a logarithmic scale: many small ones, few large."""
        found: float = least * math.exp(math.log(most / least) * self.unit())
        return round(found)

    def poisson(self, mean: float) -> int:
        """For small means."""
        left, count = self.unit(), 0
        share = math.exp(-mean)
        while left >= share and count < 50:
            left -= share
            count += 1
            share *= mean / count
        return count

    def binomial(self, tries: int, share: float) -> int:
        return sum(self.unit() < share for _ in range(tries))

    def days_until(self, mean: float) -> int:
        """Whole days from 1, geometric."""
        left: float = 1 - self.unit()
        return 1 + int(math.log(left) / math.log(1 - 1 / mean)) if mean > 1 else 1
