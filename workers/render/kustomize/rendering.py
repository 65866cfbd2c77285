"""Kustomize: the tool on this machine, run on a copy of what its kustomizations read and of nothing else."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from common.sandbox.launch import Strictness
from common.sandbox.scratch import ScratchFolder
from common.sources.trees import Tree, joined, refuse_link
from common.yaml import MANIFEST_LIMITS
from workers.render import sandbox
from workers.render.faults import EscapeRefusedError, PluginRefusedError, RendererMissingError
from workers.render.files import scratch, write_files
from workers.render.kustomize import kustomization
from workers.render.kustomize.kustomization import Footprint
from workers.render.manifests import Output, checked, reading

NAME = "kustomize"
_INSTALL = "Install kustomize on the workers, or set FLOTILLA_KUSTOMIZE to a kustomize or kubectl."
_IMAGE = re.compile(
    r"(?P<name>[^=@\s]+=)?(?P<image>[^=@\s:]+(:\d+/[^=@\s:]+)?)?(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>\w+:\w+))?"
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A Kustomize on this machine.

    Attributes:
        build: the command that builds the folder named after it.
        version: of Kustomize itself, without a ``v``.
    """

    build: tuple[str, ...]
    version: str


def tool(path: str = "", *, strictness: Strictness = Strictness.STRICT) -> Tool:
    """Return the Kustomize of this machine.

    Args:
        path: of a ``kustomize`` or ``kubectl``; empty looks on PATH, ``kustomize`` first.
        strictness: whether it is asked where it cannot be confined.

    Raises:
        RendererMissingError: there is none, or it does not tell its version.
    """
    found = path or shutil.which("kustomize") or shutil.which("kubectl")
    if not found or not os.access(found, os.X_OK):
        message = f"{path or 'kustomize'} was not found on this worker"
        raise RendererMissingError(message, remedy=_INSTALL)
    absolute = Path(found).absolute()
    return _asked(str(absolute), absolute.stat().st_mtime_ns, strictness)


@lru_cache(maxsize=8)
def _asked(path: str, _changed: int, strictness: Strictness) -> Tool:
    is_kubectl = Path(path).name.startswith("kubectl")
    arguments = ("version", "--client", "--output=json") if is_kubectl else ("version",)
    with ScratchFolder("flotilla-render-") as folder:
        bounds = sandbox.Bounds(strictness=strictness)
        said = sandbox.run([path, *arguments], folder=Path(folder), what="its version", bounds=bounds)
    match = re.search(rb'kustomizeVersion":\s*"v?([^"]+)"' if is_kubectl else rb"v?(\d+\.\d+\.\d+[\w.+-]*)", said)
    if match is None:
        message = f"{path} does not tell which Kustomize it is"
        raise RendererMissingError(message, remedy=_INSTALL)
    return Tool((path, "kustomize") if is_kubectl else (path, "build"), match[1].decode())


def footprint(tree: Tree, path: str, options: Mapping[str, Any]) -> Footprint:
    """Return what building ``path`` reads, the components of ``options`` included.

    Raises:
        PermanentError: as ``kustomization.footprint``.
    """
    return kustomization.footprint(tree, path, tuple(options.get("components", ())))


def render(
    tree: Tree, path: str, options: Mapping[str, Any], *, reads: Footprint, tool: Tool, bounds: sandbox.Bounds
) -> Output:
    """Return the objects that building ``path`` gives, in the tool's order.

    Args:
        tree: the repository at a commit.
        path: folder with a kustomization.
        options: the registry's settings, laid over it.
        reads: its footprint.
        tool: what to run.
        bounds: of the tool.

    Raises:
        ToolFailedError, ToolBoundsError: the tool refused the files, or exceeded a bound.
        RenderError, EmptyRenderError, ManifestTooLargeError: what came out is not fit to be synced.
        PermanentError: a file cannot be read (``common.sources.faults``).
    """
    overlay = overlay_of(path, options)
    with materialised(tree, reads) as folder:
        start = folder / "tree" / path
        if overlay is not None:
            start = folder / "overlay"
            start.mkdir()
            (start / "kustomization.yaml").write_bytes(orjson.dumps(overlay))
        command = [*tool.build, str(start)]
        text = sandbox.run(command, folder=folder, what=path, bounds=bounds)
    return checked(reading(text, f"kustomize build {path}", MANIFEST_LIMITS), path=path)


def overlay_of(path: str, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the kustomization that lays the registry's ``options`` over ``path``; None where there are none.

    Raises:
        PluginRefusedError: a patch names a file: what the registry lays over stands in the registry.
        EscapeRefusedError: an image is not one.
    """
    if not options:
        return None
    for patch in options.get("patches", ()):
        if not set(patch) <= {"patch", "target", "options"}:
            message = "render.kustomize.patches: a patch has fields other than patch, target and options"
            raise PluginRefusedError(message, remedy="Write the patch itself into the registry.")
    overlay: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [joined("../tree", path)],
        "components": [joined("../tree", folder) for folder in options.get("components", ())],
        "patches": list(options.get("patches", ())),
        "images": [image_of(text) for text in options.get("images", ())],
        "namePrefix": options.get("namePrefix") or "",
        "nameSuffix": options.get("nameSuffix") or "",
    }
    return {key: value for key, value in overlay.items() if value}


def image_of(text: str) -> dict[str, str]:
    """Return ``NAME=NEWNAME:TAG`` (each part but the name may be absent; ``@DIGEST`` for ``:TAG``) as Kustomize has it.

    Raises:
        EscapeRefusedError: it has another form.
    """
    match = _IMAGE.fullmatch(text)
    if match is None or not (match["image"] or match["name"]):
        message = f"render.kustomize.images: {text[:120]!r} is not an image"
        raise EscapeRefusedError(message, remedy="Write NAME=NEWNAME:TAG, NAME:TAG or NAME@DIGEST.")
    name = (match["name"] or "").rstrip("=")
    found = {"name": name or match["image"], "newName": match["image"] if name else None}
    found |= {"newTag": match["tag"], "digest": match["digest"]}
    return {key: value for key, value in found.items() if value}


@contextmanager
def materialised(tree: Tree, reads: Footprint) -> Iterator[Path]:
    """Write what ``reads`` names below ``tree/`` of a fresh folder of mode 0700, files of mode 0400; gone afterwards.

    Kustomizations are written as parsed. Nothing but plain files and folders is ever made.

    Raises:
        SymlinkRefusedError, SubmoduleRefusedError: a folder read as a whole holds such a thing.
        FileTooLargeError, LfsPointerError: of a file.
    """
    names = set(reads.files)
    for whole in reads.wholes:
        for entry in tree.list(whole):
            refuse_link(entry)
            names.add(entry.path)
    contents = tree.read_many(sorted(names - reads.kustomizations.keys()))
    contents |= {file: orjson.dumps(value) for file, value in reads.kustomizations.items()}
    with ScratchFolder("flotilla-render-", place=scratch(tree)) as folder:
        root = Path(folder) / "tree"
        root.mkdir()
        write_files(root, contents.items())
        yield Path(folder)
