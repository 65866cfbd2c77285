"""``GET /metrics``: the fleet and the hub's own work in numbers, for Prometheus; behind the same token as the rest.

Names and units are Prometheus' conventions: seconds, ``_total`` on what only grows, labels with few values.
``docs/reference/metrics.md`` describes each; a test compares it with this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from common.domain.rights import ALL, Verb
from common.domain.runs import Outcome
from common.domain.work import Condition, WorkFacts, WorkFinding, slots_by_queue
from common.settings import Settings
from common.store.engine.session import Database
from common.store.queue import tallies, workers
from common.store.reads import work as work_reads
from common.store.reads.gauges import Gauges, gauges
from common.store.reads.summary import Summary, summary
from console import work
from console.api.door.needs import needs_everywhere
from console.api.reads.hooks import HookView, Receipt, Receipts

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that the metrics tell, of one instant.

    Attributes:
        summary: of the fleet.
        gauges: of sources, queues and runs.
        facts: of the way the work goes.
        findings: what keeps it from going on.
        caches: how often each worker's render cache was asked, by where the answer lay.
        sandboxes: which layers of each worker's sandbox hold.
        hooks: what this process received for each.
    """

    summary: Summary
    gauges: Gauges
    facts: WorkFacts
    findings: tuple[WorkFinding, ...]
    caches: Mapping[str, Mapping[str, int]]
    sandboxes: Mapping[str, Mapping[str, bool]]
    hooks: Sequence[HookView]


