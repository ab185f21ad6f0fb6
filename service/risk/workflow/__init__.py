"""The verbs: judge and follow lines, walk the links between them."""

from service.risk.workflow.judging import Risk

__all__ = ["Risk"]
