"""Folders of Git repositories. What fetches and reads them is beside the kinds: other kinds keep trees in Git too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.domain.fleet import GitSource, Ref, RefKind
from common.domain.refs import GitRef, is_commit
from common.sources.kinds.kind import Declared, Pin

if TYPE_CHECKING:
    from common.sources.doors import Door, Machine
    from common.sources.kinds.git.schema import GitPart

_BEGIN = ("refs/", "semver:", "submodules:")


class GitKind:
    """Git over https or ssh."""

    key = "repo"
    words = "Git"
    signed = True
    pins: Mapping[str, Pin] = {key: Pin(bool) for key in ("branch", "tag", "commit")}

    def schema(self) -> type[GitPart]:
        """Return the model of its keys."""
        from common.sources.kinds.git.schema import GitPart

        return GitPart

    def address(self, spec: GitPart) -> tuple[tuple[str, ...], str]:
        """Return where the repository is named, and its URL."""
        return ("repo",), spec.repo or ""

    def declared(self, spec: GitPart, common: Declared) -> GitSource:
        """Return the source that is declared."""
        kind, value = next((kind, value) for kind, value in spec.ref or () if value is not None)
        ref = Ref(RefKind(kind), value)
        path, keys = spec.path or ".", common.keys
        return GitSource(spec.repo or "", ref, path, common.credentials, keys, common.name, spec.submodules)

    def read(self, repo: str, credentials: str, text: str) -> GitRef | None:
        """Return what was stored."""
        return GitRef.read(repo, credentials, text) if text.startswith(_BEGIN) or is_commit(text) else None

    def door(self, machine: Machine) -> tuple[type[GitRef], Door]:
        """Return this machine's mirrors."""
        from common.sources.fetching import MirrorLimits
        from common.sources.mirrors import Mirrors

        limits = MirrorLimits(link_local=machine.artifacts.web.link_local)
        return GitRef, Mirrors(machine.root, machine.credentials, plain_http=machine.plain_http, limits=limits)
