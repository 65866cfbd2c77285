"""What can be looked at, and what looks: whoever adds one adds a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from common.domain.inspections import Inspected, Question
from workers.inspect.events_answer import events
from workers.inspect.logs_answer import logs
from workers.inspect.manifest_answer import manifest
from workers.inspect.operate_answer import operate
from workers.inspect.place import Place
from workers.inspect.tree_answer import tree

ANSWERS: Mapping[Inspected, Callable[[Place, Question], Mapping[str, Any]]] = MappingProxyType(
    {
        Inspected.TREE: tree,
        Inspected.EVENTS: events,
        Inspected.LOGS: logs,
        Inspected.MANIFEST: manifest,
        Inspected.OPERATE: operate,
    }
)
