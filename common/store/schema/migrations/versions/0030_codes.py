"""codes: what is said of runs, attempts, requests, approvals, sources, clusters and faults is a code with parameters.

Revision 0030, after 0026.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0030"
down_revision = "0026"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_SAID = (("runs", "reason"), ("approvals", "reason"), ("intents", "result"))
_FAILED = ("runs", "attempts", "clusters", "sources", "source_digests")
_COLUMNS = (
    "reason", "reason_code", "error", "error_code", "outcome", "state", "result", "result_code", "code", "what",
)  # fmt: skip
_ORPHAN, _MARKED, _NOT_OWNED = "cluster.orphan", " carries the mark of ", ", which does not own it"
_DEADLINE, _LATE = "sync.deadline", "not in time: "
_HELD = {
    "paused": "placement.paused",
    "sync.mode is manual: waits for `flotilla sync`": "sync.manual",
    "the cluster is joining: nothing is written until its state is active": "cluster.joining",
    "frozen: the cluster's document is gone from the registry": "cluster.undeclared",
    "frozen: the cluster's state is frozen": "cluster.frozen",
    "the cluster is retired: it is left alone": "cluster.retired",
    "nothing places it any more; its objects are left alone": "placement.unplaced",
    "it is wanted again": "placement.wanted",
    "its cluster is draining": "cluster.draining",
    "its application is retired": "application.retired",
    "a newer revision": "run.newer-revision",
    "the registry has changed since": "run.registry-changed",
}
"""Words that were always the same."""
_BY = {"asked for by ": "run.asked-for", "approved by ": "run.approved"}


def upgrade() -> None:
    """Make the change. What has no code of its own stays readable, as what was told."""
    for table, name in _SAID:
        op.add_column(table, sa.Column(f"{name}_code", sa.String(length=100), server_default="", nullable=False))
        op.add_column(table, sa.Column(f"{name}_params", JSON, nullable=True))
    for table in _FAILED:
        op.add_column(table, sa.Column("error_params", JSON, nullable=True))
    op.add_column("faults", sa.Column("params", JSON, nullable=True))
    for change in (*_reasons(), *(change for table in _FAILED for change in _errors(table)), *_others()):
        op.execute(change)
    for table, name in (*_SAID, *((table, "error") for table in _FAILED), ("faults", "what")):
        op.drop_column(table, name)


def downgrade() -> None:
    """Take the change back, in the words that are stored; a code without any stands for itself."""
    said = (*_SAID, *((table, "error") for table in _FAILED))
    same = {code: words for words, code in _HELD.items()}
    for table, name in said:
        op.add_column(table, sa.Column(name, sa.Text(), server_default="", nullable=False))
        row = _table(table)
        words = sa.case(same, value=row.c[f"{name}_code"], else_=_in_words(row, name))
        op.execute(row.update().where(row.c[f"{name}_code"] != "").values({name: words}))
        op.drop_column(table, f"{name}_params")
    for table, name in _SAID:
        op.drop_column(table, f"{name}_code")
    op.add_column("faults", sa.Column("what", sa.Text(), server_default="", nullable=False))
    fault = _table("faults")
    marked = fault.c.params["object"].as_string() + _MARKED + fault.c.params["placement"].as_string() + _NOT_OWNED
    message = fault.c.params["message"].as_string()
    op.execute(fault.update().values(what=sa.func.coalesce(message, marked, fault.c.code)))
    op.drop_column("faults", "params")


def _table(name: str) -> sa.TableClause:
    params = (sa.column(each, JSON) for each in ("reason_params", "error_params", "result_params", "params"))
    return sa.table(name, *map(sa.column, _COLUMNS), *params)


def _reasons() -> Iterator[sa.Update]:
    """Yield what makes codes of the reasons of runs; each takes what those before it left."""
    run = _table("runs")
    left = sa.and_(run.c.reason != "", run.c.reason_code == "")
    mine = run.update()
    # Nobody said of a run that was late what had failed, but in its reason.
    late = sa.and_(left, run.c.error_code == _DEADLINE, run.c.error == "", run.c.reason.startswith(_LATE))
    yield mine.where(late).values(error_params=_object("message", run.c.reason), reason="")
    for words, code in _HELD.items():
        yield mine.where(left, run.c.reason == words).values(reason_code=code)
    for words, code in _BY.items():
        by = sa.func.substr(run.c.reason, len(words) + 1)
        yield mine.where(left, run.c.reason.startswith(words)).values(reason_code=code, reason_params=_object("by", by))
    failed = sa.and_(left, run.c.error_code != "", run.c.reason == run.c.error)
    said = _object("message", run.c.reason)
    yield mine.where(failed).values(reason_code=run.c.error_code, reason_params=said)
    what = _object("what", run.c.reason)
    yield mine.where(left, run.c.state == "waiting").values(reason_code="run.waits", reason_params=what)
    yield mine.where(left, run.c.outcome == "needs-approval").values(reason_code="run.asks", reason_params=what)
    warnings = _object("warnings", _list(run.c.reason))
    differs = sa.or_(run.c.reason.contains(" from Git"), run.c.reason.contains(" to be adopted"))
    for code, which in (("run.differs", differs), ("run.warnings", sa.true())):
        ended = sa.and_(left, run.c.outcome == "succeeded", which)
        yield mine.where(ended).values(reason_code=code, reason_params=warnings)
    yield mine.where(left).values(reason_code="told", reason_params=_object("text", run.c.reason))


def _errors(table: str) -> Iterator[sa.Update]:
    """Yield what keeps the words of errors as parameters of their codes."""
    row = _table(table)
    said = row.update().where(row.c.error != "")
    yield said.where(row.c.error_code != "").values(error_params=_object("message", row.c.error))
    yield said.where(row.c.error_code == "").values(error_code="told", error_params=_object("text", row.c.error))


def _others() -> Iterator[sa.Update]:
    """Yield what keeps the words of approvals, requests and faults; those of orphans name object and placement."""
    ask, intent, fault = _table("approvals"), _table("intents"), _table("faults")
    yield ask.update().values(reason_code="run.asks", reason_params=_object("what", ask.c.reason))
    answered = intent.update().where(intent.c.result != "")
    yield answered.values(result_code="told", result_params=_object("text", intent.c.result))
    yield fault.update().values(params=_object("message", fault.c.what))
    at = sa.func.strpos if _postgresql() else sa.func.instr
    begins, length = at(fault.c.what, _MARKED), len(_MARKED)
    rest = sa.func.substr(fault.c.what, begins + length)
    named = _object("object", sa.func.substr(fault.c.what, 1, begins - 1), "placement", _before(rest, at(rest, ",")))
    yield fault.update().where(fault.c.code == _ORPHAN, begins > 0, at(rest, ",") > 0).values(params=named)


def _before(text: Any, at: Any) -> Any:
    return sa.func.substr(text, 1, sa.func.coalesce(sa.func.nullif(at, 0), 1) - 1)


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _object(*pairs: Any) -> Any:
    make = sa.func.jsonb_build_object if _postgresql() else sa.func.json_object
    named = (sa.cast(one, sa.Text()) if isinstance(one, str) else one for one in pairs)
    return make(*named, type_=JSON)


def _list(value: Any) -> Any:
    return (sa.func.jsonb_build_array if _postgresql() else sa.func.json_array)(value, type_=JSON)


def _in_words(row: sa.TableClause, name: str) -> Any:
    params = row.c[f"{name}_params"]
    kept = (params[key].as_string() for key in ("text", "message", "what", "why", "by"))
    return sa.func.coalesce(*kept, params["warnings"][0].as_string(), row.c[f"{name}_code"])
