"""A package index in a folder, with packages made for the occasion."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType


class Index:
    """Packages that pip finds by ``file:`` addresses, laid out as PEP 503 says."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = root.as_uri()

    def publish(
        self,
        name: str,
        version: str,
        *,
        requires: Iterable[str] = (),
        extra: str = "",
        programs: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Add a release; returns its line of a lock file.

        Args:
            name: of the package.
            version: of the release.
            requires: what it asks for, as in its metadata.
            extra: the name of its one extra, or nothing.
            programs: scripts that it holds, by their path.
        """
        folder = self._root / name
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{name.replace('-', '_')}-{version}"
        wheel = folder / f"{stem}-py3-none-any.whl"
        metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
        metadata += [f"Provides-Extra: {extra}"] if extra else []
        metadata += [f"Requires-Dist: {each}" for each in requires]
        files = {
            "METADATA": "\n".join(metadata) + "\n",
            "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        with zipfile.ZipFile(wheel, "w") as archive:
            for file, text in files.items():
                archive.writestr(f"{stem}.dist-info/{file}", text)
            for path, script in programs.items():
                entry = zipfile.ZipInfo(path)
                entry.external_attr = (stat.S_IFREG | 0o755) << 16
                archive.writestr(entry, script)
        links = [f'<a href="{each.name}">{each.name}</a>' for each in sorted(folder.glob("*.whl"))]
        (folder / "index.html").write_text("<!DOCTYPE html><html><body>" + "<br>".join(links) + "</body></html>")
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
