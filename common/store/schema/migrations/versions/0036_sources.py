"""sources: each source of a placement's revision is a row, and each of a run's an item of a list; renderers are a list.

Until now what the sources were resolved to was one text, a plus between two, and their renderers another. Of which
source a commit was, that text does not say: it is found by the source's number where there is one source, and by what
it was last resolved to where there are several. Where neither tells, the source stays empty, and planning fills it in.

History may be long: each statement changes a bounded number of rows, found by their primary key.

Revision 0036, after 0037.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0036"
down_revision = "0037"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONGEST = 649
_BATCH = 5_000
"""As many rows one statement changes."""
_SEVERAL = "LIKE '%+%'"

_ITEM = ("repo", "credentials", "ref", "commit", "renderers")
_ONE = {
    # one source as an item: what the commit is, and which table has the source
    "postgresql": "jsonb_build_array(jsonb_build_object('repo', coalesce({of}.repo, ''), "
    "'credentials', coalesce({of}.credentials, ''), 'ref', coalesce({of}.ref, ''), 'commit', {commit}, "
    "'renderers', CAST('[]' AS jsonb)))",
    "sqlite": "json_array(json_object('repo', coalesce({of}.repo, ''), 'credentials', coalesce({of}.credentials, ''), "
    "'ref', coalesce({of}.ref, ''), 'commit', {commit}, 'renderers', json('[]')))",
}
_SPLIT = {
    "postgresql": "CASE renderer WHEN '' THEN CAST('[]' AS jsonb) ELSE to_jsonb(string_to_array(renderer, ', ')) END",
    "sqlite": "CASE renderer WHEN '' THEN '[]' ELSE replace(json_array(renderer), ', ', '\",\"') END",
}
_JOINED = {
    "postgresql": "(SELECT string_agg(one ->> 'commit', '+' ORDER BY number) "
    "FROM jsonb_array_elements({}) WITH ORDINALITY AS found(one, number))",
    "sqlite": "(SELECT group_concat(json_extract(value, '$.commit'), '+') FROM json_each({}))",
}
_WANTED = {
    "postgresql": """
      SELECT string_agg(s."commit", '+' ORDER BY s.position) FROM placement_sources AS s
      WHERE s.placement_id = placements.id
    """,
    "sqlite": """
      SELECT group_concat("commit", '+') FROM (
        SELECT s."commit" FROM placement_sources AS s WHERE s.placement_id = placements.id ORDER BY s.position)
    """,
}
_RENDERERS = {
    "postgresql": "left((SELECT string_agg(one, ', ' ORDER BY number) "
    "FROM jsonb_array_elements_text(renderers) WITH ORDINALITY AS found(one, number)), 64)",
    "sqlite": "(SELECT group_concat(value, ', ') FROM json_each(renderers))",
}
_KNOWN = sa.text("""
SELECT d.application, s.repo, s.credentials, s.ref, d."commit", d.renderers FROM source_digests AS d JOIN sources AS s
ON s.id = d.source_id ORDER BY s.id
""").columns(renderers=JSON)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "placement_sources",
        sa.Column("placement_id", _ID, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("credentials", sa.String(length=253), nullable=False),
        sa.Column("ref", sa.String(length=253), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("renderers", JSON, nullable=False),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_placement_sources_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "position", name=op.f("pk_placement_sources")),
    )
    op.add_column("source_digests", sa.Column("renderers", JSON, server_default="[]", nullable=False))
    op.add_column("runs", sa.Column("sources", JSON, nullable=True))
    op.add_column("placements", sa.Column("applied_sources", JSON, nullable=True))
    dialect = op.get_bind().dialect.name
    op.execute(f"UPDATE source_digests SET renderers = {_SPLIT[dialect]}")  # noqa: S608 - constants
    _move_single(dialect)
    _move_several()
    for table, column in (
        ("source_digests", "renderer"),
        ("runs", "commit"),
        ("placements", "desired_commit"),
        ("placements", "applied_commit"),
    ):
        op.drop_column(table, column)


def _move_single(dialect: str) -> None:
    """Move what has one source. Without a plus in it, a text is one commit."""
    item = _ONE[dialect]
    by_number = "SELECT {} FROM (SELECT 1) AS one LEFT JOIN sources AS s ON s.id = {}"
    run = by_number.format(item.format(of="s", commit='runs."commit"'), "runs.source_id")
    # What is applied may be of a source that is followed no longer; that it is what is wanted tells that it is not.
    as_wanted = (
        "placements.source_id AND placements.applied_source_digest = placements.desired_source_digest "
        "AND placements.applied_parameters_digest = placements.desired_parameters_digest"
    )
    applied = by_number.format(item.format(of="s", commit="placements.applied_commit"), as_wanted)
    for name, before, after, found in (
        ("runs", "commit", "sources", run),
        ("placements", "applied_commit", "applied_sources", applied),
    ):
        table = _table(name)
        one = table.update().where(table.c[before].not_like("%+%")).values({after: sa.text(f"({found})")})
        for those in _ranges(table.c.id):
            op.execute(one.where(those))
    # A source that was changed and could not be resolved since has not given what is wanted.
    op.execute(
        f"""
        INSERT INTO placement_sources (placement_id, position, repo, credentials, ref, "commit", renderers)
        SELECT p.id, 0, coalesce(s.repo, ''), coalesce(s.credentials, ''), coalesce(s.ref, ''), p.desired_commit,
          coalesce(d.renderers, '[]')
        FROM placements AS p
        LEFT JOIN source_digests AS d
          ON d.source_id = p.source_id AND d.application = p.application AND d.digest = p.desired_source_digest
        LEFT JOIN sources AS s ON s.id = d.source_id
        WHERE p.desired_commit NOT {_SEVERAL}
        """  # noqa: S608 - constants
    )


def _move_several() -> None:
    """Move what has several sources."""
    connection = op.get_bind()
    known: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(_KNOWN).mappings():
        known.setdefault(row["application"], []).append({name: row[name] for name in _ITEM})
    for name, before, after in (("runs", "commit", "sources"), ("placements", "applied_commit", "applied_sources")):
        table = _table(name)
        moved = (
            table.update().where(table.c.id == sa.bindparam("row")).values({after: sa.bindparam("items", type_=JSON)})
        )
        for those in _joined(table, before):
            rows = [
                {"row": id_, "items": [one | {"renderers": []} for one in _matched(known, application, joined)]}
                for id_, application, joined in those
            ]
            connection.execute(moved, rows)
    placed = _table("placement_sources")
    for those in _joined(_table("placements"), "desired_commit"):
        rows = [
            {"placement_id": id_, "position": position, **one}
            for id_, application, joined in those
            for position, one in enumerate(_matched(known, application, joined))
        ]
        connection.execute(placed.insert(), rows)


def _joined(table: sa.TableClause, column: str) -> Iterator[list[tuple[Any, str, str]]]:
    """Yield the rows whose commits are joined: the id, the application and the text of each; never an empty list."""
    joined = sa.select(table.c.id, table.c.application, table.c[column]).where(table.c[column].like("%+%"))
    for those in _ranges(table.c.id):
        if found := [(id_, name, text) for id_, name, text in op.get_bind().execute(joined.where(those))]:
            yield found


def _ranges(key: sa.ColumnClause[Any]) -> Iterator[sa.ColumnElement[bool]]:
    """Yield conditions that part a table by its ``key``, in its order, into ``_BATCH`` rows each."""
    after: sa.ColumnElement[bool] = sa.true()
    while True:
        last = op.get_bind().execute(sa.select(key).where(after).order_by(key).offset(_BATCH - 1).limit(1)).scalar()
        yield after if last is None else sa.and_(after, key <= last)
        if last is None:
            return
        after = key > last


def _matched(known: Mapping[str, list[dict[str, Any]]], application: str, joined: str) -> list[dict[str, Any]]:
    """Return the sources of a joined text: each of those that the application follows, by what it was resolved to."""
    left = list(known.get(application, ()))
    found: list[dict[str, Any]] = []
    for commit in joined.split("+"):
        one = next((row for row in left if row["commit"] == commit), None)
        if one is not None:
            left.remove(one)
        found.append(one or {"repo": "", "credentials": "", "ref": "", "commit": commit, "renderers": []})
    return found


def downgrade() -> None:
    """Take the change back."""
    dialect = op.get_bind().dialect.name
    longest = sa.String(length=_LONGEST).with_variant(sa.String(64), "sqlite")
    for table, column in (("runs", "commit"), ("placements", "desired_commit"), ("placements", "applied_commit")):
        op.add_column(table, sa.Column(column, longest, nullable=True))
    op.add_column("source_digests", sa.Column("renderer", sa.String(length=64), server_default="", nullable=False))
    op.execute(f'UPDATE runs SET "commit" = {_JOINED[dialect].format("sources")}')  # noqa: S608 - constants
    op.execute(f"UPDATE placements SET applied_commit = {_JOINED[dialect].format('applied_sources')}")  # noqa: S608 - constants
    op.execute(f"UPDATE placements SET desired_commit = ({_WANTED[dialect]})")  # noqa: S608 - constants
    op.execute(f"UPDATE source_digests SET renderer = coalesce({_RENDERERS[dialect]}, '')")  # noqa: S608 - constants
    op.drop_column("placements", "applied_sources")
    op.drop_column("runs", "sources")
    op.drop_column("source_digests", "renderers")
    op.drop_table("placement_sources")


def _table(name: str) -> sa.TableClause:
    columns = {
        "runs": ("id", "application", "commit", "sources"),
        "placements": ("id", "application", "desired_commit", "applied_commit", "applied_sources"),
        "placement_sources": ("placement_id", "position", *_ITEM),
    }
    lists = {"sources", "applied_sources", "renderers"}
    return sa.table(name, *(sa.column(one, JSON if one in lists else None) for one in columns[name]))
