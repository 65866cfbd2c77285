"""The admin endpoints: clusters added and removed, faults set, identity changed, counters read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulator import api
from simulator.errors import ApiError, bad_request, method_not_allowed, no_such_page
from simulator.faults import parse_fault
from simulator.hub import Hosted, Hub
from simulator.request import Answer, Request, json_answer
from simulator.store import ClusterOptions

Json = dict[str, Any]


def answer(hub: Hub, request: Request, path: str) -> Answer:
    """Return the answer to an admin request; ``path`` is below ``/admin/``.

    ``clusters``: GET lists, POST ``{"name", "readyAfterMs"?}`` adds. ``clusters/NAME``: GET, DELETE.
    ``clusters/NAME/faults``: GET, PUT a list or POST one (see ``faults.parse_fault``), DELETE ends all.
    ``clusters/NAME/requests``: GET counts by verb, DELETE resets. ``clusters/NAME/identity``: POST changes it.
    """
    try:
        return _answer(hub, request, path.strip("/").split("/"))
    except ApiError as error:
        return api.refusal(error)
    except (ValueError, TypeError) as error:
        return api.refusal(bad_request(str(error)))


def _answer(hub: Hub, request: Request, parts: list[str]) -> Answer:
    if parts == ["clusters"]:
        return _clusters(hub, request)
    hosted = hub.hosted.get(parts[1]) if parts[0] == "clusters" and len(parts) in (2, 3) else None
    if hosted is None:
        raise no_such_page()
    if len(parts) == 2:
        if request.method == "DELETE":
            hub.remove(parts[1])
            return json_answer(200, {})
        return json_answer(200, _described(hosted))
    handlers = {"faults": _faults, "requests": _requests, "identity": _identity}
    if parts[2] not in handlers:
        raise no_such_page()
    return handlers[parts[2]](hub, hosted, request)


def _described(hosted: Hosted) -> Json:
    cluster = hosted.cluster
    return {
        "name": cluster.name,
        "token": hosted.token,
        "objects": sum(len(shelf) for shelf in cluster.objects.values()),
        "faults": [fault.kind.value for fault in hosted.faults],
        "requests": dict(hosted.requests),
    }


def _clusters(hub: Hub, request: Request) -> Answer:
    if request.method == "POST":
        wanted = request.document()
        after = wanted.get("readyAfterMs")
        options = ClusterOptions() if after is None else ClusterOptions(timedelta(milliseconds=int(after)))
        return json_answer(201, _described(hub.add(str(wanted["name"]), options)))
    return json_answer(200, {"clusters": sorted(hub.hosted)})


def _faults(hub: Hub, hosted: Hosted, request: Request) -> Answer:
    now = hub.clock()
    if request.method == "DELETE":
        hosted.faults = []
    elif request.method == "POST":
        hosted.faults.append(parse_fault(request.document(), now=now))
    elif request.method == "PUT":
        hosted.faults = [parse_fault(each, now=now) for each in request.document().get("faults", [])]
    elif request.method != "GET":
        raise method_not_allowed()
    return json_answer(200, {"faults": [fault.kind.value for fault in hosted.faults if not fault.over(now)]})


def _requests(_: Hub, hosted: Hosted, request: Request) -> Answer:
    counted = dict(hosted.requests)
    if request.method == "DELETE":
        hosted.requests.clear()
    return json_answer(200, counted)


def _identity(_: Hub, hosted: Hosted, request: Request) -> Answer:
    if request.method != "POST":
        raise method_not_allowed()
    api.change_identity(hosted.cluster)
    stored = hosted.cluster.get(hosted.cluster.kinds[("", "v1", "namespaces")], api.IDENTITY)
    return json_answer(200, {"uid": stored.uid if stored else ""})
