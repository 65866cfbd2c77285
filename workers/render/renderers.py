"""The one door to all renderers: which one an application needs, what it reads, and what comes out."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from common.domain.errors import FlotillaError
from common.domain.fleet import IgnoreRule, Placement, Renderer, RenderSettings
from common.domain.refs import SourceRef
from common.domain.secrecy import Secrets
from common.domain.several import joined_digest, joined_renderer, renderers_in
from common.sandbox.launch import Strictness
from common.settings import Settings
from common.sources.trees import Tree, source_digest
from workers.render import kustomize, plain
from workers.render.cache import RenderCache, cache_key
from workers.render.canonical import manifest_digest
from workers.render.detect import detect
from workers.render.faults import RendererMissingError, RenderError
from workers.render.helm import charts, rendering
from workers.render.helm.charts import ChartFootprint
from workers.render.helm.rendering import Capabilities, Release
from workers.render.jsonnet import imports
from workers.render.jsonnet import rendering as evaluation
from workers.render.jsonnet.imports import JsonnetFootprint
from workers.render.kustomization import Footprint
from workers.render.manifests import Output
from workers.render.parts import Loan, Part, by_source, lent_paths, parts_of, together
from workers.render.pool import RenderProcesses
from workers.render.rendered import Rendered
from workers.render.sandbox import Bounds
from workers.render.secrecy import secrets_given, silenced, without
from workers.render.sops import DecryptedTree, Decryptor
from workers.render.substitute import substitute
from workers.render.twice import settled

Loans = Mapping[str, Loan]


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What shapes an application's manifests besides the tree.

    Attributes:
        parts: its sources.
        settings: the registry's ``render``; None detects the renderer.
        variables: what ``${name}`` stands for; None substitutes nothing.
        values: the placement's, merged; for renderers that take values.
        cluster: the cluster's own values: a variable ``cluster`` for Jsonnet, and for charts where they ask for them.
        release: name of the release where ``settings`` give none; for Helm.
        namespace: of objects without one.
        capabilities: of the cluster, for charts that ask; None for Helm's defaults.
        ignore: fields that others own: they may differ from one rendering to the next, and are no part of the digest.
        decryptor: opens encrypted files; None leaves them as they are.
        project: whose it is: no process that stays renders for two.
    """

    parts: tuple[Part, ...]
    settings: RenderSettings | None = None
    variables: Mapping[str, Any] | None = field(default=None, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cluster: Mapping[str, Any] = field(default_factory=dict, repr=False)
    release: str = "release"
    namespace: str = "default"
    capabilities: Capabilities | None = None
    ignore: Sequence[IgnoreRule] = ()
    decryptor: Decryptor | None = None
    project: str = "default"

    @classmethod
    def at(cls, path: str, settings: RenderSettings | None = None, **more: Any) -> RenderRequest:
        """Return a request for the one folder ``path`` (``.`` for the root) of a tree."""
        return cls((Part(path),), settings, **more)

    @property
    def options(self) -> Mapping[str, Any]:
        """The renderer's own settings."""
        return {} if self.settings is None else self.settings.options


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a tree, or several, hold for one application.

    Attributes:
        source_digest: sha256 (hex) over the footprint.
        renderer: names and versions, as they enter the parameters digest; empty for a tree that only lends files.
        paths: the footprint.
    """

    source_digest: str
    renderer: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """One renderer's reading of a part's tree; what only lends files has no renderer, and nothing to run."""

    renderer: str
    paths: tuple[str, ...]
    run: Callable[[Loans], Output] = field(repr=False)


class Renderers:
    """All renderers of this worker. Safe to use from several threads.

    Args:
        cache: of this machine.
        kustomize: path of a ``kustomize`` or ``kubectl``; empty looks on PATH.
        bounds: of the tools that are run.
    """

    def __init__(self, cache: RenderCache, *, kustomize: str = "", bounds: Bounds | None = None) -> None:
        self._cache = cache
        self._kustomize = kustomize
        self._bounds = bounds or Bounds()
        self._helm = RenderProcesses(rendering.LIBRARY, self._bounds)
        self._jsonnet = RenderProcesses(evaluation.LIBRARY, self._bounds)

    @property
    def cached(self) -> dict[str, int]:
        """How often the cache was asked, by where the answer lay; see ``RenderCache.answers``."""
        return self._cache.answers

    @property
    def _helm_version(self) -> str:
        return f"{self._helm.version()}+{rendering.OURS}"

    def close(self) -> None:
        """End the processes that renderers hold."""
        self._helm.close()
        self._jsonnet.close()

    def resolve(self, tree: Tree, request: RenderRequest) -> Resolved:
        """Return what ``tree`` holds for an application, without rendering it.

        Args:
            tree: of one source.
            request: with the parts that lie in that tree alone.

        Raises:
            PermanentError: the footprint cannot be known: a path is missing, a link, remote, or malformed
                (``workers.render.faults``, ``common.sources.faults``).
            TransientError: the mirror is damaged.
        """
        plans = [self._plan(tree, part, request) for part in request.parts]
        return Resolved(_digest(tree, plans), _renderer(plans), tuple(path for plan in plans for path in plan.paths))

    def render(
        self, open_tree: Callable[[SourceRef | None], Tree], request: RenderRequest, resolved: Resolved
    ) -> Rendered:
        """Return the manifests for one placement, from the cache where it has them.

        Args:
            open_tree: opens the tree of a part's source; called only if they must be rendered.
            request: of the placement.
            resolved: what the source was resolved to; ``paths`` may be empty.

        Raises:
            PermanentError: the files cannot be rendered, or a variable has no value.
            TransientError: the tree cannot be read now.
        """
        renderer = resolved.renderer
        inputs = _inputs(request, renderer)
        given = secrets_given(
            [request.values, request.variables, request.cluster], sets=request.options.get("sets", ())
        )
        output = self._cache.get(cache_key(resolved.source_digest, renderer, inputs))
        if output is None:
            opened: set[str] = set()
            try:
                output, read, renderer = self._afresh(open_tree, request, opened)
            except FlotillaError as error:
                raise silenced(error, Secrets(opened) | given) from None
            secrets = Secrets(opened)
            told = secrets | given
            warnings = tuple(without(said, told) for said in output.warnings)
            output = replace(output, warnings=warnings, secrets=secrets)
            # by what was really read: a digest that somebody computed otherwise must not name other manifests
            key = cache_key(read, renderer, _inputs(request, renderer))
            self._cache.put(key, output, private=request.decryptor is not None)
        return _finished(output, request, renderer, output.secrets | given if given else output.secrets)

    def outdated(self, renderer: str, error_code: str) -> bool:
        """Return whether a newer renderer may give something else for the same files than the one that resolved them.

        An older one here says nothing: while workers are being upgraded, the two would undo each other's work.

        Args:
            renderer: names and versions then; empty where they could not be resolved.
            error_code: why they could not; empty where they could.
        """
        return any(self._outdated(one, error_code) for one in renderers_in(renderer) or ("",))

    def _outdated(self, renderer: str, error_code: str) -> bool:
        name, _, version = renderer.partition(" ")
        if name == rendering.NAME:
            return _number(self._helm_version) > _number(version)
        if name == evaluation.NAME:
            return _number(evaluation.VERSION) > _number(version)
        if name == plain.NAME:
            return _number(plain.VERSION) > _number(version)
        if name == kustomize.NAME or error_code == RendererMissingError.code:
            try:
                return _number(kustomize.tool(self._kustomize).version) > _number(version)
            except RendererMissingError:
                return False
        return False

    def _afresh(
        self, open_tree: Callable[[SourceRef | None], Tree], request: RenderRequest, secrets: set[str]
    ) -> tuple[Output, str, str]:
        """Return what all parts render to, the digest of what was read for it, and what rendered it.

        What is decrypted for it comes into ``secrets``.
        """
        loans: dict[str, Loan] = {}
        plans: dict[Part, _Plan] = {}
        digests: list[str] = []
        for source, parts in by_source(request.parts).items():
            tree = open_tree(source)
            if request.decryptor is not None:
                tree = DecryptedTree.over(tree, request.decryptor, secrets)
            here = [self._plan(tree, part, request) for part in parts]
            plans |= zip(parts, here, strict=True)
            loans |= {part.name: Loan(part, tree) for part in parts if part.lends}
            digests.append(_digest(tree, here))
        outputs = [(part, plans[part].run(loans)) for part in request.parts if not part.lends]
        _refuse_unused(request, plans.values())
        return together(outputs), joined_digest(digests), _renderer(plans.values())

    def _plan(self, tree: Tree, part: Part, request: RenderRequest) -> _Plan:
        if part.lends:
            return _Plan("", lent_paths(tree, part), lambda _: Output(()))
        request = replace(request, parts=(part,), settings=_settings(tree, part, request))
        path, options = part.path, request.options
        match detect(tree, path, request.settings):
            case Renderer.PLAIN:
                files = plain.footprint(tree, path, options)
                # an empty footprint would be equal for all that is empty: the folder stands for it
                name = f"{plain.NAME} {plain.VERSION}"
                return _Plan(name, files or (path,), lambda _: plain.render(tree, path, files))
            case Renderer.KUSTOMIZE:
                reads = kustomize.footprint(tree, path, options)
                return self._kustomized(tree, path, options, reads)
            case Renderer.HELM:
                return self._charted(tree, request, charts.footprint(tree, path, options))
            case Renderer.JSONNET:
                return self._evaluated(tree, request, imports.footprint(tree, path, options))
            case found:
                message = f"{path} needs {found}, which no renderer here is"
                raise NotImplementedError(message)

    def _kustomized(self, tree: Tree, path: str, options: Mapping[str, Any], reads: Footprint) -> _Plan:
        tool = kustomize.tool(self._kustomize)

        def run(_: Loans) -> Output:
            return kustomize.render(tree, path, options, reads=reads, tool=tool, bounds=self._bounds)

        return _Plan(f"{kustomize.NAME} {tool.version}", reads.paths, run)

    def _charted(self, tree: Tree, request: RenderRequest, reads: ChartFootprint) -> _Plan:
        def run(loans: Loans) -> Output:
            release = replace(_release(request), loans=loans)
            return rendering.render(tree, request.options, release, reads=reads, processes=self._helm)

        return _Plan(f"{rendering.NAME} {self._helm_version}", reads.paths, run)

    def _evaluated(self, tree: Tree, request: RenderRequest, reads: JsonnetFootprint) -> _Plan:
        def run(_: Loans) -> Output:
            options = request.options
            values = {**request.values, "cluster": request.cluster}
            return evaluation.render(
                tree, options, values, reads=reads, processes=self._jsonnet, project=request.project
            )

        return _Plan(f"{evaluation.NAME} {evaluation.VERSION}", reads.paths, run)


def _finished(output: Output, request: RenderRequest, renderer: str, secrets: Secrets) -> Rendered:
    try:
        objects = output.objects if request.variables is None else substitute(output.objects, request.variables)
        counted = settled(objects, request.ignore, request.namespace)
    except FlotillaError as error:
        raise silenced(error, secrets) from None
    private = request.decryptor is not None
    return Rendered(objects, manifest_digest(counted), renderer, output.warnings, secrets, private)


def _digest(tree: Tree, plans: Sequence[_Plan]) -> str:
    return joined_digest([source_digest(tree, plan.paths) for plan in plans])


def _renderer(plans: Iterable[_Plan]) -> str:
    return joined_renderer(plan.renderer for plan in plans)


def _settings(tree: Tree, part: Part, request: RenderRequest) -> RenderSettings | None:
    """Return the registry's settings where they are for this part: of several, for those that need that renderer."""
    settings = request.settings
    if settings is None or settings.renderer is Renderer.DETECT or not part.name:
        return settings
    return settings if detect(tree, part.path, None) is settings.renderer else None


def _refuse_unused(request: RenderRequest, plans: Iterable[_Plan]) -> None:
    settings = request.settings
    if settings is None or settings.renderer is Renderer.DETECT or len(request.parts) == 1:
        return
    if settings.renderer not in _names(_renderer(plans)):
        raise RenderError([f"render.{settings.renderer}: none of the sources is one for {settings.renderer}"])


def _release(request: RenderRequest) -> Release:
    return Release(
        name=request.release,
        namespace=request.namespace,
        values=request.values,
        cluster=request.cluster,
        capabilities=request.capabilities,
        ignore=request.ignore,
        project=request.project,
    )


def _inputs(request: RenderRequest, renderer: str) -> dict[str, Any]:
    """Return all that shapes the manifests besides the files: more than its settings only where it takes values."""
    parts = [[part.name, part.path, *part.lends] for part in request.parts]
    given: dict[str, Any] = {"parts": parts, "options": dict(request.options)}
    if request.decryptor is not None:
        given["decrypt"] = request.decryptor.reference
    if not takes_values(renderer):
        return given
    known = request.capabilities
    given |= {"values": dict(request.values), "cluster": dict(request.cluster)}
    if not asks_cluster(renderer):
        return given
    return given | {
        "release": request.release,
        "namespace": request.namespace,
        "capabilities": None if known is None else [known.kube_version, *known.api_versions],
        "ignore": [[rule.group, rule.kind, rule.namespace, rule.name, *rule.paths] for rule in request.ignore],
    }


def takes_values(renderer: str) -> bool:
    """Return whether a renderer, by name and version, or one of several, is given the placement's values."""
    return not {rendering.NAME, evaluation.NAME}.isdisjoint(_names(renderer))


def asks_cluster(renderer: str) -> bool:
    """Return whether a renderer, by name and version, or one of several, asks what the cluster can do."""
    return rendering.NAME in _names(renderer)


def _names(renderer: str) -> frozenset[str]:
    return frozenset(name.partition(" ")[0] for name in renderers_in(renderer))


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def request_for(placement: Placement) -> RenderRequest:
    """Return what shapes the manifests of ``placement``, but for what its cluster can do."""
    application = placement.application
    return RenderRequest(
        parts=parts_of(application, placement.sources),
        settings=application.render,
        variables=placement.parameters if application.substitute else None,
        values=placement.values,
        cluster=placement.cluster.parameters,
        release=application.name,
        namespace=placement.namespace,
        ignore=placement.sync.ignore,
        project=application.project,
    )


def renderers_from(settings: Settings, *, secret: bytes, otherwise: Strictness = Strictness.STRICT) -> Renderers:
    """Return this machine's renderers as ``settings`` say.

    Args:
        settings: of the process.
        secret: from which the key of the cache is derived; no renderer can read it.
        otherwise: what is done where nothing can be confined, unless ``settings`` say so.
    """
    of_cache = hmac.digest(secret, b"render cache", "sha256")
    cache = RenderCache(settings.cache_dir or settings.path("cache"), secret=of_cache)
    bounds = Bounds(strictness=settings.sandbox or otherwise)
    return Renderers(cache, kustomize=settings.kustomize, bounds=bounds)
