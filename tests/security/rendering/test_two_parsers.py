"""Found in 0.2: Helm's reader of archives takes what ours passed over, and follows its schema to the worker's files."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from common.domain.errors import PermanentError
from common.sources.artifacts.faults import ArchiveBombError
from tests.fakes.archives import entry, packed, tar_of
from tests.fakes.trees import Content, memory_tree
from tests.security.rendering.attacks import chart, helm, honest, leaks, render, told
from workers.render.helm import schemas
from workers.render.helm.charts import footprint
from workers.render.helm.rendering import handed_over
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest

NAME = "sub/values.schema.json"
SUB = {"sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n", "sub/values.yaml": "a: x\n"}
Entries = list[tuple[tarfile.TarInfo, bytes]]


def archive(*more: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a packed chart with more entries, whatever they are."""
    return gzip.compress(tar_of([*((entry(name), text.encode()) for name, text in SUB.items()), *more], form=form))


def renamed(name: str, **records: str) -> tarfile.TarInfo:
    """Return the head of an entry whose extended header says something else."""
    info = entry(name)
    info.pax_headers = records
    return info


def patched(text: bytes, place: int, value: bytes, *, name: str = NAME, kind: bytes = b"0") -> bytes:
    """Return a chart with a schema, whose header holds other bytes at a place."""
    raw = bytearray(tar_of([*((entry(each), own.encode()) for each, own in SUB.items()), (entry(name, kind), text)]))
    at = raw.index(name.encode())
    raw[at + place : at + place + len(value)] = value
    raw[at + 148 : at + 156] = b" " * 8
    raw[at + 148 : at + 156] = f"{sum(raw[at : at + 512]):06o}\0 ".encode()
    return gzip.compress(raw)


def at(name: str) -> Callable[[bytes], bytes]:
    return lambda text: archive((entry(name), text))


def typed(kind: bytes) -> Callable[[bytes], bytes]:
    return lambda text: patched(text, 156, kind)


