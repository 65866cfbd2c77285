"""What rendering a chart reads: its folder, the registry's values files, and charts beside it that it depends on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any

from common.domain.errors import sentences
from common.domain.fleet import lent
from common.domain.status import Reason
from common.sources.trees import Tree, joined, refuse_link
from common.yaml import Repeated, YamlError, load_documents
from workers.render.faults import CycleError, DependencyMissingError, EscapeRefusedError, RenderError
from workers.render.manifests import FILE_LIMITS, repeated_in

CHART_FILE = "Chart.yaml"
_REQUIREMENTS = "requirements.yaml"
_LOCAL = "file://"
CLUSTER_VALUES = "flotilla.dev/cluster-values"
"""By this annotation of its Chart.yaml a chart asks for the cluster's name, labels and vars, and says under which key
of its values: ``cluster``, or ``global.cluster`` for the charts within it too."""
_KEYS = re.compile(r"(?=.{1,200}\Z)[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MOST_CHARTS = 200
_DEEPEST = 10
_MOST_KEPT = 256
_repeated: dict[bytes, tuple[Reason, ...]] = {}


@dataclass(frozen=True, slots=True)
class ChartFootprint:
    """What one rendering reads.

    Attributes:
        chart: the chart's folder.
        values_files: in their order, lowest first; paths from the repository's root, or ``$SOURCE/FILE`` for what
            another source lends, which is no part of this footprint.
        beside: charts of the same repository that the chart, or one of these, depends on by ``file://``: where each is
            put in the chart's folder, and the folder it comes from.
        cluster_at: keys on the way to where, among its values, the chart asks for those of the cluster; empty where it
            does not.
    """

    chart: str
    values_files: tuple[str, ...] = ()
    beside: tuple[tuple[str, str], ...] = ()
    cluster_at: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All of it, sorted."""
        own = (file for file in self.values_files if lent(file) is None)
        return tuple(sorted({self.chart, *own, *(source for _, source in self.beside)}))


def footprint(tree: Tree, path: str, options: Mapping[str, Any]) -> ChartFootprint:
    """Return what rendering the chart at ``path`` reads.

    Args:
        tree: the repository at a commit.
        path: the chart's folder.
        options: ``valuesFiles``, paths from the chart's folder.

    Raises:
        RenderError: there is no chart, or its ``Chart.yaml`` is malformed.
        DependencyMissingError: it needs a chart that is not in the repository.
        EscapeRefusedError: a path leads out of the repository.
        CycleError: charts that depend on each other.
        PathMissingError, SymlinkRefusedError, SubmoduleRefusedError: of what it reads.
    """
    tree.existing(path)
    files = []
    for name in options.get("valuesFiles", ()):
        if lent(name) is not None:
            files.append(name)
            continue
        file = _inside(f"render.helm.valuesFiles: {name}", path, name)
        if tree.existing(file).is_folder:
            raise RenderError([f"render.helm.valuesFiles: {name[:200]!r} is a folder, not a file"])
        files.append(file)
    beside = tuple(islice(_beside(tree, path, "", (path,)), _MOST_CHARTS + 1))
    if len(beside) > _MOST_CHARTS:  # a few charts that need each other several times, level by level, are millions
        raise RenderError([f"{path}: it needs more than {_MOST_CHARTS} charts, those that they need included"])
    own = joined(path, CHART_FILE)
    found = ChartFootprint(path, tuple(files), beside, _cluster_at(_mapping(tree, own), own))
    for folder in {path, *(source for _, source in beside)}:
        for entry in tree.list(folder):
            refuse_link(entry)
    return found


