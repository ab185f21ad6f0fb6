"""The verbs: judge and follow lines, walk the links between them, mark identities."""

from service.risk.workflow.judging import Risk
from service.risk.workflow.links import Links
from service.risk.workflow.marks import Marks

__all__ = ["Links", "Marks", "Risk"]
