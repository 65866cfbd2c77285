"""Fields that several kinds of both tools write alike."""

from __future__ import annotations

from typing import Any

from common.yaml import Path
from console.importing.foreign import Foreign, dotted
from console.importing.words import duration, without_nothing


def take_duration(one: Foreign, *path: str | int) -> str | None:
    """Return the duration at ``path`` as the registry writes it; one that it cannot hold is said, and None."""
    text = one.take_text(*path)
    found = duration(text)
    if text and found is None and text.strip("0hms."):
        one.say(path, f"{dotted(path)} is no duration that has a place", "give one between 1s and 366d")
    return found


def take_patch(one: Foreign, path: Path) -> dict[str, Any]:
    """Return a patch of Kustomize, which both tools and the registry write alike; empty where there is none."""
    patch = one.take_text(*path, "patch")
    target = one.take_map(*path, "target")
    options = {
        key: one.take_flag(*path, "options", key)
        for key in ("allowNameChange", "allowKindChange")
        if one.has(*path, "options", key)
    }
    return without_nothing({"patch": patch, "target": target, "options": options}) if patch else {}
