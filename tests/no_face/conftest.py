"""The application of the API tests, and everything it could leave a trace in."""

import io
from collections.abc import Iterator

import pytest
import structlog
from fastapi import FastAPI

from tests.api.conftest import *  # noqa: F403 - all of its fixtures, whichever they need one day
from tests.conftest import Backend
from tests.no_face.sweep import Sweep


@pytest.fixture
def sweep(backend: Backend, app: FastAPI) -> Iterator[Sweep]:
    """Logs from here on, at every level, and all that is kept when it is asked."""
    before = structlog.get_config()
    logs = io.StringIO()
    structlog.configure(
        logger_factory=structlog.WriteLoggerFactory(file=logs),
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    yield Sweep(backend, logs)
    structlog.configure(**before)
