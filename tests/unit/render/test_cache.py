"""The cache of rendered manifests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from common.domain.manifest_warnings import ManifestWarning
from common.domain.status import Reason
from tests.factories import rendered_by
from workers.render.cache import RenderCache, cache_key
from workers.render.manifests import Output, Sourced

OBJECTS = Output(
    (Sourced({"kind": "A", "data": {"b": 1, "a": [1.5, None, "é"]}}, "f:1"), Sourced({"kind": "B"}, "f:9")),
    (Reason(ManifestWarning.LOOKUP, {"template": "mind"}),),
)
KEY = cache_key("0" * 64, rendered_by("plain 1"), {"path": "app"})


def shared(root: Path, **more: Any) -> RenderCache:
    """Return a cache as each process of a machine has it."""
    return RenderCache(root, secret=b"s" * 32, **more)


def entry(root: Path) -> Path:
    (found,) = root.glob("*/*")
    return found


def test_what_was_put_is_found_by_another_process(tmp_path: Path) -> None:
    shared(tmp_path).put(KEY, OBJECTS)
    assert shared(tmp_path).get(KEY) == OBJECTS
    assert shared(tmp_path).get("f" * 64) is None


def test_only_the_owner_can_read_an_entry(tmp_path: Path) -> None:
    shared(tmp_path / "cache").put(KEY, OBJECTS)
    path = entry(tmp_path / "cache")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [b"", b"x", b"x" * 200])
def test_a_damaged_entry_counts_as_absent(tmp_path: Path, damage: bytes) -> None:
    shared(tmp_path).put(KEY, OBJECTS)
    path = entry(tmp_path)
    path.write_bytes(damage)
    assert shared(tmp_path).get(KEY) is None
    assert not path.exists()


def test_an_altered_entry_counts_as_absent(tmp_path: Path) -> None:
    shared(tmp_path).put(KEY, OBJECTS)
    path = entry(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"A"', b'"Z"'))
    assert shared(tmp_path).get(KEY) is None


@pytest.mark.parametrize(
    "other",
    [
        cache_key("1" * 64, rendered_by("plain 1"), {"path": "app"}),
        cache_key("0" * 64, rendered_by("plain 2"), {"path": "app"}),
        cache_key("0" * 64, rendered_by("plain 1"), {"path": "app2"}),
        cache_key("0" * 64, rendered_by("plain 1"), {"path": "app", "include": ["*"]}),
    ],
)
def test_everything_that_shapes_a_rendering_is_in_its_key(other: str) -> None:
    assert other != KEY


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    cache = shared(tmp_path, kept=1)
    keys = [cache_key(str(number), rendered_by("plain 1"), {"path": "app"}) for number in range(4)]
    for number, key in enumerate(keys):
        before = set(tmp_path.glob("*/*"))
        cache.put(key, OBJECTS)
        (path,) = set(tmp_path.glob("*/*")) - before
        os.utime(path, (number, number))
    assert shared(tmp_path).get(keys[0]) == OBJECTS  # used again
    size = path.stat().st_size
    shared(tmp_path, max_bytes=2 * size).clean()
    assert [key for key in keys if shared(tmp_path).get(key)] == [keys[0], keys[3]]


def test_a_cache_that_cannot_be_written_forgets(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = RenderCache(tmp_path / "file" / "cache", kept=0)
    cache.put(KEY, OBJECTS)
    assert cache.get(KEY) is None


def test_it_counts_where_its_answers_lay(tmp_path: Path) -> None:
    cache = shared(tmp_path)
    assert cache.get(KEY) is None
    cache.put(KEY, OBJECTS)
    assert cache.get(KEY) == OBJECTS
    assert cache.answers == {"none": 1, "memory": 1}
    later = shared(tmp_path)
    assert later.get(KEY) == OBJECTS
    assert later.answers == {"disk": 1}
