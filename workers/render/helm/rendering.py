"""Charts to manifests: Helm's own library does it, in another process, on a copy of what the chart reads."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.domain.fleet import IgnoreRule, ValueLayer, lent, merged
from common.domain.manifest_warnings import ManifestWarning
from common.domain.status import Reason
from common.semver import RangeError, VersionRange
from common.sources.artifacts.archives import ArchiveLimits
from common.sources.faults import FileTooLargeError
from common.sources.trees import Tree
from common.yaml import MANIFEST_LIMITS
from workers.render.faults import (
    ClusterTooOldError,
    DependencyMissingError,
    LookupRefusedError,
    ToolFailedError,
)
from workers.render.files import in_memory, parts_of
from workers.render.helm.charts import ChartFootprint, mapping_of, repeated_keys
from workers.render.helm.documents import documents, left_out
from workers.render.helm.inspected import VALUES
from workers.render.helm.packed import Unpacking
from workers.render.manifests import Output, Reading, Sourced, bounded, checked, joined, reading
from workers.render.parts import Loan, lent_content
from workers.render.pool import Owner, RenderProcesses
from workers.render.process import Library
from workers.render.request import Capabilities
from workers.render.twice import refuse_changing

NAME = "helm"
LIBRARY = Library(NAME, Path(__file__).with_name("child.py"), "helm-python-sdk")
OURS = 2
"""Counts up whenever equal files would render to other manifests by the same library."""
_SCHEMAS = "of the schema(s)"
"""How Helm's library says that values are not of the types that a chart wants."""
_GIVE_AS_WANTED = "Give the values as the chart's values.schema.json wants them."
_NO_MANIFESTS = ("NOTES.txt",)
_CHART, _UNPACKED = "chart", "unpacked"
"""Folders: what Helm's library loads, and what must be looked at of what is packed in it."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a chart is rendered for.

    Attributes:
        name: of the release.
        namespace: where objects without one go.
        values: the registry's, merged.
        cluster: the cluster's own values, for a chart that asks for them.
        capabilities: of the cluster; None for Helm's defaults.
        ignore: fields that may differ from one rendering to the next.
        loans: sources that lend it values files, by name.
        project: whose it is; no process renders for two.
    """

    name: str
    namespace: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cluster: Mapping[str, Any] = field(default_factory=dict, repr=False)
    capabilities: Capabilities | None = None
    ignore: Sequence[IgnoreRule] = ()
    loans: Mapping[str, Loan] = field(default_factory=dict, repr=False)
    project: str = "default"


def render(
    tree: Tree, options: Mapping[str, Any], release: Release, *, reads: ChartFootprint, processes: RenderProcesses
) -> Output:
    """Return the objects that a chart gives: its definitions of kinds first, then its templates by name.

    Notes and tests are left out.

    Args:
        tree: the repository at a commit.
        options: the registry's settings.
        release: what it is rendered for.
        reads: its footprint.
        processes: that hold Helm's library.

    Raises:
        ToolFailedError: Helm refuses the chart or its values.
        ToolBoundsError: it took too long, too much memory, or gave too much.
        ChangingError: it gives something else each time.
        LookupRefusedError: a template asks the cluster, and the registry refuses that.
        ClusterTooOldError: the chart does not want the cluster's version.
        RenderError, EmptyRenderError, ManifestTooLargeError: what came out is not fit to be synced.
        PermanentError: a file cannot be read (``common.sources.faults``).
    """
    given, repeated = _values(tree, release, reads)
    files, of_chart = handed_over(tree, reads, schemas=not options.get("skipSchemaValidation"))
    request = _request(options, release, reads) | {"values": given, "files": files}
    answer = processes.ask(request, what=reads.chart, owner=Owner(release.project, in_memory(tree)))
    _check(answer, reads.chart)
    _check_version(answer["metadata"], release.capabilities, reads.chart)
    printed = (Reason(ManifestWarning.FRACTION, {"printed": each}) for each in answer["printed"])
    warnings = (*of_chart, *repeated, *_lookups(answer["lookups"], options), *printed)
    found = _read(answer["first"], answer["crds"], options, path=reads.chart)
    if answer["second"] is not None:
        again = _read(answer["second"], answer["crds"], options, path=reads.chart)
        refuse_changing(found.objects, again.objects, release.ignore, namespace=release.namespace)
    return Output(found.objects, bounded((*warnings, *found.warnings)))


