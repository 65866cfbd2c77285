"""What writes events: a trigger for each outcome, so that none comes about untold and none is told that did not.

The event is a part of the statement that makes the change: it costs no round trip, nothing has to think of it, and no
role but the tables' owner can add one. A pool's role fires a trigger by what it may change anyway; what the event says
is read from the row by a function of the owner's.

Words from elsewhere (errors, reasons of health, what a fault says) stay in their rows: an event has names, codes and
numbers, and says by which number the rest is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from common.domain.events import EventKind
from common.store.schema import triggers


@dataclass(frozen=True, slots=True)
class Speech:
    """How one of the databases says what the other says otherwise.

    Attributes:
        first: what stands before the first separator in a text.
        second: what stands between the first and the next.
        json: an object of names and values.
        stored: a column that holds JSON.
        without: that without a name.
        seconds: from one instant to another.
        commits: those of sources that a column holds, a plus between two.
    """

    first: Callable[[str, str], str]
    second: Callable[[str, str], str]
    json: str
    stored: str
    without: str
    seconds: str
    commits: str


def _before(words: str, separator: str) -> str:
    return f"substr({words}, 1, instr({words} || '{separator}', '{separator}') - 1)"


def _behind(words: str, separator: str) -> str:
    rest = f"substr({words} || '{separator}', instr({words} || '{separator}', '{separator}') + 1)"
    return _before(rest, separator)


SPEECHES: Mapping[str, Speech] = {
    "postgresql": Speech(
        first=lambda words, separator: f"split_part({words}, '{separator}', 1)",
        second=lambda words, separator: f"split_part({words}, '{separator}', 2)",
        json="jsonb_build_object",
        stored="{}",
        without="({} - '{}')",
        seconds="round(extract(epoch FROM {1} - {0}), 3)",
        commits="(SELECT string_agg(one ->> 'commit', '+' ORDER BY position) "
        "FROM jsonb_array_elements({}) WITH ORDINALITY AS found(one, position))",
    ),
    "sqlite": Speech(
        first=_before,
        second=_behind,
        json="json_object",
        stored="json({})",
        without="json_remove({}, '$.{}')",
        seconds="round((julianday({1}) - julianday({0})) * 86400, 3)",
        commits="(SELECT group_concat(json_extract(value, '$.commit'), '+') FROM json_each({}))",
    ),
}
Said = Callable[[Speech], str]
"""An expression over NEW and OLD, in the words of one database."""


def _plain(words: str) -> Said:
    return lambda _speech: words


_NOTHING = _plain("''")
_FLOTILLA = _plain("'flotilla'")
_PROJECT = _plain("NEW.project")
_OF_APPLICATION = _plain(
    "coalesce((SELECT p.project FROM placements AS p "
    "WHERE p.application = NEW.application AND p.state = 'placed' LIMIT 1), '')"
)
"""Of an application's placements, which are all in the same; none before the first is placed."""


@dataclass(frozen=True, slots=True)
class Emitter:
    """Tells one kind of event of the rows of one table.

    Attributes:
        on: the command, with the columns that it is about.
        when: a condition on NEW and OLD, so that rows it says nothing of cost nothing.
        params: of the event, by name.
        case: tells two of the same kind apart.
    """

    kind: EventKind
    table: str
    on: str
    subject: Said
    when: str = ""
    cluster: Said = _NOTHING
    application: Said = _NOTHING
    project: Said = _NOTHING
    code: Said = _NOTHING
    params: Mapping[str, Said] = field(default_factory=dict)
    run: Said = field(default=_plain("NULL"))
    actor: Said = _FLOTILLA
    case: str = ""

    @property
    def name(self) -> str:
        """Name of the trigger and its function."""
        return f"event_{self.kind.value.replace('.', '_')}{self.case and '_'}{self.case}"

    def _values(self, speech: Speech) -> str:
        pairs = ", ".join(f"'{name}', {said(speech)}" for name, said in self.params.items())
        said = (self.subject, self.cluster, self.application, self.project, self.code)
        whose = ", ".join(one(speech) for one in said)
        return f"{whose}, {speech.json}({pairs}), {self.run(speech)}, {self.actor(speech)}"

    def statements(self, dialect: str, schema: str) -> tuple[str, ...]:
        """Return what makes it."""
        values, condition = self._values(SPEECHES[dialect]), f"WHEN ({self.when})" if self.when else ""
        head = f"CREATE TRIGGER {self.name} AFTER {self.on} ON {self.table} FOR EACH ROW {condition}"
        if dialect == "sqlite":
            instant = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
            insert = _insert(_LAST, _SQLITE_ID, instant, f"'{self.kind}'", values)
            return (f"{head} BEGIN {_SQLITE_TICK}; {insert}; END",)
        insert = _insert(_POSTGRESQL_TX, _POSTGRESQL_ID, "at", f"'{self.kind}'", values)
        # Whoever could use the function in a trigger of a table of their own would tell whatever they like.
        return (
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, {schema}, pg_temp AS $$\n"
            f"DECLARE at timestamptz = clock_timestamp();\nBEGIN\n  {insert};\n  RETURN NULL;\nEND $$",
            f"REVOKE ALL ON FUNCTION {self.name}() FROM PUBLIC",
            f"{head} EXECUTE FUNCTION {self.name}()",
        )