class HubCollector(Collector):
    """Turns what was seen into families."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        yield InfoMetricFamily("flotilla_build", "Version of the api process", value={"version": version("flotilla")})
        yield from _fleet(self._seen.summary)
        yield from _runs(self._seen.gauges)
        yield from _queues(self._seen)
        yield from _workers(self._seen)
        yield from _ages(self._seen)
        yield from _way(self._seen)
        yield from _hooks(self._seen.hooks)


def _counts(name: str, text: str, label: str, counts: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _fleet(seen: Summary) -> Iterator[Metric]:
    yield _counts("flotilla_placements_sync", "Placements by sync status", "status", seen.sync)
    yield _counts("flotilla_placements_health", "Placements by health", "health", seen.health)
    yield _counts("flotilla_clusters", "Declared clusters by reachability", "state", seen.clusters)
    yield _counts("flotilla_faults", "Open faults by scope", "scope", seen.faults)


def _runs(seen: Gauges) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "flotilla_runs", "Runs that ended, by outcome and trigger", labels=["outcome", "trigger"]
    )
    text = "Time from a run's first claim to its end, by outcome"
    took = HistogramMetricFamily("flotilla_run_duration_seconds", text, labels=["outcome"])
    for tally in seen.tallies:
        ended.add_metric([tally.outcome, tally.trigger], tally.runs)
    for outcome in Outcome:
        mine = [tally for tally in seen.tallies if tally.outcome == outcome]
        buckets: list[tuple[str, float]] = []
        below = 0
        for bound in (*(f"{bound:g}" for bound in tallies.BUCKETS), tallies.LONGER):
            below += sum(tally.within.get(bound, 0) for tally in mine)
            buckets.append((bound, below))
        took.add_metric([outcome], buckets, sum(tally.seconds for tally in mine))
    yield ended
    yield took


def _hooks(seen: Sequence[HookView]) -> Iterator[Metric]:
    text = "Webhooks received since this process was started, by hook and what came of them"
    received = CounterMetricFamily("flotilla_webhooks", text, labels=["hook", "outcome"])
    text = "When a webhook of a hook was proved last"
    last = GaugeMetricFamily("flotilla_webhook_last_received_timestamp_seconds", text, labels=["hook"])
    for hook in seen:
        for outcome in Receipt:
            received.add_metric([hook.name, outcome.value], hook.received.get(outcome.value, 0))
        if hook.last_received_at is not None:
            last.add_metric([hook.name], hook.last_received_at.timestamp())
    yield received
    yield last


def _queues(seen: Seen) -> Iterator[Metric]:
    depth = GaugeMetricFamily(
        "flotilla_queue_runs", "Runs that wait in a queue, by when they are due", labels=["queue", "due"]
    )
    text = "Time that the oldest run of a queue has been due and not begun"
    oldest = GaugeMetricFamily("flotilla_queue_oldest_due_seconds", text, labels=["queue"])
    known = {one.queue: one for one in seen.gauges.queues}
    for queue in sorted(seen.facts.queues | known.keys()):
        one = known.get(queue, work_reads.QueueDepth(queue, 0, 0, None))
        depth.add_metric([queue, "now"], one.due)
        depth.add_metric([queue, "later"], one.later)
        oldest.add_metric([queue], _age(one.since, seen.facts.now) if one.since is not None else 0.0)
    yield depth
    yield oldest


def _workers(seen: Seen) -> Iterator[Metric]:
    text = "Worker processes that send heartbeats, by whether they take work"
    by_condition = GaugeMetricFamily("flotilla_workers", text, labels=["queue", "condition"])
    queues = seen.facts.queues | {queue for worker in seen.gauges.workers for queue in worker.queues}
    for queue in sorted(queues):
        serving = [worker for worker in seen.gauges.workers if queue in worker.queues]
        for condition in Condition:
            by_condition.add_metric([queue, condition], sum(worker.condition is condition for worker in serving))
    yield by_condition
    slots = slots_by_queue(seen.gauges.workers)
    text = "Runs that the workers of a queue can have at once, those that take no work left out"
    yield _counts("flotilla_worker_slots", text, "queue", {queue: slots.get(queue, 0) for queue in queues})
    for name, text, value in (
        ("flotilla_worker_stuck_slots", "Slots of a worker that make no progress", "stuck"),
        ("flotilla_worker_refused_messages", "Messages refused since the last that was accepted", "refused"),
        ("flotilla_worker_clock_offset_seconds", "Time that its clock is ahead of the database's", "clock_ahead"),
    ):
        yield _counts(name, text, "worker", {worker.name: getattr(worker, value) for worker in seen.gauges.workers})
    text = "Times that a worker's render cache was asked, by where the answer lay"
    cached = CounterMetricFamily("flotilla_render_cache", text, labels=["worker", "found"])
    for worker, answers in sorted(seen.caches.items()):
        for found, count in sorted(answers.items()):
            cached.add_metric([worker, found], count)
    yield cached
    text = "Whether a layer of the renderers' sandbox holds on a worker, as it tried at its start"
    held = GaugeMetricFamily("flotilla_worker_sandbox", text, labels=["worker", "layer"])
    for worker, layers in sorted(seen.sandboxes.items()):
        for layer, holds in sorted(layers.items()):
            held.add_metric([worker, layer], float(holds))
    yield held


def _ages(seen: Seen) -> Iterator[Metric]:
    """Yield how old looks are; no sample where there was none yet: an age of nothing is no number."""
    for name, text, instant in (
        ("flotilla_registry_age_seconds", "Time since the registry was last reached", seen.facts.registry_checked_at),
        ("flotilla_source_oldest_age_seconds", "Longest time since a source was read", seen.gauges.oldest_source),
    ):
        family = GaugeMetricFamily(name, text)
        if instant is not None:
            family.add_metric([], _age(instant, seen.facts.now))
        yield family
    yield _counts("flotilla_sources", "Followed sources by whether they can be read", "state", seen.gauges.sources)


def _way(seen: Seen) -> Iterator[Metric]:
    facts = seen.facts
    yield GaugeMetricFamily("flotilla_scheduler_leads", "Whether a scheduler leads", value=float(facts.leads))
    takes = GaugeMetricFamily("flotilla_broker_takes_messages", "Whether the broker took the last message or proof")
    if facts.sending is not None:
        takes.add_metric([], float(facts.sending.failing_since is None))
    yield takes
    found: dict[str, float] = {}
    for one in seen.findings:
        found[one.code] = found.get(one.code, 0) + 1
    text = "What keeps the work from going on, by code; see flotilla status"
    yield _counts("flotilla_work_findings", text, "code", found)


def _age(instant: datetime, now: datetime) -> float:
    return max(0.0, (now - instant).total_seconds())


@router.get("/metrics", dependencies=[needs_everywhere(Verb.READ)])
def get_metrics(request: Request) -> Response:
    """Return all metrics in Prometheus' text format."""
    database: Database = request.app.state.database
    settings: Settings = request.app.state.settings
    receipts: Receipts = request.app.state.receipts
    hooks = receipts.views()  # which reads files, and so before any transaction
    with database.read() as connection:
        now = database.now(connection)
        facts = work_reads.facts(connection, now=now)
        seen = Seen(
            summary(connection, ALL),
            gauges(connection, now=now),
            facts,
            work.found_in(facts, settings),
            workers.render_caches(connection, now=now),
            workers.sandboxes(connection, now=now),
            hooks,
        )
    registry = CollectorRegistry()
    registry.register(HubCollector(seen))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
