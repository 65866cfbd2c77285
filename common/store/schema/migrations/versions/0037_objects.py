"""objects: what was done to objects, what led to runs and what to do about faults are codes with parameters.

History may be long: each statement changes a bounded number of rows, found by their primary key.

Revision 0037, after 0033.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0033"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_SAID = (("object_results", "detail", "run_id"), ("inventory", "refused", "placement_id"), ("runs", "cause", "id"))
"""Each table, what it said in words, and the first column of its primary key."""
_BATCH = 5_000
"""About as many rows one statement changes: whatever shares the first column of their key stays together."""
_CODES = {
    "a new revision": "cause.new-revision",
    "a newer revision": "cause.newer-revision",
    "the placement leaves": "cause.leaves",
    "the daily full check": "cause.full-check",
    "what had drifted is as it was": "cause.back",
    "adopted": "object.adopted",
    "already gone": "object.gone",
    "already gone: the cluster no longer serves its kind": "object.kind-gone",
    "would be removed": "object.would-go",
}
"""Words that were always the same."""
_BY_PERSON, _ASKED, _TOLD = "manual", "cause.asked", "told"
_ORPHAN = "cluster.orphan"
_ORPHANS_REMEDY = "Delete it by hand, or take its flotilla.dev annotations and label off."


def upgrade() -> None:
    """Make the change. What has no code of its own stays readable, as what was told."""
    for table, name, key in _SAID:
        op.add_column(table, sa.Column(f"{name}_code", sa.String(length=100), server_default="", nullable=False))
        op.add_column(table, sa.Column(f"{name}_params", JSON, nullable=True))
        row = _table(table, name, key)
        changes = (*(_asked(row) if name == "cause" else ()), _told(row, name))
        for those in _ranges(row.c[key]):
            for change in changes:
                op.execute(change.where(those))
        op.drop_column(table, name)
    fault = _fault()
    brought = fault.update().where(fault.c.remedy != "", fault.c.code != _ORPHAN)
    op.execute(brought.values(params=_with_remedy(fault)))
    op.drop_column("faults", "remedy")


def downgrade() -> None:
    """Take the change back: what was told in words again, of codes their name."""
    words = {code: said for said, code in _CODES.items()}
    for table, name, key in _SAID:
        op.add_column(table, sa.Column(name, sa.Text(), server_default="", nullable=False))
        row = _table(table, name, key)
        keys = ("text", "message", "why") if name == "cause" else ("text", "message")
        said = (row.c[f"{name}_params"][each].as_string() for each in keys)
        code = row.c[f"{name}_code"]
        kept = sa.case(words, value=code, else_=sa.func.coalesce(*said, code))
        op.execute(row.update().where(code != "").values({name: kept}))
        op.drop_column(table, f"{name}_code")
        op.drop_column(table, f"{name}_params")
    op.add_column("faults", sa.Column("remedy", sa.Text(), server_default="", nullable=False))
    fault = _fault()
    remedy = sa.func.coalesce(fault.c.params["remedy"].as_string(), "")
    op.execute(fault.update().values(remedy=sa.case((fault.c.code == _ORPHAN, _ORPHANS_REMEDY), else_=remedy)))
    brought = fault.update().where(fault.c.params["remedy"].as_string().is_not(None))
    op.execute(brought.values(params=_without_remedy(fault)))


def _asked(run: sa.TableClause) -> Iterator[sa.Update]:
    """Yield what keeps a person's words as that person's."""
    mine = run.update().where(run.c.trigger == _BY_PERSON, run.c.cause != "")
    yield mine.values(cause_code=_ASKED, cause_params=_object("why", run.c.cause))


def _told(row: sa.TableClause, name: str) -> sa.Update:
    """Return what makes codes of the words that have none yet."""
    known = sa.case(_CODES, value=row.c[name], else_=_TOLD)
    told = sa.case((row.c[name].in_(_CODES), sa.null()), else_=_object("text", row.c[name]))
    left = row.update().where(row.c[name] != "", row.c[f"{name}_code"] == "")
    return left.values({f"{name}_code": known, f"{name}_params": told})


def _ranges(key: sa.ColumnClause[Any]) -> Iterator[sa.ColumnElement[bool]]:
    """Yield conditions that part a table by ``key``, in its order, into about ``_BATCH`` rows each."""
    after: sa.ColumnElement[bool] = sa.true()
    while True:
        last = op.get_bind().execute(sa.select(key).where(after).order_by(key).offset(_BATCH - 1).limit(1)).scalar()
        yield after if last is None else sa.and_(after, key <= last)
        if last is None:
            return
        after = key > last


def _table(table: str, name: str, key: str) -> sa.TableClause:
    words = (key, name, f"{name}_code", "trigger")
    return sa.table(table, *map(sa.column, words), sa.column(f"{name}_params", JSON))


def _fault() -> sa.TableClause:
    return sa.table("faults", sa.column("code"), sa.column("remedy"), sa.column("params", JSON))


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _object(key: str, words: Any) -> Any:
    make = sa.func.jsonb_build_object if _postgresql() else sa.func.json_object
    return make(sa.cast(key, sa.Text()), words, type_=JSON)


def _with_remedy(fault: sa.TableClause) -> Any:
    params, remedy = fault.c.params, fault.c.remedy
    if _postgresql():
        empty = sa.cast(sa.literal("{}", sa.Text()), JSONB())
        return sa.func.coalesce(params, empty).op("||")(_object("remedy", remedy))
    return sa.func.json_set(sa.func.coalesce(sa.cast(params, sa.Text()), "{}"), "$.remedy", remedy, type_=JSON)


def _without_remedy(fault: sa.TableClause) -> Any:
    if _postgresql():
        return fault.c.params.op("-")(sa.literal("remedy", sa.Text()))
    return sa.func.json_remove(sa.cast(fault.c.params, sa.Text()), "$.remedy", type_=JSON)
