"""``GET /metrics``: the fleet in numbers, for Prometheus; behind the same token as the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from common.db import workers
from common.db.reads.summary import Summary, summary
from common.db.session import Database

router = APIRouter()


class FleetCollector(Collector):
    """Turns a summary into gauges, and the answers of workers' render caches into counters."""

    def __init__(self, seen: Summary, caches: Mapping[str, Mapping[str, int]]) -> None:
        self._seen = seen
        self._caches = caches

    def collect(self) -> Iterator[Metric]:
        """Yield one family per count."""
        for name, text, label, counts in (
            ("flotilla_placements_sync", "Placements by sync status", "status", self._seen.sync),
            ("flotilla_placements_health", "Placements by health", "health", self._seen.health),
            ("flotilla_clusters", "Declared clusters by reachability", "state", self._seen.clusters),
            ("flotilla_faults", "Open faults by scope", "scope", self._seen.faults),
        ):
            family = GaugeMetricFamily(name, text, labels=[label])
            for value, count in sorted(counts.items()):
                family.add_metric([value], count)
            yield family
        text = "Times that a worker's render cache was asked, by where the answer lay"
        cached = CounterMetricFamily("flotilla_render_cache", text, labels=["worker", "found"])
        for worker, answers in sorted(self._caches.items()):
            for found, count in sorted(answers.items()):
                cached.add_metric([worker, found], count)
        yield cached


@router.get("/metrics")
def get_metrics(request: Request) -> Response:
    """Return the gauges in Prometheus' text format."""
    database: Database = request.app.state.database
    with database.read() as connection:
        seen = summary(connection)
        caches = workers.render_caches(connection, now=database.now(connection))
    registry = CollectorRegistry()
    registry.register(FleetCollector(seen, caches))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
