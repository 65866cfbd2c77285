"""Archives as people and attackers make them, with the standard library's writer."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping


def tar_of(entries: Iterable[tuple[tarfile.TarInfo, bytes]], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar of these entries, whatever they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, content in entries:
            info.size = info.size or len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "") -> tarfile.TarInfo:
    """Return the head of an entry."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def packed(files: Mapping[str, str | bytes], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a gzip-compressed tar of plain files, the same bytes for the same files."""
    contents = ((name, text.encode() if isinstance(text, str) else text) for name, text in files.items())
    return gzip.compress(tar_of(((entry(name), content) for name, content in contents), form=form), mtime=0)


def chart(name: str, version: str, **files: str) -> bytes:
    """Return a chart's archive, as ``helm package`` lays it out; keywords are templates."""
    head = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
    templates = {f"{name}/templates/{file}.yaml": text for file, text in files.items()}
    return packed({f"{name}/Chart.yaml": head, f"{name}/values.yaml": "a: 1\n", **templates})
