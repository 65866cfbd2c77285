"""Notes what is done to foreign text while a transaction is open in the same thread."""

from __future__ import annotations

import functools
import importlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection

from common.store.engine.session import Database

FOREIGN = (
    # parsed
    "common.yaml.load:load_documents",
    "common.registry.parse:parse",
    "common.registry.parse:restore",
    "common.registry.translate:validated",
    "common.registry.documents:Documents.from_json",
    "common.registry.documents:Documents.to_json",
    # selected and merged
    "common.domain.fleet.placements:Fleet.placements",
    "common.domain.fleet.values:merged",
    "common.domain.fleet.values:explained",
    # redacted
    "common.domain.redact:redacted",
    "common.domain.secrecy:Secrets.masked",
    "common.domain.secrecy:Secrets.masked_in",
    # rendered, compared, judged, hashed
    "workers.render.renderers:Renderers.resolve",
    "workers.render.renderers:Renderers.render",
    "workers.render.canonical:manifest_digest",
    "workers.sync.plan.normalise:normalise",
    "workers.sync.plan.diff:diff",
    "workers.sync.objects.fingerprint:fingerprint",
    "workers.sync.health.assess:assess",
    "workers.sync.observe:reports",
    "workers.sync.pipeline:run",
    "common.domain.fleet.placements:Placement.parameters_digest",
    "common.domain.fleet.placements:Placement.settings_digest",
    # asked of others
    "workers.kube.client:Client.send",
    "workers.kube.pool:Connection.session",
)
"""What takes time by what strangers wrote. Digests of rows' own keys are none of it: their names are bounded."""
_OURS = frozenset({"common", "scheduler", "workers", "console"})


@contextmanager
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give a list that grows by whatever is done so, with where; what is imported by then is watched."""
    found: list[str] = []
    within = threading.local()
    real = Database._transaction

    @contextmanager
    def transaction(self: Database, mode: str) -> Iterator[Connection]:
        with real(self, mode) as connection:
            within.depth = getattr(within, "depth", 0) + 1
            try:
                yield connection
            finally:
                within.depth -= 1

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*arguments: Any, **named: Any) -> Any:
            if getattr(within, "depth", 0):
                found.append(f"{name} from {' < '.join(_callers())}")
            return function(*arguments, **named)

        return wrapper

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_transaction", transaction)
        for name in FOREIGN:
            _watch(patch, name, watched)
        yield found


def _watch(patch: pytest.MonkeyPatch, name: str, watched: Callable[[str, Any], Any]) -> None:
    """Put a watch before a function, under whatever name any module of ours imported it."""
    module, _, path = name.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, last = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    plain = vars(owner)[last]
    if outer:
        made = classmethod(watched(name, plain.__func__)) if isinstance(plain, classmethod) else watched(name, plain)
        patch.setattr(owner, last, made)
        return
    made = watched(name, plain)
    for each in [one for key, one in sys.modules.items() if key.partition(".")[0] in _OURS]:
        for key, value in list(vars(each).items()):
            if value is plain:
                patch.setattr(each, key, made)


def _callers() -> list[str]:
    frames = traceback.extract_stack()[:-3]
    ours = [f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in frames]
    return [*reversed(ours)][:8]
