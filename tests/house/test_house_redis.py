"""docs/redis.md says what the code reads and what the deployment sets."""

import re

import pytest

from service.kit.redis_url import RedisUrlError, redis_address
from tests.house.tree import ROOT, documented

PAGE = (ROOT / "docs/redis.md").read_text("utf-8")
FORM = re.compile(r"`((?:redis|rediss|unix|redis\+\w+)://[^`]*)`")


def test_every_form_of_the_page_is_read_as_it_stands() -> None:
    forms = FORM.findall(PAGE)
    assert len(forms) == 5
    for form in forms:
        plain = (
            form.replace("[", "").replace("]", "").replace("…", "host").replace("host:6379/db", "host:6379/0")
        )
        plain = plain.replace(",host/service/db", ",h3/service/0").replace(",host", ",h3")
        redis_address(plain)


def test_every_scheme_is_on_the_page_and_among_the_settings() -> None:
    schemes = {form.partition("://")[0] for form in FORM.findall(PAGE)}
    with pytest.raises(RedisUrlError) as caught:
        redis_address("x://y")
    assert schemes == set(re.findall(r"([a-z+]+)://", str(caught.value)))
    meaning = dict(documented("settings"))["SIMWARD_REDIS_URL"][1]
    assert schemes == set(re.findall(r"([a-z+]+)://", meaning))


def test_the_deployment_sets_what_the_page_requires() -> None:
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    command = " ".join(re.findall(r"^\s+- (\S+)$", compose, re.M)).replace('"', "")
    for setting in (
        "--maxmemory-policy noeviction",
        "--appendonly yes",
        "--appendfsync everysec",
        "--maxmemory ",
    ):
        assert setting in command, setting
        name, _, value = setting.removeprefix("--").partition(" ")
        assert f"`{name}`" in PAGE
        assert value in PAGE


def test_the_rights_of_the_page_are_those_of_the_deployment() -> None:
    line = re.search(r"^user simward on >PASSWORD (.*)$", PAGE, re.M)
    assert line
    assert line[1] in (ROOT / "deploy/make-secrets.sh").read_text("utf-8")
