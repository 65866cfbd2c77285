"""The one door to all renderers: which one an application needs, what it reads, and what comes out."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.domain.errors import FlotillaError
from common.domain.fleet import RenderSettings
from common.domain.refs import SourceRef
from common.domain.revisions import RendererVersion, combined_digest, each_once
from common.domain.secrecy import Secrets
from common.sandbox.launch import Strictness
from common.settings import Settings
from common.sources.trees import Tree, source_digest
from workers.render.cache import RenderCache, cache_key
from workers.render.canonical import manifest_digest
from workers.render.faults import RenderError
from workers.render.manifests import Output
from workers.render.parts import Loan, Part, by_source, lent_paths, together
from workers.render.protocol import Age, Loans, Machine, Need
from workers.render.rendered import Rendered
from workers.render.request import RenderRequest
from workers.render.sandbox import Bounds
from workers.render.secrecy import secrets_given, silenced
from workers.render.sops import DecryptedTree
from workers.render.substitute import substitute
from workers.render.table import classes, detect, needs_of
from workers.render.twice import settled


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a tree, or several, hold for one application.

    Attributes:
        source_digest: sha256 (hex) over the footprint.
        renderers: with their versions, each once; empty for a tree that only lends files.
        paths: the footprint.
    """

    source_digest: str
    renderers: tuple[RendererVersion, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Former:
    """What a worker, this or another, resolved a source's part for one application to.

    Attributes:
        renderers: with their versions; empty where it could not be resolved.
        error_code: why it could not; empty where it could.
        age: when that was.
    """

    renderers: tuple[RendererVersion, ...]
    error_code: str
    age: Age


@dataclass(frozen=True, slots=True)
class _Plan:
    """One renderer's reading of a part's tree; what only lends files has no renderer, and nothing to run."""

    renderer: RendererVersion | None
    paths: tuple[str, ...]
    run: Callable[[Loans], Output] = field(repr=False)


class Renderers:
    """All renderers of this worker. Safe to use from several threads.

    Args:
        cache: of this machine.
        kustomize: path of a ``kustomize`` or ``kubectl``; empty looks on PATH.
        commands: file in which the operator says which commands may be run; None allows none.
        bounds: of the tools that are run.
    """

    def __init__(
        self, cache: RenderCache, *, kustomize: str = "", commands: Path | None = None, bounds: Bounds | None = None
    ) -> None:
        self._cache = cache
        machine = Machine(bounds or Bounds(), kustomize, commands)
        self._renderers = {name: renderer(machine) for name, renderer in classes().items()}

    @property
    def cached(self) -> dict[str, int]:
        """How often the cache was asked, by where the answer lay; see ``RenderCache.answers``."""
        return self._cache.answers

    def close(self) -> None:
        """End the processes that renderers hold."""
        for renderer in self._renderers.values():
            renderer.close()

    def resolve(self, tree: Tree, request: RenderRequest) -> Resolved:
        """Return what ``tree`` holds for an application, without rendering it.

        Args:
            tree: of one source.
            request: with the parts that are in that tree alone.

        Raises:
            PermanentError: the footprint cannot be known: a path is missing, a link, remote, or malformed
                (``workers.render.faults``, ``common.sources.faults``).
            TransientError: the mirror is damaged.
        """
        plans = [self._plan(tree, part, request) for part in request.parts]
        return Resolved(_digest(tree, plans), _renderers(plans), tuple(path for plan in plans for path in plan.paths))

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
        renderers = resolved.renderers
        inputs = _inputs(request, renderers)
        given = secrets_given(
            [request.values, request.variables, request.cluster], sets=request.options.get("sets", ())
        )
        output = self._cache.get(cache_key(resolved.source_digest, renderers, inputs))
        if output is None:
            opened: set[str] = set()
            try:
                output, read, renderers = self._afresh(open_tree, request, opened)
            except FlotillaError as error:
                raise silenced(error, Secrets(opened) | given) from None
            secrets = Secrets(opened)
            told = secrets | given
            warnings = tuple(map(told.masked_reason, output.warnings))
            output = replace(output, warnings=warnings, secrets=secrets)
            # by what was really read: a digest that somebody computed otherwise must not name other manifests
            key = cache_key(read, renderers, _inputs(request, renderers))
            self._cache.put(key, output, private=request.decryptor is not None)
        return _finished(output, request, renderers, output.secrets | given if given else output.secrets)

    def outdated(self, former: Former, settings: RenderSettings | None) -> bool:
        """Return whether what is here may give something else for the same files than what resolved them.

        Something older here says nothing: while workers are being upgraded, the two would undo each other's work.

        Args:
            former: what came of it then.
            settings: the registry's ``render``, which has not changed since.
        """

        def options(name: str) -> Mapping[str, Any]:
            return settings.options if settings is not None and settings.renderer == name else {}

        if former.error_code and any(
            each.cures(former.error_code, options(name)) for name, each in self._renderers.items()
        ):
            return True
        return any(
            self._renderers[one.name].supersedes(one.version, former.age, options(one.name))
            for one in former.renderers
            if one.name in self._renderers
        )

    def _afresh(
        self, open_tree: Callable[[SourceRef | None], Tree], request: RenderRequest, secrets: set[str]
    ) -> tuple[Output, str, tuple[RendererVersion, ...]]:
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
        return together(outputs), combined_digest(digests), _renderers(plans.values())

    def _plan(self, tree: Tree, part: Part, request: RenderRequest) -> _Plan:
        if part.lends:
            return _Plan(None, lent_paths(tree, part), lambda _: Output(()))
        mine = replace(request, parts=(part,), settings=_settings(tree, part, request))
        renderer = self._renderers[detect(tree, part.path, mine.settings)]
        reads = renderer.footprint(tree, part.path, mine.options)
        version = RendererVersion(renderer.name, renderer.version(mine.options))
        return _Plan(version, reads.paths, lambda loans: renderer.render(tree, reads, mine, loans))


def _finished(
    output: Output, request: RenderRequest, renderers: tuple[RendererVersion, ...], secrets: Secrets
) -> Rendered:
    try:
        objects = output.objects
        if request.variables is not None:
            own = request.values.get("cluster")
            objects = substitute(objects, request.variables, request.substitution, cluster=own)
        counted = settled(objects, request.ignore, request.namespace)
    except FlotillaError as error:
        raise silenced(error, secrets) from None
    private = request.decryptor is not None
    return Rendered(objects, manifest_digest(counted), renderers, output.warnings, secrets, private)


def _digest(tree: Tree, plans: Sequence[_Plan]) -> str:
    return combined_digest([source_digest(tree, plan.paths) for plan in plans])


def _renderers(plans: Iterable[_Plan]) -> tuple[RendererVersion, ...]:
    return each_once(plan.renderer for plan in plans if plan.renderer is not None)


def _settings(tree: Tree, part: Part, request: RenderRequest) -> RenderSettings | None:
    """Return the registry's settings where they are for this part: of several, for those that need that renderer."""
    settings = request.settings
    if settings is None or not part.name or not classes()[settings.renderer].detected:
        return settings
    return settings if detect(tree, part.path, None) == settings.renderer else None


def _refuse_unused(request: RenderRequest, plans: Iterable[_Plan]) -> None:
    settings = request.settings
    if settings is None or len(request.parts) == 1:
        return
    if settings.renderer not in {one.name for one in _renderers(plans)}:
        raise RenderError([f"render.{settings.renderer}: none of the sources is one for {settings.renderer}"])


def _inputs(request: RenderRequest, renderers: Iterable[RendererVersion]) -> dict[str, Any]:
    """Return all that shapes the manifests besides the files: of the placement, only what the renderer needs."""
    parts = [[part.name, part.path, *part.lends] for part in request.parts]
    given: dict[str, Any] = {"parts": parts, "options": dict(request.options)}
    if request.decryptor is not None:
        given["decrypt"] = request.decryptor.reference
    needs = needs_of(renderers)
    if Need.VALUES in needs:
        given |= {"values": dict(request.values), "cluster": dict(request.cluster)}
    if Need.RELEASE in needs:
        ignored = [[rule.group, rule.kind, rule.namespace, rule.name, *rule.paths] for rule in request.ignore]
        given |= {"release": request.release, "namespace": request.namespace, "ignore": ignored}
    if Need.CAPABILITIES in needs:
        known = request.capabilities
        given["capabilities"] = None if known is None else [known.kube_version, *known.api_versions]
    return given


def renderers_from(settings: Settings, *, secret: bytes, otherwise: Strictness = Strictness.STRICT) -> Renderers:
    """Return this machine's renderers as ``settings`` say.

    Args:
        settings: of the process.
        secret: from which the key of the cache is derived; no renderer can read it.
        otherwise: what is done where nothing can be confined, unless ``settings`` say so.
    """
    of_cache = hmac.digest(secret, b"render cache", "sha256")
    cache = RenderCache(settings.cache_dir or settings.path("cache"), secret=of_cache)
    return renderers_with(cache, settings, otherwise=otherwise)


def renderers_with(cache: RenderCache, settings: Settings, *, otherwise: Strictness) -> Renderers:
    """Return this machine's renderers with a cache of their own; the rest as ``renderers_from``."""
    bounds = Bounds(wall=settings.render_patience, strictness=settings.sandbox or otherwise)
    return Renderers(cache, kustomize=settings.kustomize, commands=settings.render_commands, bounds=bounds)