def _insert(*values: str) -> str:
    return f"INSERT INTO events ({_COLUMNS}) VALUES ({', '.join(values)})"  # noqa: S608 - constants


_COLUMNS = "tx, id, at, kind, subject, cluster, application, project, code, params, run_id, actor"
_LAST = "coalesce((SELECT last FROM event_clock), 0)"
_SQLITE_TICK = "INSERT INTO event_clock (id, last) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET last = last + 1"
_SQLITE_MILLIS = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_SQLITE_ID = f"lower(printf('%08x-%04x-7000-8000-%012x', {_SQLITE_MILLIS} >> 16, {_SQLITE_MILLIS} & 65535, {_LAST}))"
_POSTGRESQL_TX = "CAST(CAST(pg_current_xact_id() AS text) AS bigint) + " + _LAST
_POSTGRESQL_ID = """flotilla_event_id(at, nextval('event_numbers'))"""
_EVENT_ID = """
CREATE FUNCTION flotilla_event_id(at timestamptz, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CAST(left(millis, 8) || '-' || right(millis, 4) || '-7' || lpad(to_hex(micros * 4096 / 1000), 3, '0')
      || '-8' || lpad(to_hex((number >> 48) & 4095), 3, '0')
      || '-' || lpad(to_hex(number & 281474976710655), 12, '0') AS uuid)
    FROM (SELECT lpad(to_hex(since / 1000), 12, '0') AS millis, since % 1000 AS micros
      FROM (SELECT CAST(extract(epoch FROM at) * 1000000 AS bigint) AS since) AS a) AS b;
END
"""
"""A UUID of version 7 (RFC 9562): milliseconds, their fraction, and a number that only grows instead of chance."""


def _of_placement(kind: EventKind, column: str, when: str, code: str, params: Mapping[str, Said]) -> Emitter:
    return Emitter(
        kind,
        "placements",
        f"UPDATE OF {column}",
        subject=_plain("NEW.cluster || '/' || NEW.application"),
        when=when,
        cluster=_plain("NEW.cluster"),
        application=_plain("NEW.application"),
        project=_PROJECT,
        code=_plain(code),
        params=params,
    )


def _of_fault(kind: EventKind, on: str, when: str = "", case: str = "") -> Emitter:
    def cluster(speech: Speech) -> str:
        name = speech.second("NEW.scope", ":")
        return f"CASE WHEN NEW.scope LIKE 'cluster:%' THEN {name} ELSE '' END"

    return Emitter(
        kind,
        "faults",
        on,
        subject=_plain("NEW.scope"),
        when=when,
        cluster=cluster,
        project=_PROJECT,
        code=_plain("NEW.code"),
        params={"fault": _plain("NEW.id"), "file": _plain("NEW.file"), "line": _plain("NEW.line")},
        case=case,
    )


def _of_approval(kind: EventKind, on: str, when: str, actor: str) -> Emitter:
    # Only what asks for placements all over the fleet has a subject that begins with no cluster.
    of_cluster = "CASE WHEN NEW.kind = 'leaving' THEN '' ELSE {} END"
    return Emitter(
        kind,
        "approvals",
        on,
        subject=_plain("NEW.subject"),
        when=when,
        cluster=lambda speech: of_cluster.format(speech.first("NEW.subject", "/")),
        application=lambda speech: of_cluster.format(speech.second("NEW.subject", "/")),
        project=_PROJECT,
        code=_plain("NEW.state"),
        params={"approval": _plain("NEW.id"), "asks": _plain("NEW.kind")},
        run=_plain("NEW.run_id"),
        actor=_plain(actor),
    )


def _of_cluster(kind: EventKind, when: str, code: str) -> Emitter:
    return Emitter(
        kind,
        "clusters",
        "UPDATE OF reachable",
        subject=_plain("NEW.name"),
        when=when,
        cluster=_plain("NEW.name"),
        code=_plain(code),
        params={"version": _plain("NEW.version")},
    )


