"""Verbs of staff: the register (who there is) and the desk (who is at it)."""

from service.staff.workflow.desk import StaffDesk
from service.staff.workflow.factors import Factors
from service.staff.workflow.register import StaffRegister

__all__ = ["Factors", "StaffDesk", "StaffRegister"]