def _beside(tree: Tree, folder: str, place: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield where each chart beside ``folder`` is put, and where it comes from; those that they need come after."""
    if len(above) > _DEEPEST:
        raise RenderError([f"{folder}: charts depend on each other deeper than {_DEEPEST} levels"])
    vendored = _vendored(tree, folder)
    for dependency in _dependencies(tree, folder):
        name, repository = str(dependency.get("name", "")), str(dependency.get("repository", ""))
        if _NAME.fullmatch(name) is None:
            raise RenderError([f"{joined(folder, CHART_FILE)}: {name[:80]!r} is not the name of a chart"])
        if any(held == name or held.startswith(f"{name}-") for held in vendored) or name in _named(tree, folder):
            continue
        if not repository.startswith(_LOCAL):
            raise _not_vendored(folder, name, str(dependency.get("version", "")), repository)
        source = _inside(f"{joined(folder, CHART_FILE)}: {name}", folder, repository.removeprefix(_LOCAL))
        if source in above:
            message = f"charts depend on each other in a circle: {' -> '.join((*above, source))}"
            raise CycleError(message, remedy="Remove one of these dependencies.")
        target = f"{place}charts/{name}"
        yield target, source
        yield from _beside(tree, source, f"{target}/", (*above, source))


def _not_vendored(folder: str, name: str, version: str, repository: str) -> DependencyMissingError:
    of = f" of {repository[:200]}" if repository else ""
    message = f"{folder} needs the chart {name} {version[:80]}{of}, which is not in its charts folder"
    return DependencyMissingError(message, remedy="Run `helm dependency build` there and commit the charts folder.")


def _vendored(tree: Tree, folder: str) -> frozenset[str]:
    if tree.entry(joined(folder, "charts")) is None:
        return frozenset()
    return frozenset(entry.path.rpartition("/")[2] for entry in tree.children(joined(folder, "charts")))


def _named(tree: Tree, folder: str) -> Iterator[str]:
    """Yield what the charts in the charts folder call themselves, which need not be their folders' names."""
    if tree.entry(joined(folder, "charts")) is None:
        return
    for entry in tree.children(joined(folder, "charts")):
        file = joined(entry.path, CHART_FILE)
        if entry.is_folder and tree.entry(file) is not None:
            yield str(_mapping(tree, file).get("name", ""))


def _dependencies(tree: Tree, folder: str) -> Sequence[Mapping[str, Any]]:
    """Return what a chart says that it needs; charts of the first format say it in a file of its own."""
    file = joined(folder, CHART_FILE)
    if tree.entry(file) is None:
        raise RenderError([f"{folder}: the folder has no {CHART_FILE}"], remedy="Correct the source's path.")
    found = [*_listed(_mapping(tree, file), file)]
    old = joined(folder, _REQUIREMENTS)
    if tree.entry(old) is not None:
        found += _listed(_mapping(tree, old), old)
    return found


def _listed(value: Mapping[str, Any], file: str) -> list[Mapping[str, Any]]:
    items = value.get("dependencies") or []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise RenderError([f"{file}: dependencies is not a list of mappings"])
    return items


def _mapping(tree: Tree, file: str) -> Mapping[str, Any]:
    found = mapping_of(tree.read(file), file)
    if not found:
        raise RenderError([f"{file}:1: the file is empty"])
    return found


def mapping_of(text: bytes, file: str) -> Mapping[str, Any]:
    """Return the one mapping in a YAML or JSON file; an empty file is an empty one.

    Of a key that is given twice the last one counts, as for Helm.

    Raises:
        RenderError: it is something else.
    """
    try:
        documents = load_documents(text, FILE_LIMITS, repeated=Repeated.LAST)
    except YamlError as error:
        faults = [f"{file}:{fault.line}: {sentences(fault.what, fault.remedy)}" for fault in error.faults]
        raise RenderError(faults) from error
    if not documents:
        return {}
    if len(documents) != 1 or not isinstance(documents[0].value, Mapping):
        raise RenderError([f"{file}:1: the file is not one mapping"])
    return documents[0].value


def repeated_keys(text: bytes, file: str) -> tuple[Reason, ...]:
    """Return a warning for each key that a file of values gives twice; what cannot be read is Helm's to refuse."""
    # One chart is rendered for many clusters: what was found is kept, under a digest, for the text may be secret.
    digest = sha256(f"{file}\0".encode() + text).digest()
    found = _repeated.get(digest)
    if found is None:
        try:
            found = repeated_in(load_documents(text, FILE_LIMITS, repeated=Repeated.LAST), file)
        except YamlError:
            found = ()
        if len(_repeated) >= _MOST_KEPT:
            _repeated.clear()
        _repeated[digest] = found
    return found


def _cluster_at(chart: Mapping[str, Any], file: str) -> tuple[str, ...]:
    """Return where among its values a chart asks for those of the cluster; nothing where it does not.

    Raises:
        RenderError: it says so in no form known.
    """
    annotations = chart.get("annotations")
    text = annotations.get(CLUSTER_VALUES) if isinstance(annotations, Mapping) else None
    if text is None:
        return ()
    if not isinstance(text, str) or _KEYS.fullmatch(text) is None:
        fault = f"{file}: the annotation {CLUSTER_VALUES} is {str(text)[:80]!a}"
        raise RenderError([fault], remedy="Give the key, such as cluster or global.cluster.")
    return tuple(text.split("."))


def _inside(place: str, folder: str, name: str) -> str:
    """Return the path that ``name``, written in ``folder``, means.

    Raises:
        EscapeRefusedError: it is absolute or leads out of the repository.
    """
    path = joined(folder, name)
    if not name or name.startswith("/") or "\\" in name or "\0" in name or path == ".." or path.startswith("../"):
        message = f"{place[:300]}: {name[:200]!r} leads out of the repository"
        raise EscapeRefusedError(message, remedy="Name a path inside the repository.")
    return path
