"""What a kustomization reads: found by reading it, before any tool sees it.

Kustomize itself would clone a remote base and follow a path wherever it leads. So each kustomization is parsed here,
each path in it must be a plain one inside the tree, keys must be the known ones (Go would also take them in another
case), and the tool later gets these parsed values written again, not the author's text: no second reading can differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from common.domain.errors import sentences
from common.sources.trees import Tree, joined
from common.yaml import Document, YamlError, load_documents
from workers.render.faults import (
    CycleError,
    EscapeRefusedError,
    PluginRefusedError,
    RemoteRefusedError,
    RenderError,
)
from workers.render.manifests import FILE_LIMITS
from workers.render.plain import KUSTOMIZATION_NAMES

_MOST_KUSTOMIZATIONS = 500
_MOST_BYTES = 16 << 20
_DEEPEST = 40
_FOLDERS_OR_FILES = ("resources", "bases", "components")
_FILES = ("crds", "configurations")
_PLUGINS = ("generators", "transformers", "validators")
_HELM = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")
_WITHOUT_PATHS = frozenset(
    {
        "apiVersion",
        "kind",
        "metadata",
        "namespace",
        "namePrefix",
        "nameSuffix",
        "commonLabels",
        "commonAnnotations",
        "labels",
        "images",
        "imageTags",
        "replicas",
        "vars",
        "generatorOptions",
        "sortOptions",
        "buildMetadata",
    }
)
_KNOWN = _WITHOUT_PATHS | {
    *_FOLDERS_OR_FILES,
    *_FILES,
    *_PLUGINS,
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "replacements",
    "openapi",
    "configMapGenerator",
    "secretGenerator",
}
_ITEM_KEYS: Mapping[str, frozenset[str]] = {
    "patches": frozenset({"path", "patch", "target", "options"}),
    "patchesJson6902": frozenset({"path", "patch", "target", "options"}),
    "replacements": frozenset({"path", "source", "targets"}),
    "openapi": frozenset({"path"}),
    "configMapGenerator": frozenset({"name", "namespace", "behavior", "files", "envs", "env", "literals", "options"}),
    "secretGenerator": frozenset(
        {"name", "namespace", "behavior", "files", "envs", "env", "literals", "options", "type"}
    ),
}
_REMOTE = re.compile(r"[:?]|//|^[^/]*@|^(www\.)?github\.com(/|$)|\.git(/|$)|(^|/)_git(/|$)", re.IGNORECASE)
_FUNCTION = re.compile(rb"config\.(kubernetes|k8s)\.io/function")


@dataclass(slots=True)
class Footprint:
    """What one build reads.

    Attributes:
        kustomizations: the parsed kustomization of each folder, by the path of its file.
        files: the other files; those of ``wholes`` left out.
        wholes: folders of which it cannot be known what is read.
    """

    kustomizations: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    wholes: set[str] = field(default_factory=set)

    @property
    def paths(self) -> tuple[str, ...]:
        """All of it, sorted."""
        return tuple(sorted({*self.kustomizations, *self.files, *self.wholes}))


def kustomization_file(tree: Tree, folder: str) -> str | None:
    """Return the path of the kustomization in ``folder``, or None.

    Raises:
        RenderError: there are several.
        PathMissingError: there is no such folder.
    """
    found = [entry.path for entry in tree.children(folder) if entry.path.rpartition("/")[2] in KUSTOMIZATION_NAMES]
    if len(found) > 1:
        raise RenderError([f"{found[0]}:1: there is also {found[1]}"], remedy="Keep one of them.")
    return found[0] if found else None


def footprint(tree: Tree, folder: str, components: Sequence[str] = ()) -> Footprint:
    """Return what building ``folder``, with ``components`` laid over it, reads.

    Raises:
        RenderError: a kustomization is missing, malformed, or has unknown keys.
        RemoteRefusedError: one names something outside the repository.
        EscapeRefusedError: a path is absolute, or leads out of the tree or of the folder that may name it.
        CycleError: kustomizations that build on each other.
        PluginRefusedError: one asks for Helm, a plugin or a function.
        PathMissingError, SymlinkRefusedError, SubmoduleRefusedError: of a path that one names.
    """
    walk = _Walk(tree)
    for start in (folder, *components):
        walk.folder(start, ())
    return walk.found


class _Walk:
    def __init__(self, tree: Tree) -> None:
        self.found = Footprint()
        self._tree = tree
        self._done: set[str] = set()
        self._bytes = 0

    def folder(self, folder: str, above: tuple[str, ...]) -> None:
        """Take in the kustomization of ``folder``; ``above`` are those that led to it."""
        if folder in above:
            circle = " -> ".join((*above[above.index(folder) :], folder))
            message = f"kustomizations build on each other in a circle: {circle}"
            raise CycleError(message, remedy="Remove one of these references.")
        if folder in self._done:
            return
        if len(above) >= _DEEPEST or len(self.found.kustomizations) >= _MOST_KUSTOMIZATIONS:
            raise RenderError([f"{folder}: too many kustomizations, or too deep"], remedy="Flatten them.")
        file = kustomization_file(self._tree, folder)
        if file is None:
            raise RenderError([f"{folder}: the folder has no kustomization"], remedy="Add a kustomization.yaml.")
        value = self._parsed(file)
        self.found.kustomizations[file] = value
        self._check_keys(file, value)
        for place, name in _entries(value, file):
            self._entry(place, name, folder=folder, above=(*above, folder))
        for place, name in _paths(value, file):
            self._file(place, name, folder=folder)
        for key in _PLUGINS:
            self._plugins(file, _strings(value.get(key), f"{file}: {key}"), folder=folder)
        self._done.add(folder)

    def _parsed(self, file: str) -> Mapping[str, Any]:
        try:
            documents = self._documents(self._tree.read(file))
        except YamlError as error:
            faults = [f"{file}:{fault.line}: {sentences(fault.what, fault.remedy)}" for fault in error.faults]
            raise RenderError(faults) from error
        if len(documents) != 1 or not isinstance(documents[0].value, Mapping):
            raise RenderError([f"{file}:1: a kustomization is one mapping"])
        return documents[0].value

    def _documents(self, text: bytes) -> list[Document]:
        """Return the documents of a text; one file may be named often, and is read as often."""
        self._bytes += len(text)
        if self._bytes > _MOST_BYTES:
            fault = f"the kustomizations and their plugins have more than {_MOST_BYTES:,} bytes"
            raise RenderError([fault], remedy="Make them smaller, or name each plugin once.")
        return load_documents(text, FILE_LIMITS)

    def _check_keys(self, file: str, value: Mapping[str, Any]) -> None:
        helm = [key for key in value if key in _HELM]
        if helm:
            message = f"{file}: {helm[0]} renders charts inside Kustomize, which is not done here"
            raise PluginRefusedError(message, remedy="Render the chart as a source of its own.")
        faults = [f"{file}: {str(key)[:80]!r} is not a field of a kustomization" for key in value if key not in _KNOWN]
        for key, known in _ITEM_KEYS.items():
            for item in _mappings(value.get(key), f"{file}: {key}"):
                faults += [f"{file}: {key} has no field {str(part)[:80]!r}" for part in item if part not in known]
        if faults:
            raise RenderError(faults, remedy="Write the fields as Kustomize documents them, in their exact case.")

    def _entry(self, place: str, name: str, *, folder: str, above: tuple[str, ...]) -> None:
        """Take in a file or the kustomization of a folder."""
        path = _local(place, name, folder)
        if self._tree.existing(path).is_folder:
            self.folder(path, above)
        else:
            self._file(place, name, folder=folder)

    def _file(self, place: str, name: str, *, folder: str) -> None:
        path = _local(place, name, folder)
        if folder != "." and not path.startswith(f"{folder}/"):
            message = f"{place}: file {name!r} is outside {folder}"
            raise EscapeRefusedError(message, remedy="Name its folder as a resource, or move the file.")
        if self._tree.existing(path).is_folder:
            raise RenderError([f"{place}: {name!r} is a folder, not a file"])
        self.found.files.add(path)

    def _plugins(self, file: str, names: Sequence[str], *, folder: str) -> None:
        """Take in generators and transformers: built-in ones only; what those read is not looked into."""
        for name in names:
            first, several, _ = name.partition("\n")
            place = f"{file}: {first[:80]}"
            text = name.encode() if several else self._plugin_text(place, name, folder=folder)
            try:
                values = [document.value for document in self._documents(text)]
            except YamlError as error:
                raise RenderError([f"{place}: {fault}" for fault in error.faults]) from error
            if not all(map(_is_builtin, values)) or _FUNCTION.search(orjson.dumps(values)):
                message = f"{place}: a plugin or function that is not built in"
                raise PluginRefusedError(message, remedy="Use generators and transformers of Kustomize itself only.")
            for key, item in (pair for value in values for pair in _leaves(value)):
                field = key.casefold()  # the tool takes a field in whatever case
                if field in _MAY_NAME_FILES:
                    _local(place, _without_key(place, item) if field == "files" else item, folder)
            self.found.wholes.add(folder)

    def _plugin_text(self, place: str, name: str, *, folder: str) -> bytes:
        path = _local(place, name, folder)
        if self._tree.existing(path).is_folder:
            message = f"{place}: a folder of plugins"
            raise PluginRefusedError(message, remedy="Name the files of the generators or transformers.")
        self._file(place, name, folder=folder)
        return self._tree.read(path)


_MAY_NAME_FILES = frozenset({"path", "paths", "files", "envs", "env"})
_BUILTIN = frozenset(
    {
        "AnnotationsTransformer",
        "ConfigMapGenerator",
        "HashTransformer",
        "IAMPolicyGenerator",
        "ImageTagTransformer",
        "LabelTransformer",
        "LegacyOrderTransformer",
        "NamespaceTransformer",
        "PatchJson6902Transformer",
        "PatchStrategicMergeTransformer",
        "PatchTransformer",
        "PrefixSuffixTransformer",
        "PrefixTransformer",
        "ReplacementTransformer",
        "ReplicaCountTransformer",
        "SecretGenerator",
        "SortOrderTransformer",
        "SuffixTransformer",
        "ValueAddTransformer",
    }
)
"""Not HelmChartInflationGenerator, which runs Helm, and no List: the tool would take its items for plugins."""


def _is_builtin(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("apiVersion") == "builtin" and str(value.get("kind")) in _BUILTIN


def _local(place: str, name: str, folder: str) -> str:
    """Return the path that ``name``, written in ``folder``, means.

    Raises:
        RemoteRefusedError: Kustomize could take it for an address.
        EscapeRefusedError: it is absolute or leads out of the tree.
    """
    _refuse_remote(place, name)
    path = joined(folder, name)
    if not name or name.startswith("/") or "\\" in name or "\0" in name or path == ".." or path.startswith("../"):
        message = f"{place}: {name[:200]!r} leads out of the repository"
        raise EscapeRefusedError(message, remedy="Name a path inside the repository.")
    return path


def _refuse_remote(place: str, name: str) -> None:
    if _REMOTE.search(name):
        message = f"{place}: {name[:200]!r} is, or looks like, a remote address"
        raise RemoteRefusedError(message, remedy="Copy what it names into this repository and name its path.")


def _without_key(place: str, name: str) -> str:
    """Return the path of a generator's ``KEY=PATH``."""
    _refuse_remote(place, name)
    return name.partition("=")[2] if "=" in name else name


