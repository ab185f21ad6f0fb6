"""Background work of the pipeline: activation, and registrations whose time is over."""

from uuid import UUID

import procrastinate

from service.infra.jobs import RETRY
from service.registration.workflow import Registrations


def blueprint(registrations: Registrations) -> procrastinate.Blueprint:
    tasks = procrastinate.Blueprint()

    @tasks.task(name="activate", retry=RETRY)
    async def activate(*, operator: str, registration: str, attempt: int) -> None:
        await registrations.activate(UUID(operator), UUID(registration), attempt)

    return tasks
