"""Keys are made once, kept from others, and never guessed."""

from __future__ import annotations

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.broker.errors import KeyFileError
from common.broker.keys import KEY_BYTES, MessageKeys, hub_key, message_keys
from common.settings import Settings

FIRST, SECOND = "1" * 64, "2" * 64
Load = Callable[[Settings], object]


def settings(home: Path) -> Settings:
    return Settings(home=home)


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.touch()
    path.chmod(mode)
    path.write_text(text)


@pytest.mark.parametrize(("load", "name"), [(message_keys, "message.keys"), (hub_key, "hub.key")])
def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path, load: Load, name: str) -> None:
    home = tmp_path / "home"
    made = load(settings(home))
    assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert load(settings(home)) == made
    assert [path.name for path in home.iterdir()] == [name], "nothing else is left behind"


@pytest.mark.parametrize("load", [message_keys, hub_key])
def test_two_hubs_have_different_keys(tmp_path: Path, load: Load) -> None:
    assert load(settings(tmp_path / "a")) != load(settings(tmp_path / "b"))


def test_keys_are_long_enough(tmp_path: Path) -> None:
    keys = message_keys(settings(tmp_path))
    assert [len(key) for key in keys.by_id.values()] == [KEY_BYTES]
    assert len(hub_key(settings(tmp_path))) == KEY_BYTES


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o601])
@pytest.mark.parametrize(("load", "name"), [(message_keys, "message.keys"), (hub_key, "hub.key")])
def test_a_file_that_others_can_touch_is_refused(tmp_path: Path, load: Load, name: str, mode: int) -> None:
    load(settings(tmp_path))
    (tmp_path / name).chmod(mode)
    with pytest.raises(KeyFileError, match="can be read by others") as refused:
        load(settings(tmp_path))
    assert refused.value.remedy == f"chmod 600 {tmp_path / name}"


def test_the_first_line_signs_and_the_others_verify(tmp_path: Path) -> None:
    write(tmp_path / "message.keys", f"\n next:{SECOND}\n\nbefore:{FIRST}\n")
    keys = message_keys(settings(tmp_path))
    assert keys == MessageKeys("next", {"next": bytes.fromhex(SECOND), "before": bytes.fromhex(FIRST)})


@pytest.mark.parametrize(
    "text", ["", "\n", FIRST, f":{FIRST}", f"k 1:{FIRST}", f"k1:{FIRST[:-1]}", f"k1:{FIRST}0", f"k1:{FIRST}\nk2:xyz"]
)
def test_a_file_that_holds_anything_but_keys_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    write(tmp_path / "message.keys", text)
    with pytest.raises(KeyFileError) as refused:
        message_keys(settings(tmp_path))
    assert "1111" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "abc", FIRST[:-1], f"{FIRST}0", "G" * 64])
def test_a_hub_key_that_is_damaged_is_never_replaced_by_itself(tmp_path: Path, text: str) -> None:
    write(tmp_path / "hub.key", text)
    with pytest.raises(KeyFileError):
        hub_key(settings(tmp_path))
    assert (tmp_path / "hub.key").read_text() == text


def test_processes_that_start_together_use_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: message_keys(settings(tmp_path)).by_id["k1"], range(64)))
    assert len(set(found)) == 1


def test_a_key_that_another_process_made_in_the_meantime_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = message_keys(settings(tmp_path))
    monkeypatch.setattr(Path, "exists", lambda _path: False)  # what it was when this process looked
    assert message_keys(settings(tmp_path)) == made


def test_keys_are_not_printed(tmp_path: Path) -> None:
    keys = message_keys(settings(tmp_path))
    assert keys.by_id["k1"].hex() not in repr(keys)
    assert repr(keys.by_id["k1"]) not in repr(keys)
