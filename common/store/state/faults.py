"""What is wrong and a person should see: opened when first seen, cleared when it is gone."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from common.store.engine.dialect import batched, insert
from common.store.schema.tables import FaultRow
from common.store.state.stored_reasons import params_in

REGISTRY = "registry"
MESSAGES = "message"


def of_cluster(name: str) -> str:
    """Return the scope of a cluster's faults."""
    return f"cluster:{name}"


@dataclass(frozen=True, slots=True)
class StoredFault:
    """One fault, by its code and parameters, ``remedy`` among them; ``file`` is empty where it is about no file.

    Attributes:
        project: whose it is; empty for what belongs to none, or to several.
    """

    code: str
    params: Mapping[str, Any]
    project: str = field(kw_only=True)
    file: str = ""
    line: int = 0
    commit: str = ""

    def digest(self, nth: int = 0) -> str:
        """Return what makes it the same fault again; not the line, which moves with every edit above it.

        Args:
            nth: how many of the same words were found before it in its file: two documents can lack the same.
        """
        message = self.params.get("message")
        named = {name: value for name, value in self.params.items() if name != "remedy"}
        what = message if isinstance(message, str) else json.dumps(named, sort_keys=True)
        parts = "\x00".join((self.code, self.file, what, *((str(nth),) if nth else ())))
        return hashlib.sha256(parts.encode()).hexdigest()


def _by_digest(faults: Sequence[StoredFault]) -> dict[str, StoredFault]:
    """Return faults by digest, those of the same words in the order of their lines."""
    found: dict[str, StoredFault] = {}
    before: Counter[str] = Counter()
    for fault in sorted(faults, key=lambda fault: fault.line):
        words = fault.digest()
        found[fault.digest(before[words]) if fault.file else words] = fault
        before[words] += 1
    return found


def replace(connection: Connection, scope: str, faults: Sequence[StoredFault], *, now: datetime) -> None:
    """Make ``faults`` the open ones of ``scope``: new ones are opened, known ones dated, all others cleared."""
    found = _by_digest(faults)
    open_now = select(FaultRow.digest).where(FaultRow.scope == scope, FaultRow.cleared_at.is_(None))
    gone = set(connection.execute(open_now).scalars()) - found.keys()
    for batch in batched(sorted(gone)):
        cleared = update(FaultRow).where(FaultRow.scope == scope, FaultRow.digest.in_(batch))
        connection.execute(cleared.values(cleared_at=now))
    _store(connection, scope, found, now)
    _reword(connection, scope, found)


def add(connection: Connection, scope: str, fault: StoredFault, *, now: datetime) -> None:
    """Open one fault of ``scope``, or date it if it is open; the others stay."""
    _store(connection, scope, {fault.digest(): fault}, now)


def _reword(connection: Connection, scope: str, found: Mapping[str, StoredFault]) -> None:
    """Have known faults say what is to be done about them now, and whose they are, where that has changed.

    It is no part of storing them, since workers may not change that of a fault. Theirs bring no such words.
    """
    for batch in batched(sorted(found)):
        mine = (FaultRow.scope == scope, FaultRow.digest.in_(batch))
        known = select(FaultRow.digest, FaultRow.params, FaultRow.project).where(*mine)
        for digest, params, project in connection.execute(known).all():
            now = found[digest]
            if (params_in(params).get("remedy"), project) != (now.params.get("remedy"), now.project):
                one = update(FaultRow).where(FaultRow.scope == scope, FaultRow.digest == digest)
                connection.execute(one.values(params=dict(now.params), project=now.project))


def _store(connection: Connection, scope: str, found: Mapping[str, StoredFault], now: datetime) -> None:
    rows = [
        {
            "scope": scope,
            "project": fault.project,
            "digest": digest,
            "code": fault.code,
            "file": fault.file,
            "line": fault.line,
            "params": dict(fault.params),
            "commit": fault.commit,
            "first_seen_at": now,
            "last_seen_at": now,
        }
        for digest, fault in found.items()
    ]
    for batch in batched(rows):
        statement = insert(connection, FaultRow)
        new = statement.excluded
        known = {"line": new.line, "commit": new.commit, "last_seen_at": now, "cleared_at": None}
        connection.execute(statement.on_conflict_do_update(index_elements=["scope", "digest"], set_=known), batch)
