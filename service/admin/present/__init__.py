"""Domain objects into view models: masked, worded, counted. Pure; the instant is passed in."""

from service.admin.present.cases import (
    badge_of,
    clock_of,
    counted_signals,
    evidence,
    queue_row,
    reason_of,
    related,
)
from service.admin.present.people import (
    ERASED,
    holder,
    masked_card,
    masked_number,
    moments,
    who,
)
from service.admin.present.registers import (
    LATE,
    chain,
    days_of,
    dealer_row,
    facts_text,
    line_facts,
    line_row,
    usual_range,
    usual_text,
)

__all__ = [
    "ERASED",
    "LATE",
    "badge_of",
    "chain",
    "clock_of",
    "counted_signals",
    "days_of",
    "dealer_row",
    "evidence",
    "facts_text",
    "holder",
    "line_facts",
    "line_row",
    "masked_card",
    "masked_number",
    "moments",
    "queue_row",
    "reason_of",
    "related",
    "usual_range",
    "usual_text",
    "who",
]
