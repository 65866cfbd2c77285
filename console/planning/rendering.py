"""Both sides of a plan rendered on this machine, by the very renderers of a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.credentials import CredentialsProvider, provider_from
from common.domain.fleet import Cluster, Placement, Project
from common.domain.refs import SourceRef
from common.domain.revisions import combined_digest, each_once
from common.sandbox.launch import Strictness
from common.settings import Settings
from common.sources.sources import Sources, sources_from
from common.sources.trees import Tree
from console.inspect.offline import in_namespace
from workers.public.rendering import (
    Capabilities,
    Decryptor,
    RenderCache,
    Rendered,
    Renderers,
    RenderRequest,
    Resolved,
    asks_cluster,
    by_source,
    renderers_with,
    request_for,
)


class Rendering:
    """What placements render to, each source asked for once. Safe to use from several threads.

    Args:
        kept: the sources, as this machine keeps them.
        renderers: of this machine.
        projects: by name: what their applications may read.
        credentials: opens encrypted files; None leaves them as they are.
        capabilities: of a cluster, for charts that ask; None for Helm's defaults.
    """

    def __init__(
        self,
        kept: Sources,
        renderers: Renderers,
        projects: Mapping[str, Project],
        *,
        credentials: CredentialsProvider | None = None,
        capabilities: Callable[[Cluster], Capabilities] | None = None,
    ) -> None:
        self._kept = kept
        self._renderers = renderers
        self._credentials = credentials
        self._capabilities = capabilities
        self._projects = projects
        self._trees: dict[tuple[SourceRef, str], Tree] = {}

    def shown(self, placement: Placement) -> Rendered:
        """Return what a placement renders to with its namespace filled in where it surely goes; raises as ``start``."""
        rendered = self.start(placement)
        return replace(rendered, objects=in_namespace(rendered.objects, placement.namespace).objects)

    def start(self, placement: Placement) -> Rendered:
        """Return what a placement renders to, as a run starts from it.

        Raises:
            FlotillaError: a source cannot be read or rendered, as a worker would say it.
        """
        request = request_for(placement)
        reference = placement.application.decrypt
        if reference and self._credentials is not None:
            request = replace(request, decryptor=Decryptor.of(reference, self._credentials.get(reference)))
        project = placement.application.project
        resolved = self._resolved(request, project)
        if self._capabilities is not None and asks_cluster(resolved.renderers):
            request = replace(request, capabilities=self._capabilities(placement.cluster))

        def opened(source: SourceRef | None) -> Tree:
            return self._tree(placement.to_resolve[0] if source is None else source, project)

        return self._renderers.render(opened, request, resolved)

    def _resolved(self, request: RenderRequest, project: str) -> Resolved:
        found = [
            self._renderers.resolve(self._tree(source, project), replace(request, parts=parts))
            for source, parts in by_source(request.parts).items()
            if source is not None
        ]
        digest = combined_digest([one.source_digest for one in found])
        return Resolved(digest, each_once(renderer for one in found for renderer in one.renderers), ())

    def _tree(self, source: SourceRef, project: str) -> Tree:
        known = self._trees.get((source, project))
        if known is not None:
            return known
        tree = self._kept.tree(source, self._kept.fetch(source).commit, self._projects[project].allows_repo)
        self._trees[source, project] = tree
        return tree


@contextmanager
def rendering(settings: Settings, projects: Mapping[str, Project], **more: Any) -> Iterator[Rendering]:
    """Give what renders on this machine with a cache of its own; ``projects`` and ``more`` as for ``Rendering``."""
    with tempfile.TemporaryDirectory(prefix="flotilla-plan-") as cache:
        kept = sources_from(settings, provider_from(settings))
        renderers = renderers_with(RenderCache(Path(cache)), settings, otherwise=Strictness.WARN)
        try:
            yield Rendering(kept, renderers, projects, **more)
        finally:
            renderers.close()
            kept.close()
