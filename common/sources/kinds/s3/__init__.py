"""Folders of buckets behind the S3 API.

A bucket has no commits. What stands for a state of a folder is the sha256 over its paths and their contents, so that a
server can neither change what was resolved nor give two workers different files under one name. ETags tell whether
there is anything new, bind each download to the listing, and are held to the content where they are its MD5; where the
bucket keeps versions, a state that is no longer the present one is found again through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.sources.kinds.kind import Declared, Pin
from common.sources.kinds.s3.values import S3Ref, S3Source, address_of

if TYPE_CHECKING:
    from common.sources.doors import Door, Machine
    from common.sources.kinds.s3.schema import S3Part, S3SourceSpec


class S3Kind:
    """Buckets behind the S3 API."""

    key = "s3"
    words = "s3"
    signed = False
    pins: Mapping[str, Pin] = {}

    def schema(self) -> type[S3Part]:
        """Return the model of its keys."""
        from common.sources.kinds.s3.schema import S3Part

        return S3Part

    def address(self, spec: S3SourceSpec) -> tuple[tuple[str, ...], str]:
        """Return where the bucket is named, and what a project must allow."""
        return ("s3", "bucket"), address_of(spec.endpoint, spec.bucket, spec.prefix)

    def declared(self, spec: S3SourceSpec, common: Declared) -> S3Source:
        """Return the source that is declared."""
        return S3Source(spec.endpoint, spec.bucket, spec.prefix, spec.region, common.credentials, common.name)

    def read(self, repo: str, credentials: str, text: str) -> S3Ref | None:
        """Return what was stored."""
        return S3Ref.read(repo, credentials, text)

    def door(self, machine: Machine) -> tuple[type[S3Ref], Door]:
        """Return this machine's copies of folders."""
        from common.sources.kinds.s3.remote import s3_remote

        return S3Ref, machine.kept(self.key, s3_remote)
