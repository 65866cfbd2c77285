"""Takes apart what a template gave, byte for byte as Helm does, and leaves out what Helm would not install. Pure.

Rules: ``SplitManifests`` and ``SortManifests`` of Helm's ``pkg/release/v1/util``, ``renderResources`` of its
``pkg/action``, Helm 4.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workers.sync.objects.marks import ARGO_HOOK, HELM_HOOK, HOOK

_TESTS = frozenset({"test", "test-success", "test-failure"})
_HOOKS = _TESTS | {
    "crd-install",
    *(f"{when}-{what}" for when in ("pre", "post") for what in ("install", "upgrade", "delete", "rollback")),
}
"""Those of Helm, and two of Helm 2 which today's passes over: a test, and what is a plain definition of a kind here."""
_SPACE = "\t\n\f\r "
_SEPARATOR = re.compile(rf"(?:\A|\n)---[{_SPACE}]*")


def documents(text: str) -> Iterator[tuple[int, str]]:
    """Yield each document of a rendered template, and how many lines stand before it.

    They are taken apart where Helm does it, not where YAML would: what templates leave of a separator, such as
    ``---# a comment``, is one for Helm. All space before a separator goes, and each document gets one line break at its
    end, as ``helm template`` prints it and ``helm install`` sends it: a block of text ends as it does there.
    """
    start = len(text) - len(text.lstrip())
    above = text.count("\n", 0, start)
    text = text[start:]
    begin = 0
    for separator in [*_SEPARATOR.finditer(text), None]:
        document = text[begin:] if separator is None else text[begin : separator.start()].rstrip(_SPACE)
        if document.strip():
            yield above, f"{document}\n"
        if separator is not None:
            above += text.count("\n", begin, separator.end())
            begin = separator.end()


def left_out(manifest: Mapping[str, Any], *, tests: bool) -> str | None:
    """Return the hook for which a chart's object is not synced, as Helm knows none such; None where it is synced.

    The hook is short, printable and quoted; an empty text stands for a test, which nobody needs to be told of.

    Args:
        manifest: any document of a template.
        tests: whether an object stays that is a test beside something else.
    """
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if not isinstance(annotations, Mapping):
        return None
    names = {name.strip().lower() for name in str(annotations.get(HELM_HOOK) or "").split(",")} - {""}
    if names and (names <= _TESTS or (not tests and not names.isdisjoint(_TESTS))):
        return ""
    unknown = names - _HOOKS
    if unknown and annotations.keys().isdisjoint({HOOK, ARGO_HOOK}):
        return ascii(min(unknown)[:80])
    return None
