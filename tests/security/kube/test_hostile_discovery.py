"""Manifests steer URLs or kinds: nor does the discovery of an API that somebody runs behind the cluster's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from tests.fakes.web_server import Reply, WebServer, web_server
from workers.kube.client import Client
from workers.kube.credentials import Access
from workers.kube.discovery import decode
from workers.sync.errors import AddressError, UnknownKindError

UP = "../../../apps/v1/namespaces/victim/deployments"
SOUND = {"resource": "gadgets", "scope": "Namespaced", "verbs": ["patch"], "responseKind": {"kind": "Gadget"}}


def discovery(*resources: dict[str, Any], group: str = "evil.example.com", version: str = "v1") -> bytes:
    versions = [{"version": version, "resources": resources}]
    return json.dumps({"items": [{"metadata": {"name": group}, "versions": versions}]}).encode()


@pytest.mark.parametrize(
    "body",
    [
        discovery({**SOUND, "resource": UP}),
        discovery({**SOUND, "resource": "gadgets/web?force=true#"}),
        discovery({**SOUND, "resource": "%2e%2e"}),
        discovery({**SOUND, "resource": ""}),
        discovery({**SOUND, "resource": "gadgets\r\nHost: other"}),
        discovery({**SOUND, "scope": "Universe"}),
        discovery({**SOUND, "scope": ""}),
        discovery({**SOUND, "responseKind": {"kind": "Gadget/x:y"}}),
        discovery(SOUND, group="../apps"),
        discovery(SOUND, group="apps/v1/x"),
        discovery(SOUND, version="../../api/v1"),
        discovery(SOUND, version=""),
    ],
)
def test_what_does_not_keep_to_the_grammar_is_no_kind(body: bytes) -> None:
    catalogue = decode([body, discovery(SOUND, group="fine.example.com")], read_at=0)
    assert {kind.group for kind in catalogue.kinds.values()} == {"fine.example.com"}
    with pytest.raises(UnknownKindError):
        catalogue.find("evil.example.com", "v1", "Gadget")
    assert not any(char in text for text in catalogue.api_versions for char in "?%# \n")
    assert not any(".." in text for text in catalogue.api_versions)


def test_no_kind_is_found_in_another_group_than_the_one_that_serves_it() -> None:
    claims = {
        **SOUND,
        "resource": "deployments",
        "responseKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
    }
    catalogue = decode([discovery(claims)], read_at=0)
    with pytest.raises(UnknownKindError):
        catalogue.find("apps", "v1", "Deployment")
    assert catalogue.find("evil.example.com", "v1", "Deployment").group == "evil.example.com"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@pytest.mark.parametrize("base", ["", "/k8s/clusters/c-1", "/k8s/"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/../../apis",
        "/api/v1/./x",
        "/api/v1/x#y",
        "/api/v1/ä",
        "/api/v1/a b",
        "/api/v1/%7e%2e",
        "@other.example.com/api",
        ".example.com/api",
        "/api/v1/x\r\nHost: other",
    ],
)
def test_a_path_that_would_change_on_its_way_is_not_sent(server: WebServer, base: str, path: str) -> None:
    client = Client(Access(server.url + base), timedelta(seconds=5))
    with pytest.raises(FlotillaError) as caught:
        client.send("GET", path, {})
    assert isinstance(caught.value, AddressError), caught.value
    assert server.asked == []
    client.close()


def test_what_is_as_it_should_be_is_sent_as_it_is(server: WebServer) -> None:
    for base in ("", "/k8s/clusters/c-1"):
        path = f"{base}/api/v1/x/system%3Ay"
        server.replies[path] = Reply(content=b"{}")
        client = Client(Access(server.url + base), timedelta(seconds=5))
        assert client.send("GET", "/api/v1/x/system%3Ay?labelSelector=a%3Db+c&limit=500", {}).ok
        assert server.asked[-1].target == f"{path}?labelSelector=a%3Db+c&limit=500"
        client.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: WebServer, status: int) -> None:
    server.replies["/api/v1/x"] = Reply(status, headers={"Location": f"{server.url}/victim"})
    client = Client(Access(server.url, token="t"), timedelta(seconds=5))
    try:
        assert client.send("GET", "/api/v1/x", {}).status == status
    finally:
        client.close()
    assert {one.target for one in server.asked} == {"/api/v1/x"}
