"""What a run tells of its manifests, and does not fail for: a code each, with parameters.

``common.domain.reasons`` makes the sentence.
"""

from __future__ import annotations

from enum import StrEnum


class ManifestWarning(StrEnum):
    """Codes of what manifests ask for and is not done as they say."""

    OPTION = "warning.option"
    """An option of Argo CD or Helm is not carried out. Params: option, objects."""
    HOOK_NOT_KEPT = "warning.hook-not-kept"
    """A hook will not run at the placement's removal: what is secret is not kept for then. Params: kind, name."""
    UNKNOWN_HOOK = "warning.unknown-hook"
    """Helm knows no such hook, so that the object is left out. Params: origin, hook."""
    REPEATED_KEY = "warning.repeated-key"
    """A key is given twice, and the last one counts. Params: origin, key, first (its first line)."""
    LOOKUP = "warning.lookup"
    """A template asks the cluster, and is answered with nothing. Params: template."""
    FRACTION = "warning.fraction"
    """A template prints a whole number as a fraction. Params: printed."""
    MORE = "warning.more"
    """More were found than are listed. Params: count."""
