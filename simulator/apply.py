"""Server-side apply and the tracking of ownership through ordinary updates, on values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from simulator import errors, fieldset, typed
from simulator.errors import Cause
from simulator.fieldset import EMPTY, FieldSet, Path
from simulator.managers import APPLY, UPDATE, Manager, Managers, Owned
from simulator.schema import Node, zero_value

Json = dict[str, Any]
MAX_UPDATERS = 10
"""More update entries than this are folded into one called ``ancient-changes``."""

BEFORE_FIRST_APPLY = "before-first-apply"
STRIPPED: FieldSet = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    }
)


class Conflicts(StrEnum):
    """What an apply does with fields that others own."""

    FAIL = "fail"
    FORCE = "force"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, how, and where.

    Attributes:
        name: field manager.
        version: apiVersion of what is written.
        subresource: "status", "scale" or empty.
        now: RFC 3339 instant that changed entries carry.
        ignored: top-level fields that this endpoint resets and nobody comes to own through it.
    """

    name: str
    version: str
    subresource: str
    now: str
    ignored: frozenset[str] = frozenset()

    def owned(self, paths: FieldSet) -> FieldSet:
        """Return the paths without those that no manager can own."""
        return self.reachable(paths) - STRIPPED

    def reachable(self, paths: FieldSet) -> FieldSet:
        """Return the paths without those that this endpoint resets."""
        if not self.ignored:
            return paths
        return frozenset(path for path in paths if path[0][2:] not in self.ignored)

    def manager(self, operation: str) -> Manager:
        """Return the identity of this writer's entry."""
        version = self.version if operation == UPDATE else ""
        return Manager(self.name, operation, version, self.subresource)


def apply(
    node: Node, live: Json, config: Mapping[str, Any], managers: Managers, writer: Writer, conflicts: Conflicts
) -> tuple[Json, Managers]:
    """Return the object after the configuration is applied, and who owns what then.

    Args:
        node: schema of the kind.
        live: the object as it is, without managedFields; ``{}`` when there is none.
        config: everything the writer wants to own.
        managers: who owns what now.
        writer: who applies.
        conflicts: whether fields of other managers are taken.

    Raises:
        ApiError: 409, with a cause per field that another manager owns.
    """
    known = dict(managers)
    if not known and live:
        before = Writer(BEFORE_FIRST_APPLY, writer.version, "", writer.now, writer.ignored)
        known = track_update(node, zero_value(node), live, known, before)
    identity = writer.manager(APPLY)
    last = known.get(identity)
    wanted = writer.reachable(typed.field_set(node, config))  # name and kind too: they keep metadata from being pruned
    merged = typed.merge(node, live, dict(config))
    known[identity] = Owned(wanted, writer.version, last.time if last else "")
    pruned = _prune(node, merged, known, wanted, last.fields if last else EMPTY)
    difference = _without_ignored(typed.compare(node, live, pruned), writer)
    _refuse_conflicts(known, identity, difference, conflicts)
    settled = _settle(known, identity, difference)
    owned = settled.pop(identity)
    if fields := writer.owned(owned.fields):
        time = owned.time if typed.identical(live, pruned) else writer.now
        settled[identity] = Owned(fields, owned.version, time)
    return pruned, settled


def _prune(node: Node, merged: Json, managers: Managers, wanted: FieldSet, last: FieldSet) -> Json:
    """Take away what the writer applied last time and now does not, save where another manager still owns it."""
    if last <= wanted:
        return merged  # nothing was dropped: by far the most frequent case
    last_named = typed.with_named_parents(node, last)
    pruned = typed.remove(node, merged, last_named) or {}
    everything = typed.with_named_parents(node, typed.field_set(node, merged))
    owners = (owned.fields for owned in managers.values())
    held = typed.with_named_parents(node, frozenset().union(*owners))
    kept = typed.with_named_parents(node, typed.field_set(node, pruned))
    pruned = typed.remove(node, merged, everything - (kept | held)) or {}
    kept = typed.with_named_parents(node, typed.field_set(node, pruned))
    result: Json = typed.remove(node, merged, (everything - kept) & last_named) or {}
    return result


def _without_ignored(difference: typed.Difference, writer: Writer) -> typed.Difference:
    return typed.Difference(
        set(writer.owned(frozenset(difference.added))),
        set(writer.owned(frozenset(difference.modified))),
        set(writer.owned(frozenset(difference.removed))),
    )


def _refuse_conflicts(managers: Managers, writer: Manager, difference: typed.Difference, policy: Conflicts) -> None:
    if policy is Conflicts.FORCE:
        return
    taken = difference.added | difference.modified
    contested = {
        manager.described(): fieldset.ordered(owned.fields & taken)
        for manager, owned in managers.items()
        if manager != writer and owned.fields & taken
    }
    if contested:
        raise errors.apply_conflict(_conflict_message(contested), _conflict_causes(contested))


def _conflict_causes(contested: Mapping[str, list[Path]]) -> list[Cause]:
    return [
        Cause("FieldManagerConflict", f"conflict with {manager}", fieldset.spelled(path))
        for manager, paths in contested.items()
        for path in paths
    ]


def _conflict_message(contested: Mapping[str, list[Path]]) -> str:
    count = sum(len(paths) for paths in contested.values())
    if count == 1:
        [(manager, [path])] = contested.items()
        return f"Apply failed with 1 conflict: conflict with {manager}: {fieldset.spelled(path)}"
    parts = []
    for manager in sorted(contested):
        listed = "\n".join(f"- {fieldset.spelled(path)}" for path in contested[manager])
        parts.append(f"conflicts with {manager}:\n{listed}")
    return f"Apply failed with {count} conflicts: " + "\n".join(parts)


def _settle(managers: Managers, writer: Manager, difference: typed.Difference) -> Managers:
    """Take from every other manager what the writer changed or removed; drop who is left with nothing."""
    lost = frozenset(difference.added | difference.modified | difference.removed)
    settled: Managers = {}
    for manager, owned in managers.items():
        fields = owned.fields if manager == writer else owned.fields - lost
        if fields:
            settled[manager] = Owned(fields, owned.version, owned.time)
    return settled


def track_update(node: Node, live: Json, new: Json, managers: Managers, writer: Writer) -> Managers:
    """Return who owns what after an ordinary write: the writer owns what it changed.

    An object that nobody was tracked on stays untracked.
    """
    if not managers and live.get("metadata", {}).get("uid"):
        return {}
    difference = _without_ignored(typed.compare(node, live, new), writer)
    identity = writer.manager(UPDATE)
    settled = _settle(dict(managers), identity, difference)
    before = settled.get(identity, Owned(EMPTY, writer.version, ""))
    fields = (before.fields | difference.modified | difference.added) - difference.removed
    if not fields:
        settled.pop(identity, None)
    else:
        time = writer.now if difference.modified or difference.added else before.time
        settled[identity] = Owned(frozenset(fields), writer.version, time)
    return _capped(settled)


def _capped(managers: Managers) -> Managers:
    """Fold the oldest update entries into one bucket per version."""
    updaters = [manager for manager in managers if manager.operation == UPDATE]
    if len(updaters) <= MAX_UPDATERS:
        return managers
    oldest = sorted(updaters, key=lambda each: (managers[each].time, each.name))
    capped = dict(managers)
    for manager in oldest[: len(updaters) - MAX_UPDATERS + 1]:
        bucket = Manager("ancient-changes", UPDATE, manager.version)
        owned = capped.pop(manager)
        held = capped.get(bucket)
        fields = owned.fields | (held.fields if held else EMPTY)
        capped[bucket] = Owned(fields, owned.version, owned.time)
    return capped