def _of_revision(on: str, when: str, case: str) -> Emitter:
    return Emitter(
        EventKind.REVISION_RESOLVED,
        "source_digests",
        on,
        subject=_plain("NEW.application"),
        when=when,
        application=_plain("NEW.application"),
        project=_OF_APPLICATION,
        params={
            "source": _plain("NEW.source_id"),
            "commit": _plain('NEW."commit"'),
            "digest": _plain("NEW.digest"),
        },
        case=case,
    )


_RUN_ENDED = Emitter(
    EventKind.RUN_ENDED,
    "runs",
    "UPDATE OF outcome",
    subject=_plain("NEW.cluster || '/' || NEW.application"),
    when="NEW.outcome IS NOT NULL AND OLD.outcome IS NULL",
    cluster=_plain("NEW.cluster"),
    application=_plain("NEW.application"),
    project=_PROJECT,
    code=_plain("NEW.error_code"),
    params={
        "outcome": _plain("NEW.outcome"),
        "trigger": _plain("NEW.trigger"),
        "reason": _plain("NEW.reason_code"),
        "seconds": lambda speech: speech.seconds.format("NEW.started_at", "NEW.ended_at"),
        "commit": lambda speech: speech.commits.format("NEW.sources"),
        "counts": lambda speech: speech.stored.format("NEW.counts"),
    },
    run=_plain("NEW.id"),
    actor=_plain("NEW.actor"),
)
_DRIFTS, _DRIFTED = "NEW.found_code LIKE 'drift.%'", "OLD.found_code LIKE 'drift.%'"
EMITTERS = (
    _RUN_ENDED,
    _of_placement(
        EventKind.HEALTH_CHANGED,
        "health",
        "NEW.health <> OLD.health",
        "NEW.health",
        {"was": _plain("OLD.health")},
    ),
    _of_placement(
        EventKind.DRIFT_FOUND,
        "found_code",
        f"{_DRIFTS} AND NEW.found_code <> OLD.found_code",
        "NEW.found_code",
        {"found": lambda speech: speech.without.format(speech.stored.format("NEW.found_params"), "message")},
    ),
    _of_placement(
        EventKind.DRIFT_CLEARED,
        "found_code",
        f"{_DRIFTED} AND NOT {_DRIFTS}",
        "NEW.found_code",
        {"was": _plain("OLD.found_code")},
    ),
    _of_fault(EventKind.FAULT_RAISED, "INSERT"),
    _of_fault(
        EventKind.FAULT_RAISED,
        "UPDATE OF cleared_at",
        "OLD.cleared_at IS NOT NULL AND NEW.cleared_at IS NULL",
        case="again",
    ),
    _of_fault(EventKind.FAULT_CLEARED, "UPDATE OF cleared_at", "OLD.cleared_at IS NULL AND NEW.cleared_at IS NOT NULL"),
    _of_approval(EventKind.APPROVAL_ASKED, "INSERT", "", "'flotilla'"),
    _of_approval(
        EventKind.APPROVAL_DECIDED,
        "UPDATE OF state",
        "OLD.state = 'open' AND NEW.state <> 'open'",
        "NEW.decided_by",
    ),
    _of_cluster(EventKind.CLUSTER_REACHED, "NEW.reachable AND NOT coalesce(OLD.reachable, false)", "''"),
    _of_cluster(EventKind.CLUSTER_LOST, "NOT NEW.reachable AND coalesce(OLD.reachable, true)", "NEW.error_code"),
    _of_revision("INSERT", "NEW.digest <> ''", "first"),
    _of_revision(
        "UPDATE OF digest, renderers",
        "NEW.digest <> '' AND (NEW.digest <> OLD.digest OR NEW.renderers <> OLD.renderers)",
        "",
    ),
)
"""Everything that is told."""


_GO_ON = f"""
INSERT INTO event_clock (id, last)
  SELECT 1, max(tx) + 1 - CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) FROM events
  HAVING max(tx) - {_LAST} >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
ON CONFLICT (id) DO UPDATE SET last = excluded.last
"""  # noqa: S608 - constants


def statements(dialect: str, schema: str = "") -> tuple[str, ...]:
    """Return what makes it all, in order; ``schema`` is where our tables are in PostgreSQL, quoted."""
    made = tuple(statement for emitter in EMITTERS for statement in emitter.statements(dialect, schema))
    return (_EVENT_ID.strip(), *made) if dialect == "postgresql" else made


def missing(connection: Connection) -> tuple[str, ...]:
    """Return the names of triggers that are not in force, sorted; empty is right."""
    there = triggers.present(connection)
    return tuple(sorted(one.name for one in EMITTERS if (one.table, one.name) not in there))


def go_on(connection: Connection) -> None:
    """Have events numbered behind all that there are, where the database was copied from another server.

    That one's transactions had numbers of their own. Where nothing was copied, nothing changes.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(_GO_ON))
