"""Which of the lines of an identity are told of a new one, and how a disowned line is held."""

from collections.abc import Iterable

from service.lines.model import Action, Line, State
from service.notices.model import NOT_MINE, Target


def chosen(targets: Iterable[Target], new_number: str) -> tuple[Target, ...]:
    """Each number once, in the order of the targets; the new line itself is not told. Who registers in another's name
    gives a number of their own: only what was on file before counts, and that is all that ``targets`` holds."""
    seen, found = {new_number}, []
    for target in targets:
        if target.number not in seen:
            seen.add(target.number)
            found.append(target)
    return tuple(found)


def held_by(line: Line) -> Action | None:
    """What holds a line whose holder by the papers disowns it: a restriction, or where one that ends by itself is on it
    already, a suspension. None where it is held for that, is suspended, or has ended."""
    if NOT_MINE in line.reasons:
        return None
    return {State.ACTIVE: Action.RESTRICT, State.RESTRICTED: Action.SUSPEND}.get(line.state)
