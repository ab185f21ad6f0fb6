"""The verbs: judge and follow lines, walk the links between them."""

from service.risk.workflow.drafting import Drafts
from service.risk.workflow.judging import Risk
from service.risk.workflow.usual import Usual

__all__ = ["Drafts", "Risk", "Usual"]
