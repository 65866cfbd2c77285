"""Which files of a chart mean something to Helm's library besides their text, by its own rules (``LoadFiles``).

Imported by the process that holds the library too, and imports nothing of ours.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_OF_CHARTS = r"(charts/[^/]+/)*"
SCHEMA = re.compile(_OF_CHARTS + r"values\.schema\.json")
"""The schema of a chart's values, or of a chart's that is within it."""
VALUES = re.compile(_OF_CHARTS + r"values\.yaml")
PACKED = re.compile(_OF_CHARTS + r"charts/[^/_.][^/]*\.tgz")
"""A chart within a chart that is an archive; what begins with a dot or a line is passed over."""
_NAMES = frozenset({"values.schema.json", "values.yaml"})


def is_template(name: str) -> bool:
    """Return whether a file may be a template."""
    return "templates/" in name


def is_inspected(name: str) -> bool:
    """Return whether a file is looked at before the library reads it; more than must be, and only that."""
    return is_template(name) or PurePosixPath(name).name in _NAMES
