"""Fields that others own: sent once, at creation, and left to them as soon as they have taken them.

While we own such a field, its live value is sent, so that nothing changes; leaving it out then would remove it. It is
left out only once another manager owns it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from common.domain.codes import ObjectReason
from common.domain.fleet import IgnoreRule
from common.domain.foreign import foreign
from common.domain.reasons import together
from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason
from workers.sync.objects import fieldset
from workers.sync.objects.controlled import Left, Sent
from workers.sync.objects.fieldset import Element, FieldSet
from workers.sync.objects.live import ManagedFields

ABSENT = object()
MARKS = "flotilla.dev/"
_LONGEST_INDEX = 9
_IDENTITY = ("apiVersion", "kind", "metadata")
REPLICAS = "/spec/replicas"


@dataclass(frozen=True, slots=True)
class Ignored:
    """What is ignored in one object: JSON pointers, field managers, and a note on what nobody wrote down.

    Those of the pointers that are ``unsent`` do not even go out when the object is made.
    """

    pointers: tuple[str, ...]
    note: Reason = NONE
    managers: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.pointers or self.managers)

    def beside(self, left: Sequence[Left]) -> Ignored:
        """Return the same with what is left to controllers besides."""
        new = [one for one in left if one.pointer not in self.pointers]
        if not new:
            return self
        said = dict.fromkeys((one.pointer[1:].replace("/", "."), one.owner) for one in new)
        unsent = tuple(one.pointer for one in new if one.sent is Sent.NEVER)
        notes = together(self.note, *(_left(field, owner) for field, owner in said))
        return Ignored((*self.pointers, *(one.pointer for one in new)), notes, self.managers, unsent)


NOTHING = Ignored(())


def ignored_in(object_id: ObjectId, rules: Sequence[IgnoreRule], scaled: Mapping[ObjectId, str]) -> Ignored:
    """Return the ignored fields of an object.

    Args:
        object_id: which object.
        rules: ``sync.ignore`` of the application.
        scaled: objects whose replicas a scaler of the same placement sets, with its kind and name.
    """
    mine = [rule for rule in rules if _applies(rule, object_id)]
    pointers = tuple(pointer for rule in mine for pointer in rule.paths)
    managers = tuple(manager for rule in mine for manager in rule.managers)
    scaler = scaled.get(object_id)
    if scaler is None or REPLICAS in pointers:
        return Ignored(pointers, managers=managers) if mine else NOTHING
    return Ignored((*pointers, REPLICAS), _left("spec.replicas", scaler), managers)


def _left(field: str, owner: str) -> Reason:
    return foreign(ObjectReason.LEFT, field=field, to=owner)


def _applies(rule: IgnoreRule, object_id: ObjectId) -> bool:
    return (
        rule.kind == object_id.kind
        and rule.group in {None, object_id.group}
        and rule.namespace in {None, object_id.namespace}
        and rule.name in {None, object_id.name}
    )


def without_others(
    manifest: Mapping[str, Any], live: Mapping[str, Any], managers: Sequence[ManagedFields], ignored: Ignored
) -> Mapping[str, Any]:
    """Return the manifest as it is to be sent while ``live`` exists; itself where nothing is ignored.

    Args:
        manifest: as Git says.
        live: the object, whole.
        managers: its managedFields, as they will be when the manifest is sent.
        ignored: what is left to others.
    """
    if not ignored:
        return manifest
    ours = fieldset.merged(entry.decoded() for entry in managers if entry.ours)
    others = [entry.decoded() for entry in managers if not entry.ours]
    copy: dict[str, Any] = orjson.loads(orjson.dumps(manifest))
    for pointer in ignored.pointers:
        steps = _steps(pointer, manifest, live, (ours, *others))
        _put(copy, steps, _still_ours(_read(live, steps), [step.element for step in steps], ours, others))
    named = [entry.decoded() for entry in managers if not entry.ours and entry.manager in ignored.managers]
    return _without_theirs(copy, fieldset.merged(named)) if named else copy


def _without_theirs(manifest: dict[str, Any], theirs: FieldSet) -> dict[str, Any]:
    """Return a manifest without what others own of it; what says which object it is, and whose, stays."""
    metadata, given = manifest["metadata"], theirs.get("f:metadata") or {}
    owned = {key: fieldset.without({key: value}, theirs) for key, value in manifest.items() if key not in _IDENTITY}
    kept = {key: value[key] for key, value in owned.items() if value is not None}
    parts = {key: _without_marks(metadata.get(key), given.get(f"f:{key}")) for key in ("labels", "annotations")}
    named = {key: value for key, value in {**metadata, **parts}.items() if value is not None}
    return {**{key: manifest[key] for key in _IDENTITY if key in manifest}, "metadata": named, **kept}


def _without_marks(values: Any, theirs: FieldSet | None) -> Any:
    if not values or not theirs:
        return values
    return {key: value for key, value in values.items() if key.startswith(MARKS) or f"f:{key}" not in theirs}


def _still_ours(value: Any, path: Sequence[Element], ours: FieldSet, others: Sequence[FieldSet]) -> Any:
    """Return the part of a live value that we alone own; ABSENT when that is nothing."""
    left = fieldset.below(ours, path)
    for each in others:
        theirs = fieldset.below(each, path)
        if left is not None and theirs is not None:
            left = fieldset.minus(left, theirs)
    return ABSENT if left is None or value is ABSENT else fieldset.projected(value, left)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a pointer: a field by name, or the element of a list that has these values."""

    element: Element
    field: str = ""
    keys: Mapping[str, Any] | None = None
    index: int = -1


