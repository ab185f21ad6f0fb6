"""Healthcheck of the worker container: succeeds while a worker's heartbeat is younger than 60 seconds."""

import sys
from pathlib import Path

import psycopg

if __name__ == "__main__":
    url = Path("/run/secrets/simward_database_url").read_text("utf-8").strip()
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), connect_timeout=4) as link:
        row = link.execute(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '60 seconds'"
        ).fetchone()
    sys.exit(0 if row and row[0] else 1)
