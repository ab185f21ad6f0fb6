"""The verbs of codes."""

from service.otp.workflow.codes import Codes, new_code
from service.otp.workflow.receipts import Receipts

__all__ = ["Codes", "Receipts", "new_code"]
