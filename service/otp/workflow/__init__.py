"""The verbs of codes."""

from service.otp.workflow.codes import Codes, new_code

__all__ = ["Codes", "new_code"]
