"""Logs: one event name per meaning, ids from context, secrets masked whatever was logged."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from common.domain.redact import cut, redacted
from common.domain.secrecy import NO_SECRETS, Ends, Secrets
from common.settings import Settings

LONGEST = 65_536
"""Characters of one value; a traceback has a few thousand."""


_hidden: ContextVar[Secrets] = ContextVar("hidden", default=NO_SECRETS)


@contextmanager
def hiding() -> Iterator[None]:
    """Within it, what ``hide`` is given shows in no log of this context."""
    token = _hidden.set(NO_SECRETS)
    try:
        yield
    finally:
        _hidden.reset(token)


def hide(secrets: Secrets) -> None:
    """Show these in no log from now on, until the context ends."""
    _hidden.set(_hidden.get() | secrets)


def _without_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    hidden = _hidden.get()
    return {name: _plain(value, hidden) for name, value in event.items()}


def _plain(value: Any, hidden: Secrets) -> Any:
    if isinstance(value, str):
        return redacted(hidden.masked(cut(value, LONGEST), Ends.CUT))
    return hidden.masked_in(value) if isinstance(value, (dict, list, tuple)) else value


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
