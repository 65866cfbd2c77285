"""Logs: one event name per meaning, ids from context, secrets masked whatever was logged."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from common.domain.redact import cut, redacted
from common.settings import Settings

LONGEST = 65_536
"""Characters of one value; a traceback has a few thousand."""


def _without_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: redacted(cut(value, LONGEST)) if isinstance(value, str) else value for name, value in event.items()}


def configure(settings: Settings) -> None:
    """Set up this process's logs: lines for people, or JSON where ``log_format`` is ``json``; always to stderr."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    last: Processor = structlog.processors.JSONRenderer()
    if settings.log_format != "json":
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )


def logger(name: str) -> FilteringBoundLogger:
    """Return the logger of a module."""
    return cast("FilteringBoundLogger", structlog.get_logger(name))
