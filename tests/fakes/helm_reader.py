"""Helm's own reader of packed charts, in a process of its own: an archive in, in base64, what it read out, as JSON.

Started by path; ``HelmReader`` is its other side.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any


class HelmReader:
    """Reads packed charts as Helm does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def files(self, archive: bytes) -> list[list[str]] | None:
        """Return names and texts of a chart's files, its schema's included; None where Helm refuses the archive."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(base64.b64encode(archive) + b"\n")
        self._process.stdin.flush()
        found: list[list[str]] | None = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def _read(archive: bytes) -> Any:
    from helm_python import Chart, HelmError, _native

    try:
        with Chart.load_archive(archive) as chart:
            found = [[each["name"], each["data"]] for each in (*chart.files, *chart.templates)]
            schema = _native.call_string("helm_chart_schema", chart._raw())
            return sorted([*found, *([["values.schema.json", schema]] if schema != "null" else [])])
    except (HelmError, UnicodeDecodeError):  # the second of a schema that is no text
        return None


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        print(json.dumps(_read(base64.b64decode(line))), flush=True)