def _steps(
    pointer: str, manifest: Mapping[str, Any], live: Mapping[str, Any], sets: Sequence[FieldSet]
) -> tuple[_Step, ...]:
    """Return the steps of a JSON pointer (RFC 6901); an index counts in the manifest's list.

    An index into a list whose elements have keys becomes those keys, since the same element may stand elsewhere in
    the live list. One into an atomic list means the whole list: nobody owns a part of it.
    """
    steps: list[_Step] = []
    at: Any = manifest if _reaches(manifest, pointer) else live
    for token in _tokens(pointer):
        if isinstance(at, list) and token.isdigit():
            element = _element(at, token)
            names = fieldset.list_keys(sets, [step.element for step in steps])
            if not isinstance(element, Mapping) or not names or not all(name in element for name in names):
                break
            keys = {name: element[name] for name in names}
            steps.append(_Step("k:" + orjson.dumps(keys).decode(), keys=keys, index=int(token)))
            at = element
        else:
            steps.append(_Step(f"f:{token}", field=token))
            at = at.get(token) if isinstance(at, Mapping) else None
    return tuple(steps)


def _tokens(pointer: str) -> Iterator[str]:
    return (token.replace("~1", "/").replace("~0", "~") for token in pointer.lstrip("/").split("/"))


def _reaches(tree: Any, pointer: str) -> bool:
    for token in _tokens(pointer):
        if isinstance(tree, Mapping) and token in tree:
            tree = tree[token]
        elif _is_index(tree, token):
            tree = tree[int(token)]
        else:
            return False
    return True


def _child(tree: Any, step: _Step) -> Any:
    if step.keys is None:
        return tree.get(step.field, ABSENT) if isinstance(tree, Mapping) else ABSENT
    elements = tree if isinstance(tree, list) else ()
    return next((each for each in elements if _has(each, step.keys)), ABSENT)


def _has(element: Any, keys: Mapping[str, Any]) -> bool:
    return isinstance(element, Mapping) and all(element.get(name) == value for name, value in keys.items())


def _read(tree: Any, steps: Sequence[_Step]) -> Any:
    for step in steps:
        tree = _child(tree, step)
    return tree


def _put(tree: Any, steps: Sequence[_Step], value: Any) -> None:
    """Set the field at ``steps`` to ``value``, or remove it when that is ABSENT; nothing where the way is missing."""
    *way, last = steps
    for step in way:
        below = _child(tree, step)
        if below is ABSENT and value is not ABSENT and step.keys is None and isinstance(tree, dict):
            below = tree[step.field] = {}
        tree = below
    if isinstance(tree, list) and last.keys is not None:
        tree[:] = [each for each in tree if not _has(each, last.keys)] + ([] if value is ABSENT else [value])
    elif not isinstance(tree, dict):
        return
    elif value is ABSENT:
        tree.pop(last.field, None)
    else:
        tree[last.field] = value


def left_out(manifest: Mapping[str, Any], pointers: Sequence[str]) -> Mapping[str, Any]:
    """Return a manifest without the fields that JSON pointers name; itself where there are none.

    What holds nothing else goes with them: to send it empty would be to own all that may be in it.
    """
    if not pointers:
        return manifest
    copy: dict[str, Any] = orjson.loads(orjson.dumps(manifest))
    for pointer in pointers:
        _drop(copy, list(_tokens(pointer)))
    return copy


def _drop(tree: Any, tokens: Sequence[str]) -> None:
    token, rest = tokens[0], tokens[1:]
    element = _element(tree, token)
    child = tree.get(token) if isinstance(tree, dict) else element
    if rest:
        _drop(child, rest)
    if isinstance(tree, dict) and token in tree and (not rest or tree[token] == {}):
        del tree[token]
    elif element is not None and not rest:
        del tree[int(token)]


def _element(tree: Any, token: str) -> Any:
    return tree[int(token)] if _is_index(tree, token) else None


def _is_index(tree: Any, token: str) -> bool:
    """Tell whether a list has an element of that number; other alphabets have digits too, and a number any length."""
    plain = token.isascii() and token.isdigit() and len(token) <= _LONGEST_INDEX
    return plain and isinstance(tree, list) and int(token) < len(tree)
