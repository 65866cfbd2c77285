"""Charts: their archives, charts packed in charts, what a chart says of itself, and a repository's index."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from contextlib import suppress
from random import Random

from hypothesis import given, settings

from common.domain.errors import FlotillaError, PermanentError
from common.sources.artifacts.archives import ArchiveLimits, unpack, without_top_folder
from common.sources.artifacts.faults import AnswerRefusedError
from common.sources.kinds.chart.repository import parse_index
from tests.fakes.archives import chart, packed
from tests.fakes.trees import Content, memory_tree
from tests.fuzz.harness import target
from tests.harness.packed_charts import archives
from workers.render.helm import charts, schemas
from workers.render.helm.inspected import SCHEMA
from workers.render.helm.packed import Unpacking

_BLOCK = 512
_SCHEMA = (
    '{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}'
)
_HEAD = "apiVersion: v2\nname: sub\nversion: 1.0.0\ndependencies: [{name: low, version: 1.0.0, repository: 'file://../low'}]\n"
_TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n"
_NESTED = packed({"sub/Chart.yaml": _HEAD, "sub/charts/low.tgz": chart("low", "1.0.0", a=_TEMPLATE)})
_ARCHIVES = (
    chart("sub", "1.0.0", a=_TEMPLATE),
    packed({"sub/Chart.yaml": _HEAD, "sub/values.schema.json": _SCHEMA, "sub/" + "long/" * 30 + "a.txt": "x"}),
    _NESTED,
    packed({"sub/Chart.yaml": _HEAD, "sub/charts/a.tgz": _NESTED, "sub/charts/low/Chart.yaml": "name: low\n"}),
)
_TARS = [
    b"ustar\x0000",
    b"././@LongLink",
    b"%d path=" % 30,
    b"12 size=600\n",
    b"GNU.sparse.map=",
    b"0000000\0",
    b"../",
    b"sub/",
]


@target(seeds=list(_ARCHIVES), words=[b"\x1f\x8b\x08\0", bytes(512), *_TARS], share=100)
def archive(data: bytes) -> None:
    """Unpack what is called an archive."""
    with suppress(PermanentError):
        unpack(data)


def _summed(tar: bytes) -> bytes:
    """Return a tar whose headers have the sums that fit them, as far as its entries lead."""
    raw, at = bytearray(tar), 0
    while len(head := raw[at : at + _BLOCK]) == _BLOCK and any(head):
        raw[at + 148 : at + 156] = b" " * 8
        raw[at + 148 : at + 156] = b"%06o\0 " % (sum(raw[at : at + _BLOCK]) % 8**6)
        size = bytes(head[124:136]).strip(b"\0 ")
        content = int(size, 8) if size and not size.strip(b"01234567") else 0
        at += _BLOCK * (1 - -content // _BLOCK)
    return bytes(raw)


@target(seeds=[gzip.decompress(each) for each in _ARCHIVES], words=[*_TARS, b"charts/a.tgz\0", b"values.schema.json\0"])
def packed_charts(data: bytes) -> None:
    """Take apart and pack anew a chart that lies in a chart, and read what it says and refers to."""
    _read({"charts/sub.tgz": gzip.compress(_summed(data), compresslevel=1)})


@settings(database=None, deadline=None)
@given(archives())
def _generated(found: bytes) -> None:
    _read({"charts/sub.tgz": found})


@target(seeds=[Random(number).randbytes(2_000) for number in range(8)], largest=8 << 10, share=60)  # noqa: S311 - no secret
def generated_charts(data: bytes) -> None:
    """Do the same with an archive that a generator makes of the input."""
    _generated.hypothesis.fuzz_one_input(data)  # type: ignore[attr-defined]


def _read(files: Mapping[str, bytes]) -> None:
    with suppress(PermanentError):
        unpacking = Unpacking(ArchiveLimits())
        handed = dict(unpacking.repacked(files))["charts/sub.tgz"]
        for place, text in unpacking.inspected.items():
            if SCHEMA.fullmatch(place.rpartition(".tgz/")[2]):
                schemas.fault(bytes(text))
        inner = {f"app/{name}": bytes(text) for name, text in without_top_folder(unpack(bytes(handed))).items()}
        charts.footprint(memory_tree(inner), "app", {})


_CHART_WORDS = [
    *(
        b"dependencies: [{name: ",
        b"repository: file://../",
        b"repository: https://",
        b"alias: ",
        b"condition: ",
        b"../",
    ),
    *(
        b"annotations: {flotilla.dev/cluster-values: ",
        b"global.",
        b"apiVersion: v1\n",
        b"&a ",
        b"*a",
        b"<<: ",
        b"---\n",
    ),
]


@target(
    seeds=[_HEAD.encode(), b"name: a\nannotations: {flotilla.dev/cluster-values: global.cluster}\n", b'{"name": "x"}'],
    words=_CHART_WORDS,
    share=50,
)
def chart_files(data: bytes) -> None:
    """Ask what rendering a chart reads that says such things of itself."""
    others: dict[str, Content] = {
        "low/Chart.yaml": "name: low\n",
        "app/charts/mid/Chart.yaml": data,
        "app/requirements.yaml": data,
    }
    for files in (
        {**others, "app/Chart.yaml": data},
        {"app/Chart.yaml": "name: a\n", "app/values.yaml": data, **others},
    ):
        with suppress(FlotillaError):
            charts.footprint(memory_tree(files), "app", {"valuesFiles": ["values.yaml"]})
    charts.repeated_keys(data, "values.yaml")


@target(
    seeds=[_SCHEMA.encode(), b'{"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}'],
    words=[b'{"$ref": "', b'"$schema": "http://json-schema.org/', b'"$dynamicRef": ', b"\\u0000", b"\xef\xbb\xbf"],
)
def schema(data: bytes) -> None:
    """Ask what a schema refers to."""
    schemas.fault(data)


@target(
    seeds=[
        b"apiVersion: v1\nentries:\n  shop:\n  - {name: shop, version: 1.2.3, urls: [shop-1.2.3.tgz], digest: %b}\n"
        % (b"a" * 64),
        b'{"entries": {"a": [{"version": "1.0.0", "urls": ["https://x/a.tgz"]}], "b": null}}',
    ],
    refuses=(AnswerRefusedError,),
    words=[b"entries:\n", b"urls: [", b"version: ", b"digest: sha256:", b"&a ", b"*a", b"  - {"],
)
def chart_index(data: bytes) -> None:
    """Read the index of a chart repository."""
    parse_index(data, where="https://charts.example.com/index.yaml")
