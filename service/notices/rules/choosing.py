"""Which of the lines of an identity are told of a new one."""

from collections.abc import Iterable

from service.notices.model import Target


def chosen(targets: Iterable[Target], new_number: str) -> tuple[Target, ...]:
    """Each number once, in the order of the targets; the new line itself is not told. Who registers in another's name
    gives a number of their own: only what was on file before counts, and that is all that ``targets`` holds."""
    seen, found = {new_number}, []
    for target in targets:
        if target.number not in seen:
            seen.add(target.number)
            found.append(target)
    return tuple(found)
