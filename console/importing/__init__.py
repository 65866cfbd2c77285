"""From the objects of other tools to registry documents, with everything that has no place there said line by line.

Pure: texts in, documents and findings out. What is read are files, never a cluster.
"""

from console.importing.argocd import from_argocd
from console.importing.flux import from_flux
from console.importing.foreign import Finding, NothingToImportError
from console.importing.outcome import Imported, Step

__all__ = ["Finding", "Imported", "NothingToImportError", "Step", "from_argocd", "from_flux"]
