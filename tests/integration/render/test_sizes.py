"""Files and objects of the largest sizes that the renderer of plain manifests takes."""

from __future__ import annotations

import pytest

from common.domain.errors import FlotillaError
from common.sources.faults import FileTooLargeError
from tests.fakes.trees import memory_tree
from workers.render import plain
from workers.render.faults import ManifestTooLargeError


@pytest.mark.parametrize(
    ("size", "error", "words"),
    [
        (10_000_000, FileTooLargeError, r"app/x\.yaml has"),
        (4_000_000, ManifestTooLargeError, r"app/x\.yaml:1: the object has"),
    ],
)
def test_a_file_or_an_object_that_is_too_large_is_refused(size: int, error: type[FlotillaError], words: str) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: " + "x" * size + "}\n"
    tree = memory_tree({"app/x.yaml": text})
    with pytest.raises(error, match=words):
        plain.render(tree, "app", plain.footprint(tree, "app", {}))
