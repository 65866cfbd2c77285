"""What the containers of a placement's pods wrote, those of its hooks' Jobs too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from common.domain.errors import PermanentError
from common.domain.inspections import LARGEST, Question
from common.domain.refs import ObjectId
from common.domain.secrecy import Secrets
from workers.inspect.details import details_of
from workers.inspect.masking import all_secrets
from workers.inspect.place import Notes, NotOfItError, Place, found, read
from workers.inspect.texts import lines_of
from workers.kube.logs import Wanted
from workers.sync.concurrent import each

MOST_PODS = 20
"""Pods that are looked at to find those whose logs are wanted."""
MOST_LOGS = 8
"""Containers whose logs are in one answer."""
BYTES = 128 * 1024
"""Of one log."""
_POD = ("", "Pod")


class NoContainerError(PermanentError):
    """None of the pods has a container of that name."""

    code = "inspection.container"


def logs(place: Place, question: Question) -> Mapping[str, Any]:
    """Return the last lines of the containers of an object's pods; of pods that are not ready first.

    Raises:
        NotOfItError: the object is not there, or no pod hangs on it.
        NoContainerError: none of its pods has such a container.
        FlotillaError: what is secret in them is not known, so that they cannot be shown.
    """
    notes, secrets = Notes(), all_secrets(place)
    belonging = found(place, notes)
    uids = belonging.uids
    pods = {one: uids[one] for one in belonging.below(question.object) if (one.group, one.kind) == _POD}
    if not pods:
        message = "no pod belongs to what was asked for"
        raise NotOfItError(message, remedy="`flotilla tree CLUSTER/APP` lists what there is.")
    chosen = _containers(place, notes, pods, question.container)
    if not chosen:
        message = f"no pod has a container {question.container!r}" if question.container else "no pod could be read"
        raise NoContainerError(message, remedy="`flotilla tree CLUSTER/APP -o json` names the containers of each.")
    if len(chosen) > MOST_LOGS:
        notes.add(f"logs of the first {MOST_LOGS} of {len(chosen)} containers; name an object to see its own")
    written: dict[tuple[ObjectId, str], dict[str, Any]] = {}

    def look(one: tuple[ObjectId, str]) -> None:
        told = notes.tried(f"the log of {one[0].name}, {one[1]}", partial(_log, place, *one, question, secrets))
        if told is not None:
            written[one] = told

    each(place.executor, look, chosen[:MOST_LOGS])
    return within({"logs": [written[one] for one in chosen if one in written], "notes": notes.said})


def _containers(place: Place, notes: Notes, pods: Mapping[ObjectId, str], container: str) -> list[tuple[ObjectId, str]]:
    """Return whose logs are wanted: of what is not ready first, then of what is newest."""
    if len(pods) > MOST_PODS:
        notes.add(f"the first {MOST_PODS} of {len(pods)} pods are looked at")
    ranked: list[tuple[tuple[bool, str], ObjectId, tuple[str, ...]]] = []

    def look(one: ObjectId) -> None:
        manifest = notes.tried(f"Pod {one.name}", partial(read, place, one))
        # The name may have become another's since: what is read has to be what was found.
        if manifest and manifest["metadata"].get("uid") == pods[one]:
            details = details_of(manifest)
            ranked.append(((details.ready == details.wanted, one.name), one, details.containers))

    each(place.executor, look, sorted(pods)[:MOST_PODS])
    return [(pod, name) for _, pod, names in sorted(ranked) for name in names if name and container in {"", name}]


def _log(place: Place, pod: ObjectId, container: str, question: Question, secrets: Secrets) -> dict[str, Any]:
    wanted = Wanted(container, question.lines, BYTES, previous=question.previous, since=question.since)
    log = place.logs.read(pod.namespace, pod.name, wanted)
    lines = list(lines_of(log.raw.removesuffix(b"\n"), secrets)) if log.raw else []
    return {"pod": pod.name, "namespace": pod.namespace, "container": container, "lines": lines, "cut": log.cut}


def within(answer: dict[str, Any], most: int = LARGEST) -> dict[str, Any]:
    """Return an answer of logs of at most ``most`` bytes: the oldest lines of the longest log go first."""
    while (size := len(json.dumps(answer))) > most and (longest := max(_logs(answer), key=_weight, default=None)):
        kept = longest["lines"]
        # In halves: what is too large by a little is cut once, what is by a lot some times.
        longest["lines"], longest["cut"] = kept[len(kept) // 2 + 1 :], True
        if not kept:
            message = f"{size} bytes that are no lines"
            raise AssertionError(message)
    return answer


def _logs(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from answer["logs"]


def _weight(log: Mapping[str, Any]) -> int:
    return sum(map(len, log["lines"]))
