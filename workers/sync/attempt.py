"""One attempt: what its steps share, and what is said of it at its end."""

from __future__ import annotations

from dataclasses import replace

from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason
from workers.sync.apply.outcomes import Outcomes
from workers.sync.apply.reading import live_metadata
from workers.sync.apply.removing import Remover
from workers.sync.apply.writing import Writer
from workers.sync.plan.comparing import Comparing
from workers.sync.plan.waves import objects_of
from workers.sync.ports import Ports
from workers.sync.preparing import Prepared
from workers.sync.removals import Removals
from workers.sync.results import Ending, SyncResult
from workers.sync.timings import Timings
from workers.sync.waves import Halt, WaveRunner


class Attempt:
    """What the steps of one attempt share.

    Args:
        prepared: what it is to do.
        ports: the outside.
        timings: of its steps, what was prepared included.
    """

    def __init__(self, prepared: Prepared, ports: Ports, timings: Timings) -> None:
        self.prepared, self.request, self.ports, self.timings = prepared, prepared.request, ports, timings
        self.outcomes = Outcomes(ports)
        self.comparing = Comparing(self.request, ports, objects_of(prepared.wanted), prepared.arriving)
        self.writer = Writer(self.request, ports, self.comparing.differ, self.outcomes)
        self.remover = Remover(self.request, ports, self.outcomes)
        self.removals = Removals(self.request, ports, prepared.unserved)
        self.waves = WaveRunner(self.request, ports, self.outcomes, prepared.plan, timings)

    def look(self) -> None:
        """Read what of the inventory is live.

        Raises:
            TransientError: a LIST did not end.
        """
        label = self.request.ref.mark(self.request.fleet)
        with self.timings.of("list"):
            found = live_metadata(self.ports.cluster, self.request.inventory, self.comparing.listable, label)
        self.comparing.found(found)

    def result(self, ending: Ending, reason: Reason = NONE, left: tuple[ObjectId, ...] = ()) -> SyncResult:
        """Return what came of the attempt.

        Args:
            ending: how it ended.
            reason: why.
            left: what remains to be pruned, or what an approval is wanted for.
        """
        return SyncResult(
            ending,
            tuple(self.outcomes.changes),
            reason=reason,
            error_code=self.outcomes.error_code,
            prune=left,
            refreshed=self.outcomes.refreshed,
            requests=self.ports.cluster.requests(),
            timings=self.timings.milliseconds,
            warnings=self.prepared.warnings,
            delete_hooks=self.prepared.delete_hooks,
            fights=tuple(self.comparing.fights),
            going=tuple(self.outcomes.going),
            fail_hooks=bool(self.waves.on_failure),
            unended=self.prepared.unended,
        )

    def halted(self, halt: Halt) -> SyncResult:
        """Return what came of the attempt where its next step does not begin now; hooks for a failure begin.

        Raises:
            TransientError: the cluster failed.
            LeaseLostError: this attempt may not write any more.
        """
        if halt.ending is not Ending.WAITING:
            self.waves.end_phases()
        if halt.ending is Ending.FAILED:
            self.waves.run_fail_hooks()
        result = self.result(halt.ending, halt.reason)
        return replace(result, awaits=halt.awaits, asks=halt.asks, hook_active=halt.hook_active, partial=True)
