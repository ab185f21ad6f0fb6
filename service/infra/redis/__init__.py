"""Redis: scripts by digest, shared round trips, a deadline on every call, one declared answer when it is gone."""

from service.infra.redis.client import Redis
from service.infra.redis.script import Script
from service.infra.redis.server import BUNDLED, Server, Version

__all__ = ["BUNDLED", "Redis", "Script", "Server", "Version"]
