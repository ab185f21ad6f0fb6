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

    @tasks.task(name="tell_holder", retry=RETRY)
    async def tell_holder(*, operator: str, registration: str) -> None:
        await registrations.tell_holder(UUID(operator), UUID(registration))

    @tasks.task(name="put_back", retry=RETRY)
    async def put_back(*, operator: str, registration: str) -> None:
        await registrations.put_back(UUID(operator), UUID(registration))

    return tasks
