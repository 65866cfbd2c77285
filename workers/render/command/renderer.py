"""The renderer that runs an operator's command on a copy of the application's folder, which it cannot write to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import orjson

from common.domain.errors import FlotillaError
from common.sandbox.launch import Strictness, View
from common.sandbox.scratch import ScratchFolder
from common.sources.trees import Tree, refuse_link
from common.yaml import MANIFEST_LIMITS
from workers.render import sandbox
from workers.render.command.allowed import Command, allowed
from workers.render.command.faults import CommandRefusedError
from workers.render.command.identity import identity
from workers.render.faults import RendererMissingError
from workers.render.files import scratch, write_files
from workers.render.manifests import Output, checked, reading
from workers.render.protocol import Age, Loans, Machine, Need, Place, numbers
from workers.render.request import RenderRequest
from workers.render.twice import refuse_changing

VALUES = "{values}"
"""Within an argument: the path of the file with the values."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A footprint: the whole path, since nobody can know what of it a command reads."""

    path: str

    @property
    def paths(self) -> tuple[str, ...]:
        """The path."""
        return (self.path,)


class CommandRenderer:
    """See ``workers.render.protocol.Renderer``.

    Whatever the worker's settings say of its sandbox, nothing is run here that cannot be confined.
    """

    name: ClassVar[str] = "command"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.VALUES, Need.RELEASE})
    detected: ClassVar[bool] = False

    def __init__(self, machine: Machine) -> None:
        self._file = machine.commands
        self._wall = machine.bounds.wall

    @classmethod
    def detects(cls, _place: Place) -> bool:
        """Return False: a folder never chooses what is run on it."""
        return False

    def footprint(self, tree: Tree, path: str, options: Mapping[str, Any]) -> Folder:
        """Return the path, if it is there and the command is allowed.

        Raises:
            CommandRefusedError, CommandsInvalidError: it is not.
            PermanentError: the path is missing, or a link (``common.sources.faults``).
        """
        self._command(options)
        tree.existing(path)
        return Folder(path)

    def version(self, options: Mapping[str, Any]) -> str:
        """Return what identifies the command here; raises as ``identity``, and as ``footprint``."""
        return identity(self._command(options))

    def render(self, tree: Tree, reads: Folder, request: RenderRequest, _loans: Loans) -> Output:
        """Return the manifests that the command prints, the same both times that it is run.

        Raises:
            ToolFailedError, ToolBoundsError, ToolKilledError: it ended with an error, or exceeded a bound.
            ToolLateError: it did not end in time.
            ChangingError: it gives something else each time.
            RenderError, EmptyRenderError, ManifestTooLargeError: what it prints is not fit to be synced.
            SandboxMissingError: this machine cannot confine it.
            PermanentError: a file cannot be read (``common.sources.faults``), or as ``footprint``.
        """
        command = self._command(request.options)
        with _copied(tree, reads.path) as copy:
            first, second = (_once(command, self._bounds(command), copy, request) for _ in range(2))
        refuse_changing(first.objects, second.objects, request.ignore, namespace=request.namespace)
        return first

    def supersedes(self, version: str, age: Age, options: Mapping[str, Any]) -> bool:
        """Return whether the command here is newer, or is another build of the same version than one of before.

        Versions have an order, builds have none: of two workers with different builds, the one that started later has
        its way once, and then neither undoes the other's work.
        """
        try:
            mine = self.version(options)
        except FlotillaError:
            return False
        here, there = (numbers(each.partition("+")[0]) for each in (mine, version))
        return here > there or (here == there and mine != version and age is Age.BEFORE)

    def cures(self, error_code: str, options: Mapping[str, Any]) -> bool:
        """Return whether a command was refused or missing, and is here."""
        if error_code not in {CommandRefusedError.code, RendererMissingError.code} or "name" not in options:
            return False
        try:
            self.version(options)
        except FlotillaError:
            return False
        return True

    def close(self) -> None:
        """Hold nothing: a command runs once for each rendering."""

    def _bounds(self, command: Command) -> sandbox.Bounds:
        wall = max(self._wall, command.cpu)
        return sandbox.Bounds(command.cpu, wall, command.memory, command.output, Strictness.STRICT)

    def _command(self, options: Mapping[str, Any]) -> Command:
        commands = allowed(self._file)
        name = str(options.get("name", ""))
        if name not in commands:
            raise CommandRefusedError(name, commands)
        return commands[name]


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of what is rendered.

    Attributes:
        path: that it is a copy of.
        root: of the tree.
        start: the application's folder in it.
        place: where temporary folders for its files are made; None for the usual place.
    """

    path: str
    root: Path
    start: Path
    place: str | None


@contextmanager
def _copied(tree: Tree, path: str) -> Iterator[_Copy]:
    """Write what is at ``path`` into a fresh folder; nothing but plain files and folders, gone afterwards.

    Raises:
        SymlinkRefusedError, SubmoduleRefusedError: it holds such a thing.
        FileTooLargeError, LfsPointerError: of a file.
    """
    entries = list(tree.list(path))
    for entry in entries:
        refuse_link(entry)
    place = scratch(tree)
    with ScratchFolder("flotilla-tree-", place=place) as folder:
        root = Path(folder)
        start = root / path
        (start if tree.existing(path).is_folder else start.parent).mkdir(parents=True, exist_ok=True)
        write_files(root, tree.read_many(entry.path for entry in entries).items())
        yield _Copy(path, root, start if start.is_dir() else start.parent, place)


def _once(command: Command, bounds: sandbox.Bounds, copy: _Copy, request: RenderRequest) -> Output:
    values = {**request.values, "cluster": request.cluster}
    given = {
        "application": request.release,
        "namespace": request.namespace,
        "values": dict(request.values),
        "cluster": dict(request.cluster),
    }
    with ScratchFolder("flotilla-command-", place=copy.place) as name:
        folder = Path(name)
        file = folder / "values.json"
        file.write_bytes(orjson.dumps(values))
        arguments = (argument.replace(VALUES, str(file)) for argument in command.arguments)
        view = View(command.reads, lent=copy.root, start=copy.start, variables=_variables(command, request, file))
        text = sandbox.run(
            [command.path, *arguments],
            folder=folder,
            what=copy.path,
            bounds=bounds,
            view=view,
            given=orjson.dumps(given),
        )
    what = f"{command.name} of {copy.path}"
    return checked(reading(text, what, MANIFEST_LIMITS), path=copy.path)


def _variables(command: Command, request: RenderRequest, file: Path) -> dict[str, str]:
    """Return its variables. Values from the registry are in none: no name of theirs could mean something to a program.

    The application's name and namespace are names by RFC 1123.
    """
    return {
        **command.environment,
        "HOME": str(file.parent),
        "FLOTILLA_APPLICATION": request.release,
        "FLOTILLA_NAMESPACE": request.namespace,
        "FLOTILLA_VALUES": str(file),
    }
