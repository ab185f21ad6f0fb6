"""The verbs: judge and follow lines, walk the links between them."""

from service.risk.workflow.judging import Risk
from service.risk.workflow.marks import Marks

__all__ = ["Marks", "Risk"]
