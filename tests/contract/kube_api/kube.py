"""Plain HTTP to one API server, simulated or real."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

Json = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Reply:
    """Status code and decoded body of an answer."""

    code: int
    body: Json

    @property
    def metadata(self) -> Json:
        """The object's metadata."""
        metadata: Json = self.body["metadata"]
        return metadata

    @property
    def version(self) -> str:
        """The object's resourceVersion."""
        version: str = self.metadata["resourceVersion"]
        return version

    def causes(self) -> list[Json]:
        """Return the causes of a refusal."""
        return list(self.body.get("details", {}).get("causes", ()))


class Kube:
    """One API server.

    Args:
        name: "simulator" or "real", for messages.
        server: address, with a path where clusters share a port.
        ca: PEM.
    """

    def __init__(self, name: str, server: str, ca: str, token: str) -> None:
        self.name = name
        context = ssl.create_default_context(cadata=ca)
        self.http = httpx.Client(
            base_url=server,
            verify=context,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "contract/1"},
            timeout=30,
            limits=httpx.Limits(max_keepalive_connections=16),
        )

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Reply:
        """Send a request and return the decoded answer."""
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        headers = {"Accept": accept}
        if content:
            headers["Content-Type"] = content_type
        answer = self.http.request(method, path, params=dict(query or {}), content=content, headers=headers)
        try:
            decoded = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            decoded = {"text": answer.text}
        return Reply(answer.status_code, decoded)

    def get(self, path: str, *, accept: str = "application/json", **query: str) -> Reply:
        """GET an object or a list."""
        return self.request("GET", path, query=query, accept=accept)

    def create(self, path: str, body: Json, **query: str) -> Reply:
        """POST to a collection."""
        return self.request("POST", path, body, query=query)

    def update(self, path: str, body: Json, **query: str) -> Reply:
        """PUT an object."""
        return self.request("PUT", path, body, query=query)

    def patch(self, path: str, body: Any, content_type: str = MERGE, **query: str) -> Reply:
        """PATCH an object."""
        return self.request("PATCH", path, body, query=query, content_type=content_type)

    def apply(self, path: str, body: Json, manager: str, **query: str) -> Reply:
        """Server-side apply."""
        return self.request("PATCH", path, body, query={"fieldManager": manager, **query}, content_type=APPLY)

    def delete(self, path: str, options: Json | None = None, **query: str) -> Reply:
        """DELETE an object or a collection."""
        return self.request("DELETE", path, options, query=query)
