"""Real PostgreSQL 18 and real Redis as children of this process, for the demo and the tests.

One folder, one owner: an ``flock`` on the data folder decides who starts the servers; everyone else attaches
or is turned away. The servers live exactly as long as their owner, also when it is killed, and listen only on
Unix sockets in a private folder. Production brings its own servers and never comes here.

Promise: after ``stop()`` or after a ``kill -9`` of the owner no server is left, and what PostgreSQL
acknowledged is there at the next start (unless ``fsync=False``, which tests choose).
"""

from service.infra.embedded.model import AlreadyRunning, EmbeddedError, Servers
from service.infra.embedded.owner import Embedded, running

__all__ = ["AlreadyRunning", "Embedded", "EmbeddedError", "Servers", "running"]
