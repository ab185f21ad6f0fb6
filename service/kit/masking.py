"""How values of people look where they may be recognised but not read."""

DOTS = "••••"


def tail(text: str, keep: int, *, lead: int = 0) -> str:
    """``lead`` characters, dots, the last ``keep``; never more than half of the text.

    The run of dots has a fixed length: its length must not tell the length of the text.
    """
    keep = min(keep, len(text) // 4 if lead else len(text) // 2)
    lead = min(lead, len(text) // 4)
    head = f"{text[:lead]} " if lead else ""
    return f"{head}{DOTS} {text[len(text) - keep :]}" if keep else f"{head}{DOTS}"


def name(text: str) -> str:
    """The first letter of each word and dots: ``A•••• M••••``. At most four words."""
    words = text.split()[:4]
    return " ".join(word[0] + DOTS for word in words) if words else ""


def email(text: str) -> str:
    """The first letter, dots and the domain: ``a••••@example.org``."""
    local, at, domain = text.rpartition("@")
    return f"{local[:1]}{DOTS}@{domain}" if at else DOTS
