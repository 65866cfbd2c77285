"""Manifests, or a chart, in an artifact of an OCI registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.domain.fleet import OciSource, Ref, RefKind
from common.domain.refs import OCI, OciRef, is_oci_digest, is_oci_tag
from common.sources.kinds.kind import Declared, Pin

if TYPE_CHECKING:
    from common.sources.doors import Door, Machine
    from common.sources.kinds.oci.schema import OciPart, OciSourceSpec


class OciKind:
    """OCI registries."""

    key = "oci"
    words = "oci"
    signed = False
    pins: Mapping[str, Pin] = {
        "tag": Pin(is_oci_tag, "a tag of an OCI registry", "give the tag itself"),
        "digest": Pin(is_oci_digest),
    }

    def schema(self) -> type[OciPart]:
        """Return the model of its keys."""
        from common.sources.kinds.oci.schema import OciPart

        return OciPart

    def address(self, spec: OciSourceSpec) -> tuple[tuple[str, ...], str]:
        """Return where the repository is named, and its URL."""
        return ("oci", "image"), f"{OCI}{spec.image}"

    def declared(self, spec: OciSourceSpec, common: Declared) -> OciSource:
        """Return the source that is declared."""
        kind, value = next((kind, value) for kind, value in spec.ref if value is not None)
        ref = Ref(RefKind(kind), value)
        return OciSource(spec.image, ref, spec.path, common.credentials, common.keys, common.name)

    def read(self, repo: str, credentials: str, text: str) -> OciRef | None:
        """Return what was stored."""
        return OciRef.read(repo, credentials, text)

    def door(self, machine: Machine) -> tuple[type[OciRef], Door]:
        """Return this machine's artifacts."""
        from common.sources.kinds.oci.remote import oci_remote

        return OciRef, machine.kept(self.key, oci_remote)
