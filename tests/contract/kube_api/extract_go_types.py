"""Extract what the published schemas leave out of the API's Go types: which fields are written even when empty.

``python -m tests.contract.kube_api.extract_go_types MODULE_CACHE`` rewrites ``simulator/go_types.json`` from the
sources of the Kubernetes modules (``go env GOMODCACHE``). Needed when the simulated version changes.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

VERSION = "v0.37.2"
TARGET = Path(__file__).parents[3] / "simulator" / "go_types.json"
PACKAGES = {
    # folder below the module cache -> prefix of the definitions in the published schemas
    **{
        f"k8s.io/api@{VERSION}/{group}/{version}": f"io.k8s.api.{group}.{version}."
        for group, version in (
            ("admissionregistration", "v1"),
            ("apps", "v1"),
            ("autoscaling", "v2"),
            ("batch", "v1"),
            ("coordination", "v1"),
            ("core", "v1"),
            ("discovery", "v1"),
            ("networking", "v1"),
            ("policy", "v1"),
            ("rbac", "v1"),
            ("scheduling", "v1"),
            ("storage", "v1"),
        )
    },
    f"k8s.io/apimachinery@{VERSION}/pkg/apis/meta/v1": "io.k8s.apimachinery.pkg.apis.meta.v1.",
    f"k8s.io/apiextensions-apiserver@{VERSION}/pkg/apis/apiextensions/v1": (
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
    ),
    f"k8s.io/kube-aggregator@{VERSION}/pkg/apis/apiregistration/v1": (
        "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1."
    ),
}
ZEROES = {"string": "", "bool": False, "int": 0, "int32": 0, "int64": 0, "float64": 0}
OPAQUE = {"Time": None, "MicroTime": None, "Quantity": "0", "IntOrString": 0, "RawExtension": None, "JSON": None}
STRUCTS = {"ObjectMeta", "ListMeta", "LabelSelector", "PodTemplateSpec", "ObjectReference", "TypedLocalObjectReference"}
_STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_ALIAS = re.compile(r"^type (\w+) (string|int32|int64|bool)$", re.MULTILINE)
_COLLECTION = re.compile(r"^type (\w+) (?:map\[|\[\])", re.MULTILINE)
_FIELD = re.compile(r"^\s+(?:(\w+)\s+)?([\w.\[\]*]+)\s+`([^`]*)`", re.MULTILINE)


@dataclass
class Package:
    """One Go package: its structs as (json name, Go type, options), embedded ones under an empty name."""

    structs: dict[str, list[tuple[str, str, list[str]]]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    collections: set[str] = field(default_factory=set)


def parse(folder: Path) -> Package:
    """Return the structs of a package."""
    package = Package()
    for path in sorted(folder.glob("*types*.go")):
        text = path.read_text()
        package.aliases.update(dict(_ALIAS.findall(text)))
        package.collections.update(_COLLECTION.findall(text))
        for name, body in _STRUCT.findall(text):
            fields = []
            for _, kind, tags in _FIELD.findall(body):
                found = re.search(r'json:"([^"]*)"', tags)
                if found:
                    json_name, *options = found.group(1).split(",")
                    fields.append((json_name, kind, options))
            package.structs[name] = fields
    return package


def facts(package: Package, name: str) -> dict[str, dict[str, object]]:
    """Return what is special about the fields of a struct: ``plain`` zeroes are dropped, ``always`` are written."""
    found: dict[str, dict[str, object]] = {"plain": {}, "always": {}, "structs": {}}
    for json_name, kind, options in package.structs[name]:
        if "inline" in options or not json_name:
            for group, values in facts(package, kind).items() if kind in package.structs else ():
                found[group].update(values)
            continue
        _classify(package, found, (json_name, kind, options))
    return found


def _classify(package: Package, found: dict[str, dict[str, object]], row: tuple[str, str, list[str]]) -> None:
    name, kind, options = row
    local = kind.rsplit(".", 1)[-1]
    scalar = package.aliases.get(kind, kind)
    omitted = "omitempty" in options or "omitzero" in options
    if kind.startswith(("*", "[]", "map")) or kind in package.collections or local == "ResourceList":
        if not omitted:
            found["always"][name] = None
    elif local in OPAQUE:
        if not omitted:
            found["always"][name] = OPAQUE[local]
    elif kind in package.structs or local in STRUCTS:
        if "omitzero" not in options:
            found["structs"][name] = {}
    else:
        found["plain" if omitted else "always"][name] = ZEROES.get(scalar, "")


def main(cache: Path) -> None:
    """Write the data file."""
    found = {}
    for folder, prefix in PACKAGES.items():
        package = parse(cache / folder)
        for name in package.structs:
            rows = {group: values for group, values in facts(package, name).items() if values}
            if rows:
                found[prefix + name] = rows
    TARGET.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
