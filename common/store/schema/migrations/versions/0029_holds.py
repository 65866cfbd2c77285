"""holds: what keeps a placement, or a whole cluster, from being written to is a code with parameters.

Revision 0029, after 0028.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_PLACEMENTS = sa.table(
    "placements", *map(sa.column, ("id", "state", "hindrance", "hold_code")), sa.column("hold_params", JSON)
)
_CLUSTERS = sa.table(
    "clusters", *map(sa.column, ("name", "blocked", "blocked_code")), sa.column("blocked_params", JSON)
)
_WORDS = {
    "paused": "placement.paused",
    "sync.mode is manual: waits for `flotilla sync`": "sync.manual",
    "the cluster is joining: nothing is written until its state is active": "cluster.joining",
    "frozen: the cluster's document is gone from the registry": "cluster.undeclared",
    "frozen: the cluster's state is frozen": "cluster.frozen",
    "the cluster is retired: it is left alone": "cluster.retired",
    "nothing places it any more; its objects are left alone": "placement.unplaced",
    "its source was not resolved yet": "source.unresolved",
    "its cluster is draining": "cluster.draining",
    "its application is retired": "application.retired",
    "no target matches it any more and onUnmatch is delete": "placement.unmatched",
}
_CHANGED = re.compile(r"identity changed: another cluster answers at its address \(([^ ,]*), was ([^ )]*)\)")
_SAME = "the same cluster as "
_ASKED = re.compile(r"waits for an approval: (\d+) placements? would leave \((.*)\)")


def upgrade() -> None:
    """Make the change. What planning would say is stored as it would; other words stay readable."""
    for table, code in (("placements", "hold"), ("clusters", "blocked")):
        op.add_column(table, sa.Column(f"{code}_code", sa.String(length=100), server_default="", nullable=False))
        op.add_column(table, sa.Column(f"{code}_params", JSON, nullable=True))
    connection = op.get_bind()
    for name, words in connection.execute(
        sa.select(_CLUSTERS.c.name, _CLUSTERS.c.blocked).where(_CLUSTERS.c.blocked != "")
    ).all():
        code, params = _of_cluster(words)
        op.execute(_CLUSTERS.update().where(_CLUSTERS.c.name == name).values(blocked_code=code, blocked_params=params))
    for words in connection.execute(
        sa.select(_PLACEMENTS.c.hindrance).where(_PLACEMENTS.c.hindrance != "").distinct()
    ).scalars():
        code, params = _of_placement(words)
        mine = _PLACEMENTS.update().where(_PLACEMENTS.c.hindrance == words)
        op.execute(mine.values(hold_code=code, hold_params=params))
    op.drop_index("ix_placements_hindered", "placements")
    op.drop_column("placements", "hindrance")
    op.drop_column("clusters", "blocked")
    held = sa.text("hold_code <> ''")
    op.create_index("ix_placements_held", "placements", ["id"], sqlite_where=held, postgresql_where=held)


def downgrade() -> None:
    """Take the change back. Planning says anew what holds a placement; no cluster is let go."""
    op.add_column("placements", sa.Column("hindrance", sa.Text(), server_default="", nullable=False))
    op.add_column("clusters", sa.Column("blocked", sa.Text(), server_default="", nullable=False))
    rows = sa.select(_CLUSTERS.c.name, _CLUSTERS.c.blocked_code, _CLUSTERS.c.blocked_params)
    for name, code, params in op.get_bind().execute(rows.where(_CLUSTERS.c.blocked_code != "")).all():
        words = _in_words(code, params or {})
        op.execute(_CLUSTERS.update().where(_CLUSTERS.c.name == name).values(blocked=words))
    op.drop_index("ix_placements_held", "placements")
    for table, code in (("placements", "hold"), ("clusters", "blocked")):
        op.drop_column(table, f"{code}_params")
        op.drop_column(table, f"{code}_code")
    hindered = sa.text("hindrance <> ''")
    op.create_index("ix_placements_hindered", "placements", ["id"], sqlite_where=hindered, postgresql_where=hindered)


def _of_cluster(words: str) -> tuple[str, dict[str, Any] | None]:
    if found := _CHANGED.fullmatch(words):
        return "cluster.identity-changed", {"identity": found[1], "was": found[2]}
    if words.startswith(_SAME):
        return "cluster.same", {"others": words.removeprefix(_SAME).split(", ")}
    return "told", {"text": words}


def _of_placement(words: str) -> tuple[str, dict[str, Any] | None]:
    if words in _WORDS:
        return _WORDS[words], None
    if found := _ASKED.fullmatch(words):
        return "placement.leaving-asked", {"placements": int(found[1]), "why": _WORDS.get(found[2], found[2])}
    if not words.startswith("blocked: "):
        return "source.unreadable", {"message": words}
    blocked = words.removeprefix("blocked: ")
    code, params = _of_cluster(blocked)
    return ("application.blocked", {"message": blocked}) if code == "told" else (code, params)


def _in_words(code: str, params: dict[str, Any]) -> str:
    if code == "cluster.identity-changed":
        found, was = params.get("identity"), params.get("was")
        return f"identity changed: another cluster answers at its address ({found}, was {was})"
    if code == "cluster.same":
        return _SAME + ", ".join(params.get("others", ()))
    return str(params.get("text", code))
