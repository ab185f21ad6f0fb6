"""Addresses of Redis: what is read, what is refused, and that a password is never repeated."""

import pytest
from pydantic import ValidationError

from service.kit.redis_url import RedisUrlError, Topology, redis_address
from service.settings import Settings

SECRET = "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6380/2",
        "redis://user:p%40ss@[::1]:6379/0",
        "rediss://redis.example:6380/0?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis.sock?db=3",
        "unix://user:pass@/run/redis.sock",
    ],
)
def test_one_server_is_handed_on(url: str) -> None:
    found = redis_address(url)
    assert (found.topology, found.url) == (Topology.SINGLE, url)


def test_sentinels() -> None:
    found = redis_address(
        "redis+sentinel://app:p%40ss%2F@s1,s2:26380,[::1]:5/codes/4?sentinel_password=watch"
    )
    assert found.topology is Topology.SENTINEL
    assert found.hosts == (("s1", 26379), ("s2", 26380), ("::1", 5))
    assert (found.service, found.db) == ("codes", 4)
    assert (found.username, found.password) == ("app", "p@ss/")
    assert (found.sentinel_username, found.sentinel_password) == (None, "watch")
    alone = redis_address("redis+sentinel://s1/codes")
    assert (alone.db, alone.username, alone.password) == (0, None, None)


def test_a_password_without_a_user() -> None:
    found = redis_address(f"redis+cluster://:{SECRET}@a")
    assert (found.username, found.password) == (None, SECRET)


def test_a_cluster() -> None:
    found = redis_address("redis+cluster://a:7001,b,10.0.0.3:7003")
    assert found.topology is Topology.CLUSTER
    assert found.hosts == (("a", 7001), ("b", 6379), ("10.0.0.3", 7003))


BAD = [
    "",
    "localhost:6379",
    "http://localhost",
    "redis:localhost",
    f"redis://u:{SECRET}@host:port",
    f"redis://u:{SECRET}@host:0",
    f"redis://u:{SECRET}@host:70000",
    f"redis://u:{SECRET}@host/codes",
    f"redis://u:{SECRET}@host?socket_timeout=0",
    f"redis://u:{SECRET}@host?db=x",
    f"unix://u:{SECRET}@",
    f"redis+sentinel://u:{SECRET}@s1",
    f"redis+sentinel://u:{SECRET}@s1/",
    f"redis+sentinel://u:{SECRET}@s1/codes/x",
    f"redis+sentinel://u:{SECRET}@s1,/codes",
    f"redis+sentinel://u:{SECRET}@s1:x/codes",
    f"redis+sentinel://u:{SECRET}@s1:70000/codes",
    f"redis+sentinel://u:{SECRET}@s1/codes?db=2",
    f"redis+sentinel://{SECRET}@s1/codes",
    f"redis+cluster://u:{SECRET}@a/1",
    f"redis+cluster://u:{SECRET}@a?db=0",
    f"redis+cluster://u:{SECRET}@",
]


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(RedisUrlError) as caught:
        redis_address(url)
    assert SECRET not in str(caught.value)


def test_a_bad_address_stops_the_start_and_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(redis_url=f"redis+sentinel://u:{SECRET}@s1", _env_file=None)  # type: ignore[call-arg]
    assert "after the Sentinels come" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_password_is_in_no_repr() -> None:
    for url in (f"redis://u:{SECRET}@h", f"redis+cluster://u:{SECRET}@h"):
        assert SECRET not in repr(redis_address(url))
