"""Manifests as a stream of YAML."""

from __future__ import annotations

from console.inspect.stream import stream
from workers.render.manifests import Sourced


def test_each_object_says_where_it_came_from() -> None:
    objects = [Sourced({"kind": "A"}, "a.yaml:1"), Sourced({"kind": "B"}, "b\n---\nkind: Evil.yaml:3")]
    assert stream(objects).splitlines() == [
        "---",
        "# Source: a.yaml:1",
        "kind: A",
        "---",
        r"# Source: b\n---\nkind: Evil.yaml:3",
        "kind: B",
    ]
