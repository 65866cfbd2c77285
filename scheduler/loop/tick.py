"""One turn of the scheduler: each step does a little and is safe to repeat; one that fails holds up no other."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from common.domain.errors import FlotillaError, TransientError
from common.store.engine.errors import DatabaseUnavailableError
from common.store.queue.leadership import NotLeadingError
from common.telemetry.logs import logger
from scheduler.loop.counting import Counting
from scheduler.loop.dispatch import Dispatcher
from scheduler.loop.findings import Findings
from scheduler.loop.intents import IntentRunner
from scheduler.loop.leader import Leadership
from scheduler.loop.listening import Listening
from scheduler.loop.planner import Planner
from scheduler.loop.reaper import Reaper
from scheduler.loop.registry_watch import RegistryWatch
from scheduler.loop.requeue import Requeue
from scheduler.loop.retention import Retention

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Scheduler:
    """All loops of one scheduler.

    Attributes:
        draw: gives numbers in [0, 1), for jitter.
    """

    leadership: Leadership
    intents: IntentRunner
    registry: RegistryWatch
    findings: Findings
    planner: Planner
    dispatcher: Dispatcher
    reaper: Reaper
    requeue: Requeue
    retention: Retention
    counting: Counting
    listening: Listening
    draw: Callable[[], float] = random.random

    def turn(self) -> bool:
        """Do what is due if this scheduler leads; return whether it does."""
        leads = self._leads()
        if not (leads and self.leadership.unbroken):
            self._forget()
        if not leads:
            return False
        try:
            self._steps()
        except NotLeadingError as error:
            log.warning("leader.lost", error=str(error))
            self._forget()
            return False
        except DatabaseUnavailableError as error:
            log.warning("database.unavailable", error=str(error))
            self.reaper.lost()
        return True

    def _forget(self) -> None:
        """Drop what was read: another scheduler leads, or has led since."""
        self.planner.forget()
        self.registry.forget()
        self.reaper.lost()

    def _leads(self) -> bool:
        try:
            return self.leadership.leads()
        except FlotillaError as error:
            log.warning("leader.unknown", code=error.code, error=str(error))
            return False

    def _steps(self) -> None:
        self._contained("intents", self.intents.tick)
        self._contained("registry", lambda: self.registry.look(jitter=0.5 + self.draw() / 2))
        # Before what makes the runs of placements that are to be tried again, and before what sends them all.
        self._contained("findings", self.findings.tick)
        self._contained("planner", self.planner.tick)
        self._contained("requeue", self.requeue.tick)
        self._contained("dispatch", self.dispatcher.tick)
        self._contained("reaper", self.reaper.tick)
        self._contained("retention", self.retention.tick)
        self._contained("counts", self.counting.tick)
        self._contained("events", self.listening.tick)

    def _contained(self, name: str, step: Callable[[], object]) -> None:
        """Run a step; what goes wrong in it is logged and costs the others nothing.

        Raises:
            DatabaseUnavailableError: no other step could do anything either.
            NotLeadingError: nor may any other step do anything.
        """
        self.leadership.moved()
        try:
            step()
        except (DatabaseUnavailableError, NotLeadingError):
            raise
        except TransientError as error:
            log.warning("step.held-up", step=name, code=error.code, error=str(error))
        except FlotillaError as error:
            log.warning("step.failed", step=name, code=error.code, error=str(error))
        except Exception as error:  # a defect in one step must not stop the fleet
            log.exception("step.broke", step=name, error=type(error).__name__)
