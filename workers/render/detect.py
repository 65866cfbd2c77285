"""Which renderer a folder needs, by what lies in it."""

from __future__ import annotations

from common.domain.fleet import Renderer, RenderSettings
from common.sources.trees import Tree
from workers.render import kustomization
from workers.render.jsonnet import imports


def detect(tree: Tree, path: str, settings: RenderSettings | None) -> Renderer:
    """Return the renderer that ``settings`` ask for, or that what lies at ``path`` needs.

    Raises:
        PathMissingError: there is no such path.
    """
    if settings is not None and settings.renderer is not Renderer.DETECT:
        return settings.renderer
    if not tree.existing(path).is_folder:
        return Renderer.JSONNET if path.endswith(imports.SUFFIX) else Renderer.PLAIN
    if kustomization.kustomization_file(tree, path) is not None:
        return Renderer.KUSTOMIZE
    names = {entry.path.rpartition("/")[2] for entry in tree.children(path)}
    if "Chart.yaml" in names:
        return Renderer.HELM
    return Renderer.JSONNET if imports.MAIN in names else Renderer.PLAIN
