"""What a run asks of the database: most of what it costs a worker, and what grows unnoticed."""

from __future__ import annotations

import json
from collections import Counter

from sqlalchemy import event

from common.broker import messages
from tests.harness.hub import APPS, StepHub

TRANSACTIONS = 4
"""Claim, read, plan, end."""
STATEMENTS = 24
"""Of a first sync, asking for the database's clock left out."""


def test_a_first_sync_takes_few_statements_in_four_transactions(hub: StepHub) -> None:
    hub.declare("eu")
    for name in ("warm", "shop"):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}
        hub.git.commit(APPS, {f"{name}/app.yaml": json.dumps(body)})
    hub.application("warm")
    hub.settle()
    counted: Counter[str] = Counter()
    engine = hub.runtime.database._engine

    def asked(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "SELECT clock_timestamp()")):
            counted["statements"] += 1

    def begun(_connection: object) -> None:
        counted["transactions"] += 1

    hub.application("shop")
    for _ in range(3):
        hub.tick()
        waiting = list(hub.sender.messages)
        hub.sender.messages.clear()
        for task, subject, _queue in waiting:
            if task != messages.SYNC:
                hub.carry_out(task, subject)
                continue
            event.listen(engine, "before_cursor_execute", asked)
            event.listen(engine, "begin", begun)
            hub.carry_out(task, subject)
            event.remove(engine, "before_cursor_execute", asked)
            event.remove(engine, "begin", begun)
    assert hub.placement("eu/shop").sync == "synced"
    assert counted["transactions"] <= TRANSACTIONS, counted
    assert counted["statements"] <= STATEMENTS, counted
