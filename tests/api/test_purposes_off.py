"""An operator that takes registrations for new lines alone."""

import pytest

from service.settings import Settings
from tests.api.conftest import Api
from tests.fakes.pipeline import PATH, applicant, card, refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"purposes": "new"})


@pytest.mark.parametrize("purpose", ["port_in", "sim_swap", "reverify"])
async def test_what_is_not_enabled_never_runs_the_path_of_a_new_line(api: Api, purpose: str) -> None:
    body = applicant(api).body(purpose=purpose, iccid=card(1))
    assert refused(await api.post(PATH, body), 422, "purpose-not-enabled")["purpose"] == purpose
    assert (await api.get(PATH)).json()["items"] == []
    await applicant(api).open()
