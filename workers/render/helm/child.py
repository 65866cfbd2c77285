"""Renders charts with Helm's library, in a process of its own; started by path.

Go's runtime survives no fork, and a call into it cannot be interrupted.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import confined  # type: ignore[import-not-found]  # it lies one folder up

_DEEPEST = 4
_LARGEST_MEMBER = 8 << 20
_LOOKUP = re.compile(rb"\{\{[^}]*\blookup\s")
_CHANGING = re.compile(
    rb"\b(rand\w+|gen\w+|now|ago|uuidv4|shuffle|htpasswd|bcrypt|encryptAES|keys|values|date\w*|htmlDate\w*)\b"
)
"""Functions that give something else each time; more than those are found, and only cost a second rendering."""


def main() -> None:
    """Answer requests until stdin ends."""
    confined.confine(int(sys.argv[1]))
    from helm_python import _native

    confined.serve(_native.helm_sdk_version().removeprefix("v"), _answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from helm_python import HelmError

    try:
        return _rendered(request)
    except HelmError as error:
        return {"error": str(error), "kind": type(error).__name__}


def _rendered(request: dict[str, Any]) -> dict[str, Any]:
    folder = Path(request["chart"])
    texts = dict(_templates(folder))
    values = _with_sets(request["values"], request["sets"])
    first, crds, metadata = _once(folder, values, request)
    missing = _missing(metadata)
    if missing:
        return {"missing": missing, "error": "", "kind": "Missing"}
    uncertain = any(_CHANGING.search(text) for text in (*texts.values(), json.dumps(values).encode()))
    return {
        "first": first,
        "second": _once(folder, values, request)[0] if uncertain else None,
        "crds": crds,
        "metadata": metadata["own"],
        "lookups": sorted(name for name, text in texts.items() if _LOOKUP.search(text)),
    }


def _once(
    folder: Path, values: dict[str, Any], request: dict[str, Any]
) -> tuple[dict[str, str], list[dict[str, str]], dict[str, Any]]:
    """Render the chart, loaded afresh: rendering changes what was loaded."""
    from helm_python import Chart, _native

    with Chart.load(folder) as chart:
        metadata = {"own": chart.metadata, "loaded": [each["name"] for each in chart.dependencies]}
        given = {**values, **_cluster(chart, values, request)}
        handle = chart._raw()  # noqa: SLF001 - the public call takes no version of Kubernetes
        text = _native.call_string("helm_render", handle, json.dumps(given), json.dumps(request["release"]))
        return json.loads(text), chart.crds, metadata


def _cluster(chart: Any, values: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return the cluster's own values, unless the chart means something else by that name or takes no such key."""
    from helm_python import HelmError

    own = {"cluster": request["cluster"]}
    if "cluster" in (chart.values or {}) or "cluster" in values:
        return {}
    if chart.schema is not None:
        try:
            chart.validate_schema({**values, **own})
        except HelmError:
            return {}
    return own


def _missing(metadata: dict[str, Any]) -> list[dict[str, str]]:
    declared = metadata["own"].get("dependencies") or []
    loaded = set(metadata["loaded"])
    return [
        {key: str(each.get(key, "")) for key in ("name", "version", "repository")}
        for each in declared
        if each.get("name") not in loaded
    ]


def _with_sets(values: dict[str, Any], sets: list[str]) -> dict[str, Any]:
    """Return ``values`` with each ``--set`` laid over them, by Helm's own reading of it."""
    from helm_python import _native

    for text in sets:
        values = _over(values, json.loads(_native.call_string("helm_strvals_parse", text)))
    return values


def _over(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    both = {key for key in upper if isinstance(upper[key], dict) and isinstance(lower.get(key), dict)}
    return {**lower, **upper, **{key: _over(lower[key], upper[key]) for key in both}}


def _templates(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and text of every template, those of packed sub-charts included."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".tgz":
            yield from _packed(name, path.read_bytes(), 0)
        elif path.is_file() and _is_template(name):
            yield name, path.read_bytes()


def _packed(name: str, archive: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
    if depth > _DEEPEST:
        return
    with suppress(tarfile.TarError, EOFError, OSError), tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() and member.size <= _LARGEST_MEMBER else None
            if file is None:
                continue
            if member.name.endswith(".tgz"):
                yield from _packed(f"{name}/{member.name}", file.read(), depth + 1)
            elif _is_template(member.name):
                yield f"{name}/{member.name}", file.read()


def _is_template(name: str) -> bool:
    return "templates/" in name and not name.endswith("/")


if __name__ == "__main__":
    main()
