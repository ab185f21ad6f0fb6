"""The verbs on lines."""

from service.lines.workflow.changes import change_sim, insist, label, reverify
from service.lines.workflow.probation import Probation
from service.lines.workflow.register import BATCH, Keep, Lines

__all__ = ["BATCH", "Keep", "Lines", "Probation", "change_sim", "insist", "label", "reverify"]
