"""A keeper of leases whose renewals a test makes itself, in its own process."""

from __future__ import annotations

from datetime import timedelta

from common.clock import Clock
from common.store.engine.session import Database
from workers.tasks.board import Board
from workers.tasks.leases import LeaseKeeper
from workers.tasks.renewer import Patience, Renewer, Terms


class StepKeeper(LeaseKeeper):
    """Renews when told."""

    def __init__(
        self, database: Database, clock: Clock, *, lease: timedelta, every: timedelta, patience: Patience
    ) -> None:
        board, terms = Board(), Terms(lease, every, patience)
        self.renewer = Renewer(database, clock, board, terms)
        super().__init__(self.renewer, board, clock, terms=terms)

    def renew(self) -> None:
        """Note progress, renew once, and log what was given up."""
        self.look()
        try:
            self.renewer.renew()
        finally:
            self.look()
