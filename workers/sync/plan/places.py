"""When an object's turn comes: its wave, and whether it is a hook. Pure.

Annotations of our own, of Argo CD (``argocd.argoproj.io/…``) and of Helm (``helm.sh/hook…``) are read, in this order:
the first tool that says something about an object counts, the others do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeVar

from workers.sync.objects.marks import ARGO_HOOK, ARGO_WAVE, HELM_HOOK, HOOK, WAVE

HOOK_DELETE = "flotilla.dev/hook-delete"
_ARGO_DELETE = "argocd.argoproj.io/hook-delete-policy"
_HELM_DELETE = "helm.sh/hook-delete-policy"
_HELM_WEIGHT = "helm.sh/hook-weight"
_FURTHEST = 1_000_000
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
T = TypeVar("T")
Stages = Mapping[str, "tuple[Stage | None, Stage | None]"]
"""What a name stands for: the stage at the first sync, and the stage at every later one."""


class Stage(IntEnum):
    """The stages of a sync, in their order."""

    PRE_SYNC = 0
    SYNC = 1
    POST_SYNC = 2
    SYNC_FAIL = 3
    """Only when something before failed."""
    PRE_DELETE = 4
    POST_DELETE = 5

    @property
    def words(self) -> str:
        """Its name as annotations have it."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def named(cls, words: str) -> Stage:
        """Return the stage of that name.

        Raises:
            KeyError: there is none.
        """
        return cls[words.upper().replace("-", "_")]


class Deletion(StrEnum):
    """When a hook's object is deleted."""

    BEFORE_CREATION = "before-creation"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """When an object's turn comes.

    Attributes:
        wave: lower ones come first, within a stage.
        first: the stages in which it runs as a hook when a placement is synced for the first time.
        later: the same for every later time.
        is_hook: it is a hook, even where it runs in no stage at all.
        deletion: of a hook's object.
        unknown: what it says of itself that nobody knows, so that it runs in no stage.
    """

    wave: int = 0
    first: frozenset[Stage] = frozenset()
    later: frozenset[Stage] = frozenset()
    is_hook: bool = False
    deletion: frozenset[Deletion] = frozenset({Deletion.BEFORE_CREATION})
    unknown: tuple[str, ...] = ()


PLAIN = Place()
_OURS: Stages = {stage.words: (stage, stage) for stage in Stage}
_ARGO: Stages = {
    "PreSync": (Stage.PRE_SYNC, Stage.PRE_SYNC),
    "Sync": (Stage.SYNC, Stage.SYNC),
    "PostSync": (Stage.POST_SYNC, Stage.POST_SYNC),
    "SyncFail": (Stage.SYNC_FAIL, Stage.SYNC_FAIL),
    "PreDelete": (Stage.PRE_DELETE, Stage.PRE_DELETE),
    "PostDelete": (Stage.POST_DELETE, Stage.POST_DELETE),
    "Skip": (None, None),
}
_HELM: Stages = {
    "pre-install": (Stage.PRE_SYNC, None),
    "post-install": (Stage.POST_SYNC, None),
    "pre-upgrade": (None, Stage.PRE_SYNC),
    "post-upgrade": (None, Stage.POST_SYNC),
    "pre-delete": (Stage.PRE_DELETE, Stage.PRE_DELETE),
    "post-delete": (Stage.POST_DELETE, Stage.POST_DELETE),
    # A rollback here is a sync of an older revision, and tests are not run.
    "pre-rollback": (None, None),
    "post-rollback": (None, None),
    "test": (None, None),
    "test-success": (None, None),
    "test-failure": (None, None),
}
_CRD_INSTALL = "crd-install"
"""Of Helm 2: such an object is no hook any more, only a definition of a kind."""
_ARGO_DELETIONS = {
    "BeforeHookCreation": Deletion.BEFORE_CREATION,
    "HookSucceeded": Deletion.SUCCEEDED,
    "HookFailed": Deletion.FAILED,
}
_HELM_DELETIONS = {
    "before-hook-creation": Deletion.BEFORE_CREATION,
    "hook-succeeded": Deletion.SUCCEEDED,
    "hook-failed": Deletion.FAILED,
}
_TOOLS: tuple[tuple[str, str, Stages, Mapping[str, Deletion]], ...] = (
    (HOOK, HOOK_DELETE, _OURS, {each.value: each for each in Deletion}),
    (ARGO_HOOK, _ARGO_DELETE, _ARGO, _ARGO_DELETIONS),
)


def place_of(annotations: Mapping[str, str]) -> Place:
    """Return when the turn of an object with these annotations comes.

    Raises:
        ValueError: a value is none of those allowed; the message names key and value.
    """
    for key, delete_key, stages, deletions in _TOOLS:
        if key in annotations:
            found = [_named(key, name, stages) for name in _names(annotations[key])]
            delete = frozenset(_named(delete_key, name, deletions) for name in _names(annotations.get(delete_key, "")))
            return Place(
                wave=_wave(annotations),
                first=frozenset(first for first, _ in found if first is not None),
                later=frozenset(later for _, later in found if later is not None),
                is_hook=True,
                deletion=delete or PLAIN.deletion,
            )
    if HELM_HOOK in annotations and _helm_names(annotations[HELM_HOOK]) != [_CRD_INSTALL]:
        return _of_helm(annotations)
    wave = _wave(annotations)
    return Place(wave) if wave else PLAIN


def _of_helm(annotations: Mapping[str, str]) -> Place:
    """Return when the turn of a hook of Helm's comes, read as Helm reads it.

    Case and blanks do not count. Helm leaves out an object as soon as one of its hooks is unknown, takes a weight that
    is no number for 0, and ignores a policy that it does not know (pkg/release/v1/util/manifest_sorter.go).
    """
    names = _helm_names(annotations[HELM_HOOK])
    unknown = tuple(f"{HELM_HOOK}: {name[:80]}" for name in names if name not in _HELM)
    found = [] if unknown else [_HELM[name] for name in names]
    policies = _helm_names(annotations.get(_HELM_DELETE, ""))
    return Place(
        wave=_wave(annotations, otherwise=_weight(annotations.get(_HELM_WEIGHT, ""))),
        first=frozenset(first for first, _ in found if first is not None),
        later=frozenset(later for _, later in found if later is not None),
        is_hook=True,
        deletion=frozenset(_HELM_DELETIONS[one] for one in policies if one in _HELM_DELETIONS) or PLAIN.deletion,
        unknown=unknown,
    )


def _helm_names(text: str) -> list[str]:
    return [name.strip().lower() for name in text.split(",")]


def _weight(text: str) -> int:
    """Return a weight as Go reads a whole number; 0 where it is none. Nobody needs more of them than waves."""
    return max(-_FURTHEST, min(int(text), _FURTHEST)) if _WHOLE.fullmatch(text) else 0


def _wave(annotations: Mapping[str, str], *, otherwise: int = 0) -> int:
    for key in (WAVE, ARGO_WAVE):
        text = annotations.get(key)
        if text is None:
            continue
        try:
            wave = int(text)
        except ValueError:
            wave = _FURTHEST + 1
        if abs(wave) > _FURTHEST:
            message = f"annotation {key} is {text[:80]!r}; it is a whole number of at most {_FURTHEST:,} either way"
            raise ValueError(message)
        return wave
    return otherwise


def _names(text: str) -> Iterator[str]:
    return (name.strip() for name in text.split(",") if name.strip())


def _named(key: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        message = f"annotation {key} is {name[:80]!r}; it is one of {', '.join(known)}"
        raise ValueError(message)
    return known[name]