def _entries(value: Mapping[str, Any], file: str) -> Iterator[tuple[str, str]]:
    for key in _FOLDERS_OR_FILES:
        for name in _strings(value.get(key), f"{file}: {key}"):
            yield f"{file}: {key}", name


def _paths(value: Mapping[str, Any], file: str) -> Iterator[tuple[str, str]]:
    """Yield each field that names a file, with its value."""
    for key in _FILES:
        for name in _strings(value.get(key), f"{file}: {key}"):
            yield f"{file}: {key}", name
    for name in _strings(value.get("patchesStrategicMerge"), f"{file}: patchesStrategicMerge"):
        if not _is_inline(name):
            yield f"{file}: patchesStrategicMerge", name
    for key in ("patches", "patchesJson6902", "replacements", "openapi"):
        for item in _mappings(value.get(key), f"{file}: {key}"):
            if item.get("path") is not None:
                yield f"{file}: {key}", _string(item["path"], f"{file}: {key}")
    yield from _generator_paths(value, file)


def _generator_paths(value: Mapping[str, Any], file: str) -> Iterator[tuple[str, str]]:
    for key in ("configMapGenerator", "secretGenerator"):
        for item in _mappings(value.get(key), f"{file}: {key}"):
            place = f"{file}: {key} {str(item.get('name', ''))[:80]}"
            for name in _strings(item.get("files"), place):
                yield place, _without_key(place, name)
            for name in _strings(item.get("envs"), place):
                yield place, name
            if item.get("env") is not None:
                yield place, _string(item["env"], place)


def _is_inline(text: str) -> bool:
    """Tell whether a strategic merge patch stands in the kustomization itself instead of in a file.

    What is no object is a path to the tool, and ``http://host/x: y`` an address.
    """
    try:
        documents = load_documents(text.encode(), FILE_LIMITS)
    except YamlError:
        return False
    values = [document.value for document in documents]
    return bool(values) and all(isinstance(value, Mapping) and "kind" in value for value in values)


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in ``value`` with the key that it stands under, directly or in a list."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, key)
    elif isinstance(value, str):
        yield key, value


def _strings(value: Any, place: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RenderError([f"{place}: not a list of texts"])
    return [_string(item, place) for item in value]


def _string(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise RenderError([f"{place}: not a text"])
    return value


def _mappings(value: Any, place: str) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, Mapping) for item in items):
        raise RenderError([f"{place}: not a list of mappings"])
    return items
