"""What a source in a bucket is, and what is resolved for it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from common.domain.addresses import refuse, web_address
from common.domain.fleet import Ref
from common.domain.refs import SourceRef

S3 = "s3://"
"""Scheme of a folder of a bucket: ``s3://HOST/BUCKET/PREFIX``."""
_STORED = "s3:"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_LONGEST_REGION = 40
_LONGEST_PREFIX = 500


@dataclass(frozen=True, slots=True)
class S3Ref(SourceRef):
    """What is under a prefix of a bucket, as it is now.

    Attributes:
        region: that requests are signed for.
    """

    region: str

    @property
    def text(self) -> str:
        """What is meant: all of it, in a region."""
        return f"{_STORED}{self.region}"

    @classmethod
    def read(cls, repo: str, credentials: str, text: str) -> S3Ref | None:
        """Return the ref that ``text`` stands for; None where it is another kind's."""
        return cls(repo, credentials, text.removeprefix(_STORED)) if text.startswith(_STORED) else None


@dataclass(frozen=True, slots=True)
class S3Source:
    """A folder of a bucket.

    Attributes:
        endpoint: URL of the server, without path.
        bucket: its name there.
        prefix: folder that is taken; slashes around it mean nothing, and empty is all of the bucket.
        region: that requests are signed for.
        credentials: reference that the worker's provider resolves; empty for anonymous.
        name: what other sources call it; empty for the only one.
    """

    endpoint: str
    bucket: str
    prefix: str
    region: str
    credentials: str = ""
    name: str = ""
    verify: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The folder itself, which is the root of its tree."""
        return "."

    @property
    def to_resolve(self) -> S3Ref:
        """What must be resolved for it."""
        return S3Ref(address_of(self.endpoint, self.bucket, self.prefix), self.credentials, self.region)

    def pinned(self, pin: Ref) -> S3Source:
        """Refuse: the registry's check lets no target hold a bucket at a version.

        Raises:
            ValueError: always.
        """
        message = f"a bucket cannot be held at {pin}"
        raise ValueError(message)


def address_of(endpoint: str, bucket: str, prefix: str) -> str:
    """Return what a project must allow for a folder of a bucket: ``s3://HOST/BUCKET/PREFIX``."""
    host, prefix = endpoint.partition("://")[2].rstrip("/"), prefix.strip("/")
    return f"{S3}{host}/{bucket}{f'/{prefix}' if prefix else ''}"


def endpoint_address(text: str) -> str:
    """Return ``text`` if it is the URL of an S3 server: https, host and port alone (http for loopback).

    Raises:
        AddressError: it is something else.
    """
    web_address(text, "https://HOST")
    if text.partition("://")[2].partition("/")[2]:
        refuse("an endpoint has no path", "write https://HOST, and the folder as prefix")
    return text.rstrip("/")


def bucket_name(text: str) -> str:
    """Return ``text`` if it may name a bucket.

    Raises:
        AddressError: it may not.
    """
    if _BUCKET.fullmatch(text) is None or ".." in text:
        refuse("it is not the name of a bucket", "use 3 to 63 lower-case letters, digits, dots and hyphens")
    return text


def region_name(text: str) -> str:
    """Return ``text`` if it may name a region.

    Raises:
        AddressError: it may not.
    """
    if _REGION.fullmatch(text) is None or len(text) > _LONGEST_REGION:
        refuse("it is not the name of a region", "write it as the server has it, such as eu-central-1")
    return text


def folder_prefix(text: str) -> str:
    """Return ``text`` if it is a folder of a bucket; slashes around it mean nothing.

    Raises:
        AddressError: it leads elsewhere, or is not plain.
    """
    steps = text.strip("/").split("/") if text.strip("/") else []
    if any(_STEP.fullmatch(step) is None for step in steps) or len(text) > _LONGEST_PREFIX:
        refuse("it is not a plain folder", "use letters, digits and ._- with slashes between")
    return text
