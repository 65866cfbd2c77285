"""A package index in a folder, with packages made for the occasion."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path


class Index:
    """Packages that pip finds by ``file:`` addresses, laid out as PEP 503 says."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = root.as_uri()

    def publish(self, name: str, version: str, *, requires: Iterable[str] = (), extra: str = "") -> str:
        """Add a release that does nothing but ask for others; returns its line of a lock file."""
        folder = self._root / name
        folder.mkdir(parents=True, exist_ok=True)
        wheel = folder / f"{name}-{version}-py3-none-any.whl"
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
                archive.writestr(f"{name}-{version}.dist-info/{file}", text)
        links = [f'<a href="{each.name}">{each.name}</a>' for each in sorted(folder.glob("*.whl"))]
        (folder / "index.html").write_text("<!DOCTYPE html><html><body>" + "<br>".join(links) + "</body></html>")
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
