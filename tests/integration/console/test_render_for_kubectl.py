"""What ``flotilla render`` prints, kubectl reads as the very objects: whatever texts and numbers are in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from console.inspect.stream import stream
from tests.controlplane.build import find
from tests.fixtures.services import unavailable
from tests.harness.yaml_texts import ODD, TEXTS, VALUES, alike, drawn
from workers.public.rendering import Sourced

MANY = 1_000


def _boxes(specs: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"apiVersion": "example.com/v1", "kind": "Box", "metadata": {"name": f"b{number}"}, "spec": {"value": spec}}
        for number, spec in enumerate(specs)
    ]


def _read_by_kubectl(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a stream as kubectl takes them; it asks no server for that."""
    program = find("kubectl")
    if program is None:
        unavailable("kubectl", "make controlplane")
    command = [str(program), "label", "--local", "--dry-run=client", "--output=json", "--filename=-", "read=yes"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=120)
    said, at = done.stdout.decode().strip(), 0
    while at < len(said):
        found, at = json.JSONDecoder().raw_decode(said, at)
        yield found
        at += len(said[at:]) - len(said[at:].lstrip())


def _fits(value: Any) -> bool:
    """Return whether every whole number in it fits 64 bits with a sign: kubectl makes fractions of larger ones."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_fits, inside)) and (not isinstance(value, int) or value < 2**63)


@pytest.mark.service("kubectl")
def test_kubectl_reads_what_is_printed_as_the_very_objects() -> None:
    specs = [*ODD, *({text: [text]} for text in ODD), *drawn(TEXTS, MANY), *filter(_fits, drawn(VALUES, MANY // 2))]
    objects = _boxes(specs)
    origins = ("a.yaml:1", "a\n---\nkind: B.yaml:1", "é 'x'.yaml:1", "\u2028.yaml:1")
    text = stream(Sourced(one, origins[number % len(origins)]) for number, one in enumerate(objects))
    read = list(_read_by_kubectl(text))
    assert [one["metadata"]["name"] for one in read] == [one["metadata"]["name"] for one in objects]
    for one, found in zip(objects, read, strict=True):
        assert alike(one["spec"], found["spec"]), one
