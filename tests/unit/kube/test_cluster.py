"""The port on scripted answers: lists that do not end, answers that are not what was asked for, who is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import orjson
import pytest

from workers.kube.client import Answer
from workers.kube.cluster import KubeCluster
from workers.kube.patience import Permit, freely
from workers.kube.pool import Connection
from workers.sync.errors import GarbageError, GoneError, UnknownKindError
from workers.sync.objects.live import Kind
from workers.sync.ports import Ownership, Target, Write

CONFIG_MAPS = Kind("", "v1", "ConfigMap", "configmaps", namespaced=True)
WHERE = Target(CONFIG_MAPS, "default", "a")
AGENT = "flotilla/0.1.0 (run 0199.3)"


class Script:
    """A connection that answers from a list.

    Args:
        answers: one for each request, in order: status and body.
    """

    request_timeout = timedelta(seconds=10)

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        self.forgotten = 0

    def send(self, method: str, path: str, headers: Mapping[str, str], _body: Any = None, *, permit: Permit) -> Answer:
        """Return the next answer."""
        assert permit is freely
        self.asked.append((method, path, headers))
        status, body = self._answers.pop(0)
        return Answer(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))

    def forget_kinds(self) -> None:
        """Count it."""
        self.forgotten += 1


def cluster(*answers: tuple[int, Any]) -> tuple[KubeCluster, Script]:
    script = Script(*answers)
    return KubeCluster(cast("Connection", script), AGENT, "", freely), script


def page(*names: str, token: str = "") -> dict[str, Any]:
    items = [{"metadata": {"name": name}} for name in names]
    return {"kind": "PartialObjectMetadataList", "metadata": {"continue": token}, "items": items}


def refusal(code: int, **more: Any) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "message": "no", **more}


def listed(port: KubeCluster) -> list[str]:
    return [meta.name for meta in port.list_meta(CONFIG_MAPS, namespace="", selector="x=y")]


def test_a_list_goes_on_where_its_page_ended() -> None:
    port, script = cluster((200, page("a", token="t 1")), (200, page("b")))
    assert listed(port) == ["a", "b"]
    assert script.asked[0][1] == "/api/v1/configmaps?labelSelector=x%3Dy&limit=500"
    assert script.asked[1][1].endswith("&continue=t+1")
    assert port.requests() == {"list": 2}


def test_a_list_whose_continuation_expired_begins_anew() -> None:
    port, _ = cluster((200, page("a", token="t")), refusal(410), (200, page("a", token="u")), (200, page("b")))
    assert listed(port) == ["a", "b"]


def test_a_list_that_keeps_expiring_is_no_list() -> None:
    port, _ = cluster(*[refusal(410)] * 3)
    with pytest.raises(GoneError):
        listed(port)


@pytest.mark.parametrize("body", [b"<html>", b'{"kind": "Status"}', b"[]", b'{"kind": "ConfigMapList"}'])
def test_what_is_no_list_is_never_an_empty_one(body: bytes) -> None:
    port, _ = cluster((200, body))
    with pytest.raises(GarbageError):
        listed(port)
    port, _ = cluster((200, body))
    with pytest.raises(GarbageError):
        port.list_objects(CONFIG_MAPS, namespace="", selector="")


def test_a_collection_that_is_gone_makes_the_kinds_be_read_anew() -> None:
    port, script = cluster(refusal(404))
    with pytest.raises(UnknownKindError):
        listed(port)
    port, other = cluster((404, b"404 page not found"))
    with pytest.raises(GarbageError):
        listed(port)
    assert (script.forgotten, other.forgotten) == (1, 1)


def test_only_a_404_that_names_the_object_says_that_it_does_not_exist() -> None:
    port, _ = cluster(refusal(404, details={"name": "a", "kind": "configmaps"}))
    assert port.get(WHERE) is None
    port, _ = cluster(refusal(404, details={}))
    with pytest.raises(UnknownKindError):
        port.get(WHERE)
    port, _ = cluster((404, b"not here"))
    with pytest.raises(GarbageError):
        port.get(WHERE)


def test_every_request_tells_run_and_attempt() -> None:
    port, script = cluster((200, {"metadata": {"name": "a"}}), (201, {"metadata": {"name": "a"}}), (404, {}))
    port.get(WHERE)
    assert port.apply(WHERE, b"{}", write=Write.REAL, ownership=Ownership.FORCE).created
    assert port.delete(WHERE, uid="u", resource_version="1") is None
    assert [headers["User-Agent"] for *_, headers in script.asked] == [AGENT] * 3
    assert script.asked[1][1].endswith("/configmaps/a?fieldManager=flotilla&force=true")


def test_a_dry_run_says_so_and_is_counted_apart() -> None:
    port, script = cluster((200, {"metadata": {"name": "a"}}))
    port.apply(WHERE, b"{}", write=Write.DRY_RUN, ownership=Ownership.RESPECT)
    assert script.asked[0][1].endswith("?fieldManager=flotilla&dryRun=All")
    assert port.requests() == {"dry-run": 1}
