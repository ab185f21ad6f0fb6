"""The verbs: judge and follow lines, walk the links between them, mark identities."""

from service.risk.workflow.drafting import Drafts
from service.risk.workflow.judging import Risk
from service.risk.workflow.links import Links
from service.risk.workflow.marks import Marks, Why
from service.risk.workflow.usual import Usual

__all__ = ["Drafts", "Links", "Marks", "Risk", "Usual", "Why"]
