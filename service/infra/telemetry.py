"""Logs and numbers. What is logged: route templates, ids, codes, counts, durations; never input.

structlog writes JSON lines to stderr. Exceptions are logged as type and place, without their message or
locals: a driver's message quotes the row, a validator's quotes the input (``security.md`` 7).
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)

REQUESTS = Counter(
    "simward_requests_total",
    "Answers by route template, method and status",
    ["route", "method", "status"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "simward_request_seconds",
    "Time to answer by route template",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
DECISIONS = Counter("simward_decisions_total", "Decisions by verdict", ["verdict"], registry=REGISTRY)
RULE_FAILURES = Counter(
    "simward_rule_failures_total", "Rules that failed at run time, by rule", ["rule"], registry=REGISTRY
)
SHARED_ASKS_REFUSED = Counter(
    "simward_shared_asks_refused_total",
    "Times an asker was over the day's budget of identities asked about over all operators; raise an alarm",
    registry=REGISTRY,
)
CODES = Counter("simward_codes_total", "Codes by what became of them", ["outcome"], registry=REGISTRY)
SMPP_BOUND = Gauge("simward_smpp_bound", "1 while the SMPP session is bound", registry=REGISTRY)
SENDS = Counter(
    "simward_sends_total",
    "Messages by sender and what it made of them",
    ["sender", "outcome"],
    registry=REGISTRY,
)
NOTICES = Counter(
    "simward_notices_total",
    "Messages without a code by kind and what became of each try; money and sender: it waits",
    ["kind", "outcome"],
    registry=REGISTRY,
)
LOOKUPS = Counter(
    "simward_lookups_total",
    "What the network's register (HLR) said before a send: allowed, withheld, gone (nobody could tell, so it was sent)",
    ["answer"],
    registry=REGISTRY,
)
AUTHORITIES = Counter(
    "simward_authorities_total",
    "What was said of documents outside: by whom (registry, lost_stolen, death), and yes, no or not_available",
    ["authority", "answer"],
    registry=REGISTRY,
)
PUZZLES = Counter(
    "simward_challenges_total",
    "Solutions that came in by kind (work, captcha) and what they were: right, wrong, gone (nobody could tell)",
    ["kind", "outcome"],
    registry=REGISTRY,
)
LIMITS = Counter(
    "simward_limits_total",
    "Times a limit had no room, by stage: enforced, shadow, pressure",
    ["limit", "stage"],
    registry=REGISTRY,
)
PICTURES = Counter(
    "simward_pictures_total",
    "Pictures by what became of them: read, unreadable, full (no place to wait), late, broken, gone (caller hung up)",
    ["outcome"],
    registry=REGISTRY,
)
PICTURES_WAITING = Gauge(
    "simward_pictures_waiting", "Pictures that wait or are being read", registry=REGISTRY
)
PICTURE_SECONDS = Histogram(
    "simward_picture_seconds",
    "Time that a picture took, waiting included",
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 40),
    registry=REGISTRY,
)
MONEY_LEFT = Gauge(
    "simward_money_left_ratio",
    "Share of today's money for messages that is left, of the operator with the least; NaN while Redis is gone",
    registry=REGISTRY,
)
BLOCKS = Gauge("simward_blocks", "Blocks that hold, by what they stop", ["limit"], registry=REGISTRY)
JOBS_FAILED = Gauge("simward_jobs_failed", "Jobs that gave up and wait for staff", registry=REGISTRY)


def _strip(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace ``exc_info`` by the exception's type chain and the innermost places, without any message."""
    info = event.pop("exc_info", None)
    if info:
        error = info if isinstance(info, BaseException) else sys.exc_info()[1]
        chain: list[str] = []
        seen = error
        while seen is not None and len(chain) < 5:
            chain.append(type(seen).__qualname__)
            seen = seen.__cause__ or seen.__context__
        event["error"] = " < ".join(chain)
        if error is not None:
            frames = traceback.extract_tb(error.__traceback__)[-6:]
            event["at"] = [f"{frame.filename.rpartition('service/')[2]}:{frame.lineno}" for frame in frames]
    return event


class _Quiet(logging.Handler):
    """Libraries' records: name and level of errors alone, since their messages may quote arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger("library")
        info = record.exc_info[1] if record.exc_info else None
        log.log(
            record.levelno,
            "library.record",
            logger=record.name,
            place=f"{record.module}:{record.lineno}",
            exc_info=info,
        )


def configure(level: str = "info") -> None:
    """Set up logging for the process: JSON lines on stderr, libraries' messages reduced to name and place."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _strip,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Quiet(logging.WARNING)]
    root.setLevel(logging.WARNING)
