"""Background work in: a vote was filed."""

from collections.abc import Mapping

from service.events import EventName
from service.infra.jobs import Handler
from service.reports.workflow import Reports


def subscriptions(reports: Reports) -> Mapping[EventName, Handler]:
    """What the worker's table of subscribers takes in."""
    return {EventName.REPORT_FILED: reports.follow}
