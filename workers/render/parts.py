"""The sources of one application as renderers need them: which are rendered, and which lend files to the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.domain.fleet import Application, Source
from common.domain.refs import SourceRef
from common.sources.trees import Tree, joined
from workers.render.faults import EscapeRefusedError, RenderError
from workers.render.manifests import Output, Sourced


@dataclass(frozen=True, slots=True)
class Part:
    """One source of an application.

    Attributes:
        path: folder in its tree, ``.`` for the root.
        source: what its tree is resolved from; parts of one source share the tree. None where there is but one tree.
        name: what other sources call it; empty for the only one.
        lends: files, from ``path``, that charts of other parts take values from. A part that lends is not rendered.
    """

    path: str
    source: SourceRef | None = None
    name: str = ""
    lends: tuple[str, ...] = ()

    @property
    def lent(self) -> tuple[str, ...]:
        """The paths in its tree of what it lends.

        Raises:
            EscapeRefusedError: one leads out of the tree.
        """
        return tuple(self._inside(file) for file in self.lends)

    def read(self, tree: Tree, file: str) -> bytes:
        """Return the content of a file that it lends; raises as ``lent`` and ``Tree.read``."""
        return tree.read(self._inside(file))

    def _inside(self, file: str) -> str:
        path = joined(self.path, file)
        if file.startswith("/") or "\\" in file or "\0" in file or path == ".." or path.startswith("../"):
            message = f"render.helm.valuesFiles: ${self.name}/{file[:200]!s} leads out of its source"
            raise EscapeRefusedError(message, remedy="Name a path inside the source.")
        return path


@dataclass(frozen=True, slots=True)
class Loan:
    """A part that lends files, and its tree."""

    part: Part
    tree: Tree


def lent_content(loans: Mapping[str, Loan], name: str, file: str) -> bytes:
    """Return a file that the source ``name`` lends.

    Raises:
        RenderError: there is no such source.
        PermanentError: it cannot be read (``common.sources.faults``).
    """
    loan = loans.get(name)
    if loan is None:
        raise RenderError([f"render.helm.valuesFiles: ${name}/{file[:200]} names a source that is not here"])
    return loan.part.read(loan.tree, file)


def lent_paths(tree: Tree, part: Part) -> tuple[str, ...]:
    """Return the paths in ``tree`` of what a part lends, each of them a file.

    Raises:
        RenderError: one is a folder.
        PermanentError: one is missing, a link, or leads out of the tree.
    """
    for path in part.lent:
        if tree.existing(path).is_folder:
            raise RenderError([f"render.helm.valuesFiles: ${part.name}: {path[:200]} is a folder, not a file"])
    return part.lent


def together(outputs: Sequence[tuple[Part, Output]]) -> Output:
    """Return what several parts gave as one, in their order; each object says which source it came from."""
    if len(outputs) == 1:
        return outputs[0][1]
    objects = (
        Sourced(item.manifest, f"${part.name}/{item.origin}") for part, output in outputs for item in output.objects
    )
    return Output(tuple(objects), tuple(warning for _, output in outputs for warning in output.warnings))


def parts_of(application: Application, sources: Iterable[Source]) -> tuple[Part, ...]:
    """Return the parts that ``sources``, its own or as a target pins them, are of an application."""
    return tuple(
        Part(source.path, source.to_resolve, source.name, application.lends(source.name) if source.name else ())
        for source in sources
    )


def by_source(parts: Sequence[Part]) -> dict[SourceRef | None, tuple[Part, ...]]:
    """Return the parts by what their tree is resolved from, in the order of the first of each."""
    found: dict[SourceRef | None, tuple[Part, ...]] = {}
    for part in parts:
        found[part.source] = (*found.get(part.source, ()), part)
    return found
