"""The fleet registry: from the files of a commit to a Fleet and every fault, each with file, line and remedy.

Pure but for ``validate``, which reads a folder. Keeps one team's mistake from freezing another: a faulty document
stays at its last good version, only a fault in the core kinds refuses a commit.
"""

from common.registry.alone import DocumentError, application_alone, cluster_alone
from common.registry.documents import Documents
from common.registry.faults import Fault, FaultScope
from common.registry.health import RulesError, health_rules
from common.registry.ignore import FILE as IGNORE_FILE
from common.registry.ignore import wanted
from common.registry.json_schema import json_schemas
from common.registry.parse import ParsedRegistry, parse, restore
from common.registry.validate import FolderError, read_directory, validate_directory

__all__ = [
    "IGNORE_FILE",
    "DocumentError",
    "Documents",
    "Fault",
    "FaultScope",
    "FolderError",
    "ParsedRegistry",
    "RulesError",
    "application_alone",
    "cluster_alone",
    "health_rules",
    "json_schemas",
    "parse",
    "read_directory",
    "restore",
    "validate_directory",
    "wanted",
]
