"""Renders charts with Helm's library, in a process of its own; started by path.

Go's runtime survives no fork, and a call into it cannot be interrupted.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import confined  # type: ignore[import-not-found]  # it is one folder up
from helm import inspected, schemas  # type: ignore[import-not-found]  # this folder, seen from there

_PRINTED_AS_IT_IS = 1_000_000
_ASSIGNMENT = re.compile(
    r"(?P<one>(?P<key>(?:[^\\=,]|\\.)*)=(?:\{(?:[^\\}]|\\.)*\}|(?:[^\\,{]|\\.)(?:[^\\,]|\\.)*|))(?:,|\Z)", re.DOTALL
)
"""``key=value`` or ``key={a,b}``; a backslash takes its meaning from what follows it."""
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_LOOKUP = re.compile(
    rb"""\{\{ (?: [^{}"`] | \{(?!\{) | "(?:\\.|[^"\\])*" | `[^`]*` | \}(?!\}) )*? \blookup\b""", re.VERBOSE | re.DOTALL
)
"""In an action; a text in it may hold braces."""
_CHANGING = re.compile(
    rb"\b(rand\w+|gen\w+|now|ago|uuidv4|shuffle|htpasswd|bcrypt|encryptAES|keys|values|date\w*|htmlDate\w*)\b"
)
"""Functions that give something else each time; more than those are found, and only cost a second rendering."""


def main() -> None:
    """Answer requests until stdin ends."""
    from helm_python import _native

    confined.serve(_native.helm_sdk_version().removeprefix("v"), _answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from helm_python import HelmError

    try:
        with tempfile.TemporaryDirectory(dir=".") as place:
            folder = Path(place)
            _write(folder, request["files"])
            return _rendered(folder, request)
    except (HelmError, ChartRefusedError) as error:
        return {"error": str(error), "kind": type(error).__name__}


class ChartRefusedError(Exception):
    """The chart holds something that Helm's library must not read."""


def _write(folder: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b64decode(content))


def _rendered(place: Path, request: dict[str, Any]) -> dict[str, Any]:
    folder = place / request["chart"]
    # what is packed within the chart is unpacked beside it, as the one reader of archives read it
    files = {**dict(_files(folder)), **dict(_files(place / request["unpacked"]))}
    _refuse_foreign(files)
    texts = {name: text for name, text in files.items() if inspected.is_template(name)}
    values, large = _with_sets(request["values"], request["sets"])
    values = _with_cluster(values, request["clusterAt"], request["cluster"])
    first, crds, metadata = _once(folder, values, request)
    missing = _missing(metadata)
    if missing:
        return {"missing": missing, "error": "", "kind": "Missing"}
    given = "\n".join(_leaves(values)).encode()
    uncertain = any(_CHANGING.search(text) for text in (*texts.values(), given))
    return {
        "first": first,
        "second": _once(folder, values, request)[0] if uncertain else None,
        "crds": crds,
        "metadata": metadata["own"],
        "printed": sorted(form for form in large if any(form in text for text in first.values())),
        "lookups": sorted(name for name, text in {**files, "the values given": given}.items() if _LOOKUP.search(text)),
    }


def _once(
    folder: Path, values: dict[str, Any], request: dict[str, Any]
) -> tuple[dict[str, str], list[dict[str, str]], dict[str, Any]]:
    """Render the chart, loaded afresh: rendering changes what was loaded."""
    from helm_python import Chart, _native

    with Chart.load(folder) as chart:
        metadata = {"own": chart.metadata, "loaded": [each["name"] for each in chart.dependencies]}
        handle = chart._raw()  # noqa: SLF001 - the public call takes no version of Kubernetes
        text = _native.call_string("helm_render", handle, json.dumps(values), json.dumps(request["release"]))
        return json.loads(text), chart.crds, metadata


def _with_cluster(values: dict[str, Any], keys: list[str], cluster: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` with those of the cluster where the chart asks for them; nothing else may stand there."""
    if not keys:
        return values
    given: Any = values
    for key in keys:
        given = given.get(key) if isinstance(given, dict) else {} if given is None else given
    taken = sorted(cluster.keys() & given.keys()) if isinstance(given, dict) else [] if given is None else [""]
    if taken:
        place = ".".join([*keys, *filter(None, taken[:1])])
        message = f"the value {place} is given, and the chart asks for the cluster's own there: call it something else"
        raise ChartRefusedError(message)
    for key in reversed(keys):
        cluster = {key: cluster}
    laid: dict[str, Any] = _laid(values, cluster)
    return laid


def _missing(metadata: dict[str, Any]) -> list[dict[str, str]]:
    declared = metadata["own"].get("dependencies") or []
    loaded = set(metadata["loaded"])
    return [
        {key: str(each.get(key, "")) for key in ("name", "version", "repository")}
        for each in declared
        if each.get("name") not in loaded
    ]


def _leaves(value: Any) -> Iterator[str]:
    """Yield every text in the values: charts evaluate them by ``tpl``."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value


def _with_sets(values: dict[str, Any], sets: list[str]) -> tuple[dict[str, Any], set[str]]:
    """Return ``values`` with each ``--set`` laid over them, by Helm's own reading of it, and its large numbers.

    The library takes values as JSON, where a whole number is a fraction to Go: a template prints large ones otherwise
    than those of ``helm template --set``. They are returned in that form.
    """
    from helm_python import _native

    large: set[str] = set()
    for text in sets:
        for one, indexes in _assignments(text):
            given = json.loads(_native.call_string("helm_strvals_parse", one))
            large |= {_as_go_prints(number) for number in _whole_numbers(given) if abs(number) >= _PRINTED_AS_IT_IS}
            values = _laid(values, given, indexes)
    return values, large


def _whole_numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _whole_numbers(item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _as_go_prints(number: int) -> str:
    """Return a number as Go prints it that holds it as a fraction: ``1.00065e+09``."""
    decimal = Decimal(repr(float(number))).normalize()
    first, *others = (str(digit) for digit in decimal.as_tuple().digits)
    point = "." if others else ""
    return f"{'-' if number < 0 else ''}{first}{point}{''.join(others)}e+{decimal.adjusted():02d}"


def _assignments(text: str) -> list[tuple[str, int]]:
    """Return what one ``--set`` says, assignment by assignment, and how many indexes each names; see ``_laid``."""
    found: list[tuple[str, int]] = []
    place = 0
    while place < len(text):
        match = _ASSIGNMENT.match(text, place)
        if match is None:
            return [(text, 0)]
        found.append((match["one"], _ESCAPED.sub("", match["key"]).count("[")))
        place = match.end()
    return found


def _laid(lower: Any, upper: Any, indexes: int = 0) -> Any:
    """Return ``upper`` over ``lower``: mappings merge by key, and as many lists on the way as ``indexes`` by place.

    An assignment by index gives a list that ends with the item set, and has nothing before it.
    """
    if isinstance(lower, dict) and isinstance(upper, dict):
        return {**lower, **{key: _laid(lower.get(key), item, indexes) for key, item in upper.items()}}
    if isinstance(lower, list) and isinstance(upper, list) and upper and indexes:
        last = len(upper) - 1
        before = [*lower[:last], *[None] * (last - len(lower))]
        item = _laid(lower[last] if last < len(lower) else None, upper[last], indexes - 1)
        return [*before, item, *lower[last + 1 :]]
    return upper


def _refuse_foreign(files: dict[str, bytes]) -> None:
    """Return if every schema of values, those of packed sub-charts included, refers to itself only."""
    for name, text in files.items():
        fault = schemas.fault(text) if PurePosixPath(name).name == schemas.NAME else ""
        if fault:
            message = f"{name}: {fault}"
            raise ChartRefusedError(message)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and text of every template, schema and file of values in a folder."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and inspected.is_inspected(name):
            yield name, path.read_bytes()


if __name__ == "__main__":
    main()
