"""Writes the initial revision anew from the tables: ``python -m common.db.migrations.regenerate``.

Only until the first release. From then on a change is a revision of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from common.db.schema import MIGRATIONS, config
from common.db.session import Database

_INITIAL = MIGRATIONS / "versions" / "0001_initial.py"
_GUARDS_UP = "    triggers.create(op.get_bind())\n"
_GUARDS_DOWN = "    triggers.drop(op.get_bind())\n"


def main() -> None:
    """Replace the initial revision."""
    _INITIAL.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/empty.db").write() as connection:
        command.revision(config(connection), message="initial", autogenerate=True, rev_id="0001")
    lines = _INITIAL.read_text(encoding="utf-8").splitlines(keepends=True)
    written = "".join(line for line in lines if not line.startswith("    # ###"))
    head, down = written.split("def downgrade() -> None:\n")
    head = head.replace("from alembic import op\n", "from alembic import op\n\nfrom common.db import triggers\n", 1)
    body = f"{head.rstrip()}\n{_GUARDS_UP}\n\ndef downgrade() -> None:\n{_GUARDS_DOWN}{down}"
    _INITIAL.write_text(body, encoding="utf-8")
    for arguments in (("format", "-q"), ("check", "--fix", "-q")):
        subprocess.run([str(Path(sys.executable).with_name("ruff")), *arguments, str(_INITIAL)], check=True)


if __name__ == "__main__":
    main()
