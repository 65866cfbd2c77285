"""The advisory of July 2026 and kin: entries that somebody else put into, or changed in, the cache of renderings."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.factories import rendered_by
from tests.fakes.trees import memory_tree
from tests.security.rendering.attacks import OBJECT
from workers.render.cache import RenderCache, cache_key
from workers.render.manifests import Output, Sourced
from workers.render.renderers import Renderers, _inputs
from workers.render.request import RenderRequest

OURS, THEIRS = ({"app/a.yaml": OBJECT % name} for name in ("ours", "theirs"))
REQUEST = RenderRequest.at("app")


SECRET = b"s" * 32


def name_of(root: Path, files: dict[str, str] = OURS) -> str:
    """Return the name that comes out for a worker that knows nothing but what is on its disk."""
    tree = memory_tree(files)
    renderers = Renderers(RenderCache(root, secret=SECRET))
    done = renderers.render(lambda _: tree, REQUEST, renderers.resolve(tree, REQUEST))
    return str(done.manifests[0]["metadata"]["name"])


def entries(root: Path) -> dict[str, Path]:
    """Return the entries by what they hold."""
    found = [path for path in root.glob("*/*") if path.is_file()]
    return {name: path for path in found for name in ("ours", "theirs") if name.encode() in path.read_bytes()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cache with two entries."""
    root = tmp_path / "cache"
    assert (name_of(root, OURS), name_of(root, THEIRS)) == ("ours", "theirs")
    return root


def _forged(ours: Path, theirs: Path) -> None:
    content = theirs.read_bytes()[65:]
    ours.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def _forged_over_what_it_names(ours: Path, theirs: Path) -> None:
    content = theirs.read_bytes()[65:]
    ours.write_bytes(hashlib.sha256(ours.name.encode() + b"\n" + content).hexdigest().encode() + b"\n" + content)


def _forged_by_another_secret(ours: Path, theirs: Path) -> None:
    content = theirs.read_bytes()[65:]
    digest = hmac.digest(b"t" * 32, b"entry\n" + ours.name.encode() + b"\n" + content, "sha256")
    ours.write_bytes(digest.hex().encode() + b"\n" + content)


def _linked(ours: Path, theirs: Path) -> None:
    ours.unlink()
    ours.symlink_to(theirs)


def _hard_linked(ours: Path, theirs: Path) -> None:
    ours.unlink()
    ours.hardlink_to(theirs)


def _swapped(ours: Path, theirs: Path) -> None:
    between = ours.with_name("between")
    ours.rename(between)
    theirs.rename(ours)
    between.rename(theirs)


def _piped(ours: Path, _theirs: Path) -> None:
    ours.unlink()
    os.mkfifo(ours, 0o600)


def _replaced_by_a_folder(ours: Path, _theirs: Path) -> None:
    ours.unlink()
    ours.mkdir(0o700)


def _truncated(ours: Path, _theirs: Path) -> None:
    os.truncate(ours, ours.stat().st_size - 1)


def _altered(ours: Path, _theirs: Path) -> None:
    ours.write_bytes(ours.read_bytes().replace(b"ours", b"evil"))


ATTACKS: list[Callable[[Path, Path], None]] = [
    _forged,
    _forged_over_what_it_names,
    _forged_by_another_secret,
    _linked,
    _hard_linked,
    _swapped,
    _piped,
    _replaced_by_a_folder,
    _truncated,
    _altered,
]


def test_who_knows_what_is_rendered_and_not_the_secret_can_forge_no_entry(root: Path, tmp_path: Path) -> None:
    """An entry under the very key of ours, made by our own code, is what a renderer that got out could make."""
    tree = memory_tree(OURS)
    resolved = Renderers(RenderCache(root)).resolve(tree, REQUEST)
    key = cache_key(resolved.source_digest, resolved.renderers, _inputs(REQUEST, resolved.renderers))
    theirs = Output((Sourced(yaml.safe_load(OBJECT % "theirs"), "app/a.yaml"),), ())
    assert RenderCache(root, secret=SECRET).get(key) is not None, "it is the key of ours"
    for number, secret in enumerate((None, b"t" * 32, hashlib.sha256(SECRET).digest())):
        RenderCache(tmp_path / f"forged{number}", secret=secret).put(key, theirs)
        shutil.copytree(tmp_path / f"forged{number}", root, dirs_exist_ok=True)
        assert name_of(root) == "ours"


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_entry_that_is_not_what_was_put_there_is_never_rendered_from(
    root: Path, attack: Callable[[Path, Path], None]
) -> None:
    found = entries(root)
    attack(found["ours"], found["theirs"])
    assert name_of(root, OURS) == "ours"
    assert name_of(root, THEIRS) == "theirs"


def test_an_entry_that_others_may_write_is_never_rendered_from(tmp_path: Path) -> None:
    key = cache_key("0" * 64, rendered_by("plain 1"), {})
    cache = RenderCache(tmp_path, kept=0)
    for mode in (0o666, 0o620, 0o602, 0o640):
        cache.put(key, Output((Sourced({"kind": "A"}, "a:1"),)))
        assert cache.get(key) is not None
        (entry,) = tmp_path.glob("*/*")
        entry.chmod(mode)
        assert cache.get(key) is None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_is_not_read_and_closed_at_the_next_entry(tmp_path: Path, mode: int) -> None:
    key = cache_key("0" * 64, rendered_by("plain 1"), {})
    cache = RenderCache(tmp_path, kept=0)
    cache.put(key, Output((Sourced({"kind": "A"}, "a:1"),)))
    (folder,) = tmp_path.iterdir()
    folder.chmod(mode)
    assert cache.get(key) is None
    cache.put(key, Output((Sourced({"kind": "A"}, "a:1"),)))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache.get(key) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("of", ["file", "folder"])
def test_what_belongs_to_another_is_never_rendered_from(root: Path, of: str) -> None:
    ours = entries(root)["ours"]
    os.chown(ours if of == "file" else ours.parent, 12_345, 12_345)
    assert name_of(root) == "ours"


def test_a_folder_that_is_a_link_is_neither_read_nor_written_nor_cleaned(root: Path, tmp_path: Path) -> None:
    ours = entries(root)["ours"]
    elsewhere = tmp_path / "elsewhere"
    ours.parent.rename(elsewhere)
    ours.parent.symlink_to(elsewhere)
    (elsewhere / "marker").write_text("untouched")
    before = {path.name: path.stat().st_mtime_ns for path in elsewhere.iterdir()}
    assert name_of(root) == "ours"
    RenderCache(root, max_bytes=0).clean()
    assert {path.name: path.stat().st_mtime_ns for path in elsewhere.iterdir()} == before


def test_the_cache_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        name_of(tmp_path / "cache")
    finally:
        os.umask(before)
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "cache").rglob("*"))
