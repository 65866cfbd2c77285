"""What keeps the work from going on, in sentences and with what to do about it; the same wherever people read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from common.domain import formatting
from common.domain.reasons import sentence
from common.domain.status import Reason
from common.domain.work import WorkFacts, WorkFinding, findings
from common.settings import Settings
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.reads import work
from console import words

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkView:
    """One finding as the API gives it."""

    code: str
    severity: str
    message: str
    remedy: str
    params: dict[str, str | float]


def look(connection: Connection, database: Database, settings: Settings) -> tuple[WorkFinding, ...]:
    """Return what keeps the work from going on now."""
    return found_in(work.facts(connection, now=database.now(connection)), settings)


def found_in(facts: WorkFacts, settings: Settings) -> tuple[WorkFinding, ...]:
    """Return what these facts mean to a hub with these settings."""
    after = settings.late_after
    return findings(facts, late_after=after, registry_after=settings.registry_interval + after)


def views(found: Iterable[WorkFinding]) -> tuple[WorkView, ...]:
    """Return findings in the API's form."""
    return tuple(WorkView(one.code, one.severity, message(one), remedy(one), dict(one.params)) for one in found)


def message(finding: WorkFinding) -> str:
    """Return what is wrong, as one sentence without its end."""
    return _SENTENCES.get(finding.code, _broker)(finding.params)


def remedy(finding: WorkFinding) -> str:
    """Return what to do about it."""
    return _REMEDIES.get(finding.code, _ask_doctor)(finding.params)


def _seconds(params: Params) -> str:
    return words.span_about(float(params["seconds"]))


def _clock(params: Params) -> str:
    ahead = float(params["ahead"])
    return f"is {words.span_about(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the database's"


def _worker_command(params: Params) -> str:
    pool, _, now = str(params["queue"]).rpartition(".")
    command = f"flotilla worker --pool {pool} --now" if now == "now" else f"flotilla worker --pool {params['queue']}"
    return f"Start one: {command}"


def _ask_doctor(_params: Params) -> str:
    return "flotilla doctor says more."


def _broker(params: Params) -> str:
    return f"the broker takes no messages, for {_seconds(params)} now: no work is sent"


def _late(what: str) -> Callable[[Params], str]:
    def sentence(params: Params) -> str:
        example = f" ({params['example']})" if params["example"] else ""
        return f"{what} of queue {params['queue']} have waited for up to {_seconds(params)}{example}"

    return sentence


_SENTENCES: Mapping[str, Callable[[Params], str]] = {
    "scheduler.none": lambda _: "no scheduler leads: nothing is planned and nothing is sent",
    "scheduler.silent": lambda p: f"the scheduler leads, but has sent nothing for {_seconds(p)}",
    "scheduler.clock": lambda p: f"the scheduler's clock {_clock(p)}: workers refuse what it sends",
    "broker.unavailable": lambda p: f"the broker cannot be reached, for {_seconds(p)} now: no work is sent",
    "broker.full": lambda p: f"the broker's memory is full, for {_seconds(p)} now: no work is sent",
    "broker.read-only": lambda p: f"the broker takes no writes, for {_seconds(p)} now: no work is sent",
    "broker.refused": lambda p: f"the broker lets the scheduler write nothing, for {_seconds(p)} now: no work is sent",
    "workers.none": lambda p: f"no worker of queue {p['queue']} lives: its work is not done",
    "workers.idle": lambda p: f"the workers of queue {p['queue']} send heartbeats, but take no work",
    "worker.clock": lambda p: f"the clock of worker {p['worker']} {_clock(p)}: it takes no work",
    "worker.deaf": lambda p: f"worker {p['worker']} has heard nothing from the broker for {_seconds(p)}",
    "worker.refusing": lambda p: (
        f"worker {p['worker']} has refused {formatting.of(int(p['count']), 'message')} in a row, the last because "
        f"{sentence(Reason(str(p['why'])))}"
    ),
    "worker.stuck": lambda p: f"{p['stuck']} of {p['slots']} slots of worker {p['worker']} make no progress",
    "registry.never": lambda _: "the registry has not been read yet",
    "registry.late": lambda p: f"the registry was last looked at {_seconds(p)} ago",
    "late.runs": _late("runs"),
    "late.sweeps": _late("sweeps"),
    "late.observations": _late("looks at health"),
    "late.sources": _late("looks at sources"),
}
_SYNCHRONISE = "Have its host's clock set by NTP; it goes on by itself then."
_REMEDIES: Mapping[str, Callable[[Params], str]] = {
    "scheduler.none": lambda _: "Start one: flotilla scheduler",
    "scheduler.silent": lambda _: "See its log, and start it again.",
    "scheduler.clock": lambda _: _SYNCHRONISE,
    "broker.full": lambda _: "Give it more memory (maxmemory), or see what else writes to it. Nothing is lost.",
    "broker.read-only": lambda _: "Point FLOTILLA_BROKER_URL at the primary, or free the broker's disk.",
    "broker.refused": lambda _: "Correct FLOTILLA_BROKER_URL, FLOTILLA_BROKER_PASSWORD_FILE or its user's rights.",
    "workers.none": _worker_command,
    "workers.idle": lambda _: "See below what is wrong with them.",
    "worker.clock": lambda _: _SYNCHRONISE,
    "worker.deaf": lambda _: "See its log; can it reach FLOTILLA_BROKER_URL?",
    "worker.refusing": lambda _: (
        "Has it the hub's keys (FLOTILLA_MESSAGE_KEY_FILE), and is the scheduler's clock right?"
    ),
    "worker.stuck": lambda _: "It is replaced once nothing else runs there; its log names what hangs.",
    "registry.never": lambda _: "flotilla doctor says whether it can be reached.",
    "registry.late": lambda _: "flotilla doctor says whether it can be reached.",
    "late.runs": lambda _: "More workers, or more slots each, would help, unless something above is wrong.",
}
