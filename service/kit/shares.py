"""Shares that know how sure they are: a rate without its interval ranks the small and unlucky first."""

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``of``; in permille, with the interval that the truth lies in (Wilson, 95 %)."""

    hits: int
    of: int

    @property
    def permille(self) -> int | None:
        return None if not self.of else round(1000 * self.hits / self.of)

    @property
    def interval(self) -> tuple[int, int] | None:
        return wilson(self.hits, self.of)

    @property
    def json(self) -> dict[str, object]:
        return {"hits": self.hits, "of": self.of, "permille": self.permille, "interval": self.interval}


def wilson(hits: int, of: int) -> tuple[int, int] | None:
    """The 95 % score interval of a share in permille; None of nothing.

    Source: E. B. Wilson, Probable Inference, JASA 22 (1927), 209.
    """
    if not of:
        return None
    z, p = 1.96, hits / of
    middle, spread = p + z * z / (2 * of), z * sqrt((p * (1 - p) + z * z / (4 * of)) / of)
    scale = 1000 / (1 + z * z / of)
    return max(0, round((middle - spread) * scale)), min(1000, round((middle + spread) * scale))


def shrunken(hits: int, of: int, mean_permille: int, strength: int) -> int:
    """The rate in permille, drawn towards ``mean_permille`` as if ``strength`` more cases had the mean rate: three bad
    of three say less than thirty of three hundred. (The posterior mean of a beta-binomial model.)"""
    return round((1000 * hits + strength * mean_permille) / (of + strength)) if of + strength else 0
