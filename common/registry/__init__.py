"""The fleet registry: from the files of a commit to a Fleet and every fault, each with file, line and remedy.

Pure but for ``validate_directory``, which reads files. Keeps one team's mistake from freezing another: a faulty
document stays at its last good version, only a fault in the core kinds refuses a commit.
"""

from common.registry.documents import Documents
from common.registry.faults import Fault, FaultScope
from common.registry.parse import ParsedRegistry, parse, restore

__all__ = ["Documents", "Fault", "FaultScope", "ParsedRegistry", "parse", "restore"]
