"""Who owns which fields: ``metadata.managedFields`` decoded, and encoded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator import fieldset
from simulator.fieldset import FieldSet

Json = dict[str, Any]
APPLY = "Apply"
UPDATE = "Update"


@dataclass(frozen=True, slots=True)
class Manager:
    """Identity of one entry: appliers are one across versions, updaters are not."""

    name: str
    operation: str
    version: str
    subresource: str = ""

    def described(self) -> str:
        """Return the manager as conflict messages name it."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns, and since when it says so."""

    fields: FieldSet
    version: str
    time: str


Managers = dict[Manager, Owned]


def decode(entries: Sequence[Mapping[str, Any]] | None) -> Managers:
    """Return the managers of an object's ``managedFields``."""
    found: Managers = {}
    for entry in entries or ():
        operation = entry.get("operation", UPDATE)
        version = entry.get("apiVersion", "")
        identity = Manager(
            entry.get("manager", ""), operation, version if operation == UPDATE else "", entry.get("subresource", "")
        )
        found[identity] = Owned(fieldset.decode(entry.get("fieldsV1") or {}), version, entry.get("time", ""))
    return found


def encode(managers: Managers) -> list[Json]:
    """Return the entries in the API server's order: appliers first, then by time, name, version, subresource."""
    ranked = sorted(
        managers.items(),
        key=lambda item: (item[0].operation, item[1].time, item[0].name, item[1].version, item[0].subresource),
    )
    return [_entry(manager, owned) for manager, owned in ranked]


def _entry(manager: Manager, owned: Owned) -> Json:
    entry: Json = {"manager": manager.name, "operation": manager.operation, "apiVersion": owned.version}
    if owned.time:
        entry["time"] = owned.time
    entry["fieldsType"] = "FieldsV1"
    entry["fieldsV1"] = fieldset.tree(owned.fields)
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry
