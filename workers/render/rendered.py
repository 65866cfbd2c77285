"""What rendering a placement gave."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.domain.revisions import RendererVersion
from common.domain.secrecy import NO_SECRETS, Secrets
from common.domain.status import Reason
from workers.render.manifests import Sourced


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came out for one placement.

    Attributes:
        objects: with where each came from; not to be changed.
        digest: sha256 (hex) over the manifests in their order; it is stored as ``digest_under`` gives it.
        renderers: what rendered them here.
        warnings: for those who read the run; empty where all is well.
        secrets: what may be in the manifests and is shown to nobody; two are not compared.
        private: whether files were decrypted for it, which may hold more than ``secrets`` tells: texts too short.
    """

    objects: tuple[Sourced, ...] = field(repr=False)
    digest: str = field(repr=False)
    renderers: tuple[RendererVersion, ...]
    warnings: tuple[Reason, ...] = ()
    secrets: Secrets = field(default=NO_SECRETS, compare=False)
    private: bool = False

    def digest_under(self, key: bytes) -> str:
        """Return what identifies the manifests and tells nothing of what is secret in them: an HMAC where it may be."""
        keyed = self.private or self.secrets
        return hmac.new(key, self.digest.encode(), "sha256").hexdigest() if keyed else self.digest

    @property
    def manifests(self) -> tuple[Mapping[str, Any], ...]:
        """The objects alone."""
        return tuple(item.manifest for item in self.objects)
