"""A confined program's folder is gone afterwards, whatever it made there: what was decrypted for it stays nowhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from common.sandbox.scratch import ScratchFolder
from tests.security.rendering.attacks import BOUNDS
from workers.render import sandbox

MADE = {
    "deep": "for _ in range(3000): os.mkdir('d'); os.chdir('d')",
    "deep, files on the way": "for _ in range(1200): open('f', 'w').close(); os.mkdir('d'); os.chdir('d')",
    "long names": "for _ in range(60): os.mkdir('n' * 250); os.chdir('n' * 250)",
    "closed": "os.mkdir('a'); os.mkdir('a/b', 0); os.mkdir('c', 0)",
    "wide": "[os.mkdir(str(n)) for n in range(2500)]; [open(f'{n}/f', 'w').close() for n in range(0, 2500, 50)]",
    "names of no language": "os.mkdir(b'\\xff\\x01\\n'); os.chdir(b'\\xff\\x01\\n'); open(b'\\xfe', 'w').close()",
}


@pytest.mark.parametrize("made", MADE)
def test_nothing_is_left_of_what_a_program_made(made: str) -> None:
    with ScratchFolder("flotilla-test-") as folder:
        command = [sys.executable, "-I", "-S", "-c", f"import os\n{MADE[made]}\nprint('made')"]
        assert sandbox.run(command, folder=Path(folder), what="app", bounds=BOUNDS) == b"made\n"
    assert not Path(folder).exists()


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    """Where nothing is confined, a program can make links."""
    (kept := tmp_path / "kept").mkdir(mode=0o750)
    (kept / "file").write_text("kept")
    with ScratchFolder("flotilla-test-", place=str(tmp_path)) as folder:
        os.symlink(kept, f"{folder}/folder")
        os.symlink(kept / "file", f"{folder}/file")
        Path(folder, "deep").mkdir()
        os.symlink("../..", f"{folder}/deep/up")
    assert not Path(folder).exists()
    assert (kept / "file").read_text() == "kept"
    assert kept.stat().st_mode & 0o777 == 0o750


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    folder = ScratchFolder("flotilla-test-", place=str(tmp_path))
    os.rmdir(folder.name)
    folder.cleanup()
    folder.cleanup()
