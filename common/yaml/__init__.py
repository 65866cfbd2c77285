"""Safe loading of YAML and JSON that strangers wrote, and the one writer of YAML.

What is loaded is bounded before anything is built, and every fault has its line. What is written is read as the same
values by every reader.

Works on parser events, because the C composer overflows its stack on deep nesting and expands aliases without bound.
Builds plain JSON values only; runs no constructor. May not do IO.
"""

from common.yaml.compose import Document, Path, Repeated, RepeatedKey
from common.yaml.dump import dump, dump_all
from common.yaml.faults import YamlError, YamlFault
from common.yaml.limits import MANIFEST_LIMITS, REGISTRY_LIMITS, YamlLimits
from common.yaml.load import load_documents
from common.yaml.scalars import Dialect

__all__ = [
    "MANIFEST_LIMITS",
    "REGISTRY_LIMITS",
    "Dialect",
    "Document",
    "Path",
    "Repeated",
    "RepeatedKey",
    "YamlError",
    "YamlFault",
    "YamlLimits",
    "dump",
    "dump_all",
    "load_documents",
]
