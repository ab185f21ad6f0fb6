"""The verbs of codes."""

from service.otp.workflow.budgets import Asker
from service.otp.workflow.codes import Codes
from service.otp.workflow.courier import Courier, drop
from service.otp.workflow.dispatch import Dispatch, Pace
from service.otp.workflow.engine import Engine, Solution, Tools, new_code
from service.otp.workflow.receipts import Receipts

__all__ = [
    "Asker",
    "Codes",
    "Courier",
    "Dispatch",
    "Engine",
    "Pace",
    "Receipts",
    "Solution",
    "Tools",
    "drop",
    "new_code",
]
