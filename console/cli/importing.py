"""``flotilla import``: from other tools' objects to registry documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from common.domain import formatting
from common.domain.errors import PermanentError, sentences
from common.domain.refs import DNS_LABEL
from common.yaml import dump
from console.cli.exits import Exit
from console.cli.output import Format, Output, is_data, say, warn
from console.importing import Finding, Imported, from_argocd, from_flux

app = typer.Typer(
    name="import",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Turn other tools' objects into registry documents; no cluster is asked.",
)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="files of YAML, or folders of them")]
Into = Annotated[Path | None, typer.Option(help="write a file for each document there instead of printing them")]
Each = Annotated[bool, typer.Option("--each", help="list every finding, also where several objects have the same")]
_SUFFIXES = (".yaml", ".yml", ".json")
_TEMPLATES = ("templates", True)
"""A folder of this name beside a chart's own file."""
_MOST_SEEN = 3


class FileMissingError(PermanentError):
    """A file cannot be read, or one would be overwritten."""

    code = "import.file"


@app.command()
def argocd(
    files: Files,
    cluster: Annotated[
        list[str] | None, typer.Option(metavar="SERVER=NAME", help="the registry's name of a cluster, by URL or name")
    ] = None,
    checkout: Annotated[
        list[str] | None, typer.Option(metavar="URL=DIR", help="a checkout for generators that look into a repository")
    ] = None,
    into: Into = None,
    each: Each = False,
    output: Output = Format.TABLE,
) -> None:
    """Import Applications, ApplicationSets and AppProjects of Argo CD. Exit 1 if something has no place.

    Example: flotilla import argocd applications.yaml --cluster https://kubernetes.default.svc=eu-prod-01 --into ./fleet
    """
    folders = {url: _below(Path(folder)) for url, folder in _pairs(checkout, "--checkout URL=DIR").items()}
    servers = _pairs(cluster, "--cluster SERVER=NAME")
    for name in servers.values():
        _named(name)
    texts, found = _read(files)
    _show(from_argocd(texts, servers=servers, checkouts=folders, found=found), into, output, each=each)


@app.command()
def flux(
    files: Files,
    cluster: Annotated[str, typer.Option(metavar="NAME", help="the registry's name of the cluster they are on")],
    into: Into = None,
    each: Each = False,
    output: Output = Format.TABLE,
) -> None:
    """Import Kustomizations and HelmReleases of Flux with their sources. Exit 1 if something has no place.

    Example: flotilla import flux flux.yaml --cluster eu-prod-01 --into ./fleet
    """
    _named(cluster)
    texts, found = _read(files)
    _show(from_flux(texts, cluster=cluster, found=found), into, output, each=each)


def _pairs(texts: list[str] | None, form: str) -> dict[str, str]:
    found = {}
    for text in texts or []:
        key, equals, value = text.rpartition("=")
        if not (equals and key and value):
            message = f"{text!r} is not {form}"
            raise typer.BadParameter(message)
        found[key] = value
    return found


def _named(cluster: str) -> None:
    if DNS_LABEL.fullmatch(cluster) is None:
        message = f"{cluster!r} is no name of a cluster: use lower-case letters, digits and hyphens"
        raise typer.BadParameter(message)


def _read(files: list[Path]) -> tuple[dict[str, bytes], frozenset[str]]:
    """Return contents by name, and the names of those that nobody named, but that are in a folder."""
    texts: dict[str, bytes] = {}
    found: set[str] = set()
    for file in files:
        if file.is_dir():
            inside = {str(file / name): text for name, text in _below(file).items()}
            texts |= inside
            found |= inside.keys()
            continue
        texts[str(file)] = _content(file)
    return texts, frozenset(found)


def _below(folder: Path) -> dict[str, bytes]:
    """Return the files of YAML and JSON in a folder; hidden folders and templates of charts are none of it."""
    if not folder.is_dir():
        message = f"{folder} is no folder"
        raise FileMissingError(message, remedy="Name a folder that can be read.")
    found: dict[str, bytes] = {}
    for above, folders, names in _walk(folder):
        charted = "Chart.yaml" in names
        folders[:] = sorted(name for name in folders if not name.startswith(".") and (name, charted) != _TEMPLATES)
        for name in sorted(names):
            if (above / name).suffix in _SUFFIXES and not name.startswith(".") and (above / name).is_file():
                found[str((above / name).relative_to(folder))] = _content(above / name)
    return found


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    for above, folders, names in os.walk(folder):
        yield Path(above), folders, names


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise FileMissingError(message, remedy="Name files or folders that can be read.") from error


def _show(found: Imported, into: Path | None, output: Format, *, each: bool) -> None:
    if into is not None:
        _write(found.documents, into)
    data = {
        "documents": dict(found.documents),
        "findings": [
            {"file": one.file, "line": one.line, "what": one.what, "remedy": one.remedy} for one in found.findings
        ],
        "passedOver": found.passed,
        "steps": [{"title": step.title, "commands": list(step.commands)} for step in found.steps],
    }
    if not is_data(output, data):
        _tell(found, into, each=each)
    raise typer.Exit(Exit.NO if found.findings else Exit.DONE)


def _tell(found: Imported, into: Path | None, *, each: bool) -> None:
    if into is None:
        typer.echo("---\n".join(dump(document) for document in found.documents.values()), nl=False)
    else:
        say(f"{len(found.documents)} documents are in {into}. Check them: flotilla validate {into}")
    lines = [str(finding) for finding in found.findings] if each else list(_grouped(found.findings))
    for line in lines:
        warn(line)
    if found.passed:
        warn(f"Passed over, being no affair of the tool: {formatting.of(found.passed, 'document')}.")
    warn(_sum(len(found.findings), len(lines)) if lines else "All of it has a place.")
    if not found.steps:
        return
    warn("\nThe hand-over, in this order:")
    for number, step in enumerate(found.steps, start=1):
        warn(f"{number}. {step.title}")
        for command in step.commands:
            warn(f"     {command}")


def _sum(findings: int, lines: int) -> str:
    count = formatting.of(findings, "finding")
    if lines == findings:
        return f"To look at: {count} above."
    return f"To look at: {count} in {formatting.of(lines, 'line')} above; --each lists every one."


def _grouped(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a line for each finding; one for all objects of which the same is to be said, in the place of the first."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.same, []).append(finding)
    for (what, remedy), group in groups.items():
        if len(group) == 1:
            yield str(group[0])
            continue
        seen = [f"{one.subject} ({one.file}:{one.line})".strip() for one in group[:_MOST_SEEN]]
        more = f" and {len(group) - _MOST_SEEN} more" if len(group) > _MOST_SEEN else ""
        yield f"{sentences(what, remedy)} In {', '.join(seen)}{more}."


def _write(documents: Mapping[str, Mapping[str, Any]], into: Path) -> None:
    taken = [name for name in documents if (into / name).exists()]
    if taken:
        message = f"{into / taken[0]} is there already"
        raise FileMissingError(message, remedy="Name another folder; nothing was written.")
    for name, document in documents.items():
        file = into / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dump(document))