def handed_over(tree: Tree, reads: ChartFootprint, *, schemas: bool) -> tuple[dict[str, str], list[Reason]]:
    """Return the chart, and those beside it as its charts folder: the files, by path and in base64.

    Beside it comes a warning for each key that their files of values give twice. A process that stays must not
    reach the folders of others: it gets files as data.

    Args:
        tree: the repository at a commit.
        reads: the chart's footprint.
        schemas: whether the schemas of values are written too: Helm's library has no switch for them that a rendering
            could turn.

    Raises:
        FileTooLargeError, LfsPointerError: of a file.
        EscapeRefusedError: a path is not plain.
        PermanentError: of a chart that is packed in it (``common.sources.artifacts.faults``).
    """
    places = [(reads.chart, ""), *((source, f"{target}/") for target, source in reads.beside)]
    size = 0
    unpacking = Unpacking(ArchiveLimits(max_unpacked=tree.limits.max_total), schemas=schemas)
    given: dict[str, str] = {}
    repeated: list[Reason] = []
    for source, place in places:
        prefix = "" if source == "." else f"{source}/"
        contents = tree.read_many(entry.path for entry in tree.list(source))
        size += sum(map(len, contents.values()))
        if size > tree.limits.max_total:
            message = f"{reads.chart} and the charts that it needs exceed {tree.limits.max_total:,} bytes"
            raise FileTooLargeError(message, remedy="Split the application.")
        files = {place + path.removeprefix(prefix): text for path, text in contents.items()}
        given |= _encoded(_CHART, unpacking.repacked(files))
        for path, text in sorted(contents.items()):
            if VALUES.fullmatch(path.removeprefix(prefix)):
                repeated += repeated_keys(text, path)
    return given | _encoded(_UNPACKED, unpacking.inspected.items()), repeated


def _encoded(folder: str, files: Iterable[tuple[str, bytes | memoryview]]) -> dict[str, str]:
    return {"/".join((folder, *parts_of(path))): b64encode(content).decode() for path, content in files}


def _values(tree: Tree, release: Release, reads: ChartFootprint) -> tuple[dict[str, Any], list[Reason]]:
    """Return the values that the registry and its files give, and a warning for each key that a file gives twice."""
    layers = []
    repeated: list[Reason] = []
    for file in reads.values_files:
        text = _text(tree, file, release.loans)
        layers.append(ValueLayer(file, mapping_of(text, file)))
        repeated += repeated_keys(text, file)
    return merged([*layers, ValueLayer("registry", release.values)]), repeated


def _request(options: Mapping[str, Any], release: Release, reads: ChartFootprint) -> dict[str, Any]:
    known = release.capabilities
    settings = {"name": str(options.get("releaseName") or release.name), "namespace": release.namespace}
    abilities = {} if known is None else {"kube_version": known.kube_version, "api_versions": list(known.api_versions)}
    return {
        "chart": _CHART,
        "unpacked": _UNPACKED,
        "sets": list(options.get("sets", ())),
        "cluster": release.cluster,
        "clusterAt": list(reads.cluster_at),
        "release": settings | abilities,
    }


def _text(tree: Tree, file: str, loans: Mapping[str, Loan]) -> bytes:
    of = lent(file)
    return tree.read(file) if of is None else lent_content(loans, *of)


def _check(answer: Mapping[str, Any], path: str) -> None:
    if answer.get("missing"):
        names = ", ".join(f"{each['name']} {each['version']}".strip()[:160] for each in answer["missing"][:10])
        message = f"{path} needs charts that are not in its charts folder: {names}"
        raise DependencyMissingError(message, remedy="Run `helm dependency build` there and commit the charts folder.")
    if "error" in answer:
        message, said = f"{path} cannot be rendered", " ".join(str(answer["error"]).split())[:800]
        remedy = _GIVE_AS_WANTED if _SCHEMAS in said else "Correct the chart or its values and commit."
        raise ToolFailedError(message, said=said, remedy=remedy)


def _check_version(metadata: Mapping[str, Any], known: Capabilities | None, path: str) -> None:
    """Hold the cluster's version to what the chart asks for; what a provider adds to a version does not count."""
    wanted = str(metadata.get("kubeVersion") or "")
    if not wanted or known is None:
        return
    plain = known.kube_version.partition("-")[0].partition("+")[0]
    try:
        fits = VersionRange(wanted).highest([plain]) is not None
    except RangeError:
        return  # of another form than versions have anywhere else: it is no reason to stop a rollout
    if not fits:
        message = f"{path} wants Kubernetes {wanted[:80]}, and the cluster has {known.kube_version[:40]}"
        raise ClusterTooOldError(message, remedy="Upgrade the cluster, or choose another version of the chart.")


def _lookups(names: Sequence[str], options: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Return a warning for each template that asks the cluster and is answered with nothing."""
    if names and options.get("lookup") == "refuse":
        message = f"{', '.join(names[:10])}: the template asks the cluster by `lookup`, which is not done here"
        raise LookupRefusedError(message, remedy="Give the value in the registry, or set render.helm.lookup to empty.")
    return tuple(Reason(ManifestWarning.LOOKUP, {"template": name}) for name in names)


def _read(
    manifests: Mapping[str, str], crds: Sequence[Mapping[str, str]], options: Mapping[str, Any], *, path: str
) -> Output:
    kinds = [] if options.get("skipCrds") else [(each["filename"], each["data"]) for each in crds]
    texts = sorted(item for item in manifests.items() if not item[0].endswith(_NO_MANIFESTS))
    found = joined(
        reading(document.encode(), f"{name} as rendered", MANIFEST_LIMITS, above=above)
        for name, text in [*kinds, *texts]
        for above, document in documents(text)
    )
    stays: list[Sourced] = []
    warnings = list(found.warnings)
    for item in found.objects:
        hook = left_out(item.manifest, tests=not options.get("skipTests"))
        if hook is None:
            stays.append(item)
        elif hook:
            warnings.append(Reason(ManifestWarning.UNKNOWN_HOOK, {"origin": item.origin, "hook": hook}))
    return checked(Reading(tuple(stays), found.faults, tuple(warnings)), path=path)
