"""Every field of a kustomization that names a file or a folder, made for a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

PATHS: Mapping[str, Callable[[str], Any]] = {
    "resources": lambda path: {"resources": [path]},
    "bases": lambda path: {"bases": [path]},
    "components": lambda path: {"components": [path]},
    "crds": lambda path: {"crds": [path]},
    "configurations": lambda path: {"configurations": [path]},
    "generators": lambda path: {"generators": [path]},
    "transformers": lambda path: {"transformers": [path]},
    "validators": lambda path: {"validators": [path]},
    "openapi.path": lambda path: {"openapi": {"path": path}},
    "patches.path": lambda path: {"patches": [{"path": path}]},
    "patchesJson6902.path": lambda path: {"patchesJson6902": [{"path": path, "target": {"kind": "Pod"}}]},
    "patchesStrategicMerge": lambda path: {"patchesStrategicMerge": [path]},
    "replacements.path": lambda path: {"replacements": [{"path": path}]},
    "configMapGenerator.files": lambda path: {"configMapGenerator": [{"name": "x", "files": [path]}]},
    "configMapGenerator.envs": lambda path: {"configMapGenerator": [{"name": "x", "envs": [path]}]},
    "configMapGenerator.env": lambda path: {"configMapGenerator": [{"name": "x", "env": path}]},
    "secretGenerator.files": lambda path: {"secretGenerator": [{"name": "x", "files": [path]}]},
    "secretGenerator.envs": lambda path: {"secretGenerator": [{"name": "x", "envs": [path]}]},
    "secretGenerator.env": lambda path: {"secretGenerator": [{"name": "x", "env": path}]},
}