SMUGGLED: dict[str, Callable[[bytes], bytes]] = {
    **{f"type {kind!r}": typed(kind) for kind in (b"7", b"Z", b"A", b"V", b"D", b"M", b"N", b"1", b"2", b"S", b"\x80")},
    "by a dot": at("sub/./charts/../values.schema.json"),
    "by a folder that is left again": at("sub/x/../values.schema.json"),
    "by a folder above": at("sub/../sub/values.schema.json"),
    "by two strokes": at("sub//values.schema.json"),
    "by a backslash": at("sub\\values.schema.json"),
    "by backslashes and a folder": at("sub\\x\\..\\values.schema.json"),
    "by another folder": at("other/values.schema.json"),
    "by the root": at("/values.schema.json"),
    "by no folder": at("./values.schema.json"),
    "by a stroke at its end, with content": lambda text: patched(text, 0, NAME.encode() + b"/."),
    "by a NUL in its name": lambda text: patched(text, 0, b"sub/values.schema.json\0.md"),
    "twice, the good one last": lambda text: archive((entry(NAME), text), (entry(NAME), b"{}")),
    "twice, the good one first": lambda text: archive((entry(NAME), b"{}"), (entry(NAME), text)),
    "by an extended header": lambda text: archive((renamed("sub/x", path=NAME), text)),
    "by an extended header that leaves again": lambda text: archive((renamed("x", path="sub/y/../" + NAME[4:]), text)),
    "by an extended header with a NUL": lambda text: archive((renamed("x", path=NAME + "\0x"), text)),
    "by an extended header for all": lambda text: gzip.compress(
        tarfile.TarInfo.create_pax_global_header({"path": NAME}) + gzip.decompress(archive((entry("sub/x"), text)))
    ),
    "by GNU's long name": lambda text: archive(
        (entry("././@LongLink", tarfile.GNUTYPE_LONGNAME), NAME.encode() + b"\0"), (entry("sub/x"), text)
    ),
    "behind a size that is overruled": lambda text: archive(
        (renamed("sub/y", size="0"), tar_of([(entry(NAME), text)])[:1024])
    ),
    "in the second member of gzip": lambda text: (
        gzip.compress(gzip.decompress(archive())[:3072]) + gzip.compress(tar_of([(entry(NAME), text)]))
    ),
    "behind what ends the tar": lambda text: gzip.compress(gzip.decompress(archive()) + tar_of([(entry(NAME), text)])),
    "sparse": lambda text: archive((renamed(NAME, **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), text)),
    "in a chart packed within, by a folder that is left again": lambda text: archive(
        (entry("sub/charts/x/../in.tgz"), at("sub/values.schema.json")(text))
    ),
    "in a chart packed within a folder": lambda text: archive(
        (entry("sub/charts/mid/Chart.yaml"), SUB["sub/Chart.yaml"].replace("sub", "mid").encode()),
        (entry("sub/charts/mid/charts/in.tgz"), typed(b"Z")(text)),
    ),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_a_packed_chart_smuggles_no_schema_past_the_check(renderers: Renderers, outside: Path, name: str) -> None:
    for reference in (outside.as_uri(), str(outside)):
        text = json.dumps({"$ref": reference}).encode()
        files = chart(".Values", {"app/charts/sub-1.0.0.tgz": SMUGGLED[name](text)})
        assert not leaks(shown(renderers, files, helm(values={"sub": {"a": "not as it wants"}})))


@pytest.mark.parametrize("name", SMUGGLED)
def test_no_schema_is_handed_to_helm_that_is_not_handed_to_the_check(name: str) -> None:
    """The sandbox would hide what a schema reads: here nothing is between the archive and what Helm is given."""
    smuggled = SMUGGLED[name](json.dumps({"$ref": "file:///etc/canary"}).encode())
    tree = memory_tree(chart(".Values", {"app/charts/sub-1.0.0.tgz": smuggled}))
    try:
        given, _ = handed_over(tree, footprint(tree, "app", {}), schemas=True)
    except PermanentError:
        return
    if b"etc/canary" in _all_of(base64.b64decode(given["chart/charts/sub-1.0.0.tgz"])):
        checked = [path for path in given if path.startswith("unpacked/") and path.endswith(schemas.NAME)]
        assert any(b"etc/canary" in base64.b64decode(given[path]) for path in checked)


def shown(renderers: Renderers, files: Mapping[str, Content], request: RenderRequest) -> str:
    """Return what a person is told: the manifests, or why there are none."""
    try:
        return str(render(renderers, files, request).manifests)
    except PermanentError as error:
        return told(error)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_helm_is_handed_holds_what_was_read_and_nothing_else(depth: int) -> None:
    """No byte of an archive goes on that the one reader did not take for a part of a file."""
    hidden = b"hidden-between-the-files"
    inner = archive((renamed("sub/files/a", comment=hidden.decode()), b"kept"))
    for _ in range(depth):
        inner = archive((entry("sub/charts/in.tgz"), gzip.compress(gzip.decompress(inner) + hidden)))
    tree = memory_tree(chart(files={"app/charts/sub-1.0.0.tgz": inner}))
    given, _ = handed_over(tree, footprint(tree, "app", {}), schemas=True)
    handed = _all_of(base64.b64decode(given["chart/charts/sub-1.0.0.tgz"]))
    assert hidden not in handed
    assert b"kept" in handed


def _all_of(packed_chart: bytes) -> bytes:
    raw = gzip.decompress(packed_chart)
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        within = (tar.extractfile(each) for each in tar if each.name.endswith(".tgz"))
        return raw + b"".join(_all_of(file.read()) for file in within if file is not None)


def test_what_lies_packed_elsewhere_is_data(renderers: Renderers) -> None:
    """Helm opens archives in the folder of charts alone: what else a chart holds need not be one."""
    files: dict[str, Content] = {
        "app/files/charts/x.tgz": b"no archive",
        "app/charts/_x.tgz": b"no archive",
        "app/charts/.x.tgz": b"no archive",
    }
    (done,) = render(renderers, chart('.Files.Get "files/charts/x.tgz"', files)).manifests
    assert done["data"]["seen"] == '"no archive"'


@pytest.mark.parametrize("name", ["x.tgz", "x.tgz/Chart.yaml", "sub/charts/x.tgz"])
def test_what_is_no_archive_is_refused_by_name(renderers: Renderers, name: str) -> None:
    files = chart(files={f"app/charts/{name}": b"no archive", "app/charts/sub/Chart.yaml": SUB["sub/Chart.yaml"]})
    with pytest.raises(PermanentError, match=r"x\.tgz"):
        render(renderers, files)
    honest(renderers)


def nested(levels: int) -> bytes:
    inner = packed(SUB)
    for _ in range(levels):
        inner = packed({**SUB, "sub/charts/in.tgz": inner})
    return inner


def test_archives_have_one_bound_together(renderers: Renderers) -> None:
    many = packed({f"sub/{number}": b"" for number in range(15_000)})
    large = packed(
        {**SUB, **{f"sub/{number}": bytes(1 << 16) * 60 for number in range(4)}, "sub/x": os.urandom(1 << 17)}
    )
    bombs: list[dict[str, Content]] = [
        {f"app/charts/{number}.tgz": many for number in range(3)},
        {f"app/charts/{number}.tgz": large for number in range(40)},
        {"app/charts/in.tgz": nested(8)},
    ]
    for files in bombs:
        with pytest.raises(ArchiveBombError, match=r"^charts/.*(more than|deeper than)"):
            render(renderers, chart(files=files))
    honest(renderers)
