"""The variables that Argo CD fills into a source's settings before it renders.

https://argo-cd.readthedocs.io/en/stable/user-guide/build-environment/ and ``newEnv`` in ``reposerver/repository``; how
they are filled in is Go's ``os.Expand``.
"""

from __future__ import annotations

import re

from common.yaml import Path
from console.importing.foreign import Foreign, dotted

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[^{}]*)\}|(?P<sign>[*#$@!?0-9-])|(?P<plain>[A-Za-z_][A-Za-z0-9_]*))")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_EXACT = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+")
_OWN = "argocd"
"""The namespace in which Argo CD is; the name of an application in another has that before it."""


def filled(one: Foreign, path: Path, text: str, source: Path, *, named: bool) -> str:
    """Return a text with the variables in it that are known; of others it is said that they are not.

    Args:
        one: the application.
        path: where the text is.
        text: what is there.
        source: where its source is.
        named: whether the application has one name, and not another on each cluster.
    """
    if "$" not in text:
        return text
    known = _known(one, source, named=named)

    def value(match: re.Match[str]) -> str:
        name = match["braced"] if match["braced"] is not None else match["sign"] or match["plain"]
        if name == "$":
            return "$"
        if name in known:
            return known[name]
        if name.startswith("ARGOCD_APP_"):
            what, remedy = f"{dotted(path)} asks for {name}, which is not known before it renders", "write its value"
        else:
            what = f"{dotted(path)} asks for a variable that Argo CD does not have, which is empty there"
            remedy = "write what is meant; a dollar sign is $$ there"
        one.say(path, what, remedy)
        return match[0]

    return _VARIABLE.sub(value, text)


def _known(one: Foreign, source: Path, *, named: bool) -> dict[str, str]:
    revision = _text(one, *source, "targetRevision")
    found = {
        "ARGOCD_APP_NAMESPACE": _text(one, "spec", "destination", "namespace"),
        "ARGOCD_APP_PROJECT_NAME": _text(one, "spec", "project") or "default",
        "ARGOCD_APP_SOURCE_REPO_URL": _text(one, *source, "repoURL"),
        "ARGOCD_APP_SOURCE_PATH": _text(one, *source, "path"),
        "ARGOCD_APP_SOURCE_TARGET_REVISION": revision,
    }
    if named and (one.namespace == _OWN or not one.has("metadata", "namespace")):
        found["ARGOCD_APP_NAME"] = one.name
    if _COMMIT.fullmatch(revision) or (one.has(*source, "chart") and _EXACT.fullmatch(revision)):
        found["ARGOCD_APP_REVISION"] = revision
        found |= {"ARGOCD_APP_REVISION_SHORT": revision[:7], "ARGOCD_APP_REVISION_SHORT_8": revision[:8]}
    return found


def _text(one: Foreign, *path: str | int) -> str:
    found = one.look(*path)
    return found if isinstance(found, str) else ""
