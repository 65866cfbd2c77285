"""Safe loading of YAML and JSON that strangers wrote: bounded before anything is built, every fault with its line.

Works on parser events, because the C composer overflows its stack on deep nesting and expands aliases without bound.
Builds plain JSON values only; runs no constructor. May not do IO.
"""

from common.yaml.compose import Document, Path, Repeated
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
    "YamlError",
    "YamlFault",
    "YamlLimits",
    "load_documents",
]
