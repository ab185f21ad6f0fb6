"""The verbs: judge and follow lines, walk the links between them."""

from service.risk.workflow.judging import Risk
from service.risk.workflow.links import Links

__all__ = ["Links", "Risk"]
