"""``POST /hooks/NAME``: open to everybody, so that what is not proved costs no question to the database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response, status

from common.domain.pushes import Push, concerns, place
from common.domain.refs import GitRef
from common.settings import Settings
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.state import fleet, pokes
from common.telemetry.logs import logger
from console.api.door.door import source_of_request
from console.api.door.rate import Rate
from console.api.hooks import declared, kind, proofs
from console.api.hooks.bodies import Bodies, Body
from console.api.hooks.declared import Hook, Hooks
from console.api.hooks.errors import HookRefusedError, HooksBusyError, HookUnreadableError
from console.api.hooks.payload import payload
from console.api.reads.hooks import Receipt, Receipts

log = logger(__name__)
router = APIRouter(include_in_schema=False)
MOST_PUSHES = 100
"""Of one request: a registry sends several events at once."""
_AT_ONCE = 2
"""Bodies that are judged and decoded at once."""


class Receiver:
    """Takes webhooks of one process.

    Args:
        settings: say where the hooks are, and which registry is followed.
        database: gets the pokes.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.hooks = Hooks(settings.hooks_dir or settings.path("hooks"))
        self.receipts = Receipts(self.hooks.kinds)
        self.bodies = Bodies()
        self.sources = Rate(per_second=20, at_once=200, names=10_000)
        self.proved = Rate(per_second=20, at_once=200, names=1_000)
        self._registry = GitRef.read(settings.registry_url, "", settings.registry_ref)
        self._database = database
        self._limiter = CapacityLimiter(_AT_ONCE)
        self._followed: tuple[int | None, Mapping[str, tuple[str, ...]]] = (None, {})
        """A snapshot's id, and what is followed since it is in force."""

    async def take(self, name: str, request: Request) -> None:
        """Take one request.

        Raises:
            RequestError: it is refused.
        """
        if not self.sources.takes(source_of_request(request)):
            raise HooksBusyError
        headers = {key.lower(): value for key, value in request.headers.items()}
        body = await self.bodies.read(request.receive)
        try:
            hook, pushes = await to_thread.run_sync(self._judged, name, headers, body, limiter=self._limiter)
        finally:
            self.bodies.free(body)
        if not self.proved.takes(hook.name):
            self.receipts.note(hook.name, Receipt.BUSY)
            raise HooksBusyError
        brought = await to_thread.run_sync(self._poke, pushes) if pushes else 0
        self.receipts.note(hook.name, Receipt.BROUGHT if brought else Receipt.NOTHING)
        log.info("webhook.received", hook=hook.name, kind=hook.kind.name, pushes=len(pushes), looks=brought)

    def _judged(self, name: str, headers: dict[str, str], body: Body) -> tuple[Hook, list[Push]]:
        raw = b"".join(body.chunks or ())
        hook = self.hooks.get(name)
        if not _proved(hook, kind.Request(headers, raw, time.time())):
            self.receipts.note(hook.name, Receipt.REFUSED)
            raise HookRefusedError
        try:
            found = hook.kind.pushes(payload(raw))
            return hook, [one for _, one in zip(range(MOST_PUSHES), found, strict=False)]
        except HookUnreadableError:
            self.receipts.note(hook.name, Receipt.UNREADABLE)
            raise

    def _poke(self, pushes: Sequence[Push]) -> int:
        """Bring looks forward; return how many."""
        places = [{place(one) for one in push.addresses} for push in pushes]
        registry = place(self._registry.repo)
        reads_registry = any(
            registry in named and concerns(push.refs, self._registry)
            for push, named in zip(pushes, places, strict=True)
        )
        with self._database.read() as connection:
            now = self._database.now(connection)
            followed = self._known(connection)
            wanted: dict[int, pokes.Poke] = {}
            for push, named in zip(pushes, places, strict=True):
                repos = sorted({repo for one in named for repo in followed.get(one, ())})
                if repos:
                    wanted |= {one.source_id: one for one in pokes.to_poke(connection, repos, push, now=now)}
        if not wanted and not reads_registry:
            return 0
        with self._database.write() as connection:
            if wanted:
                pokes.poke(connection, list(wanted.values()), now=now)
            if reads_registry:
                pokes.poke_registry(connection, now=now)
        return len(wanted) + reads_registry

    def _known(self, connection: Connection) -> Mapping[str, tuple[str, ...]]:
        """Return what is followed; it changes with the snapshot in force, and with nothing else."""
        state = fleet.state(connection)
        snapshot_id = None if state is None else state.snapshot_id
        if snapshot_id is None:
            return {}
        if self._followed[0] != snapshot_id:
            self._followed = (snapshot_id, pokes.followed(connection))
        return self._followed[1]


def _proved(hook: Hook, request: kind.Request) -> bool:
    """Return whether one of a hook's secrets proves a request, after as much work as any other takes."""
    found = False
    for secret in hook.secrets:
        if not hook.kind.signs(secret):
            proofs.spend(request.body)
        found = hook.kind.proved(request, secret) or found
    for _ in range(declared.MOST_SECRETS - len(hook.secrets)):
        proofs.spend(request.body)
    return found


@router.post("/hooks/{name}", status_code=status.HTTP_202_ACCEPTED)
async def post_hook(request: Request, name: str) -> Response:
    """Take a webhook: 202 where it is proved, whether the fleet follows what it names or not."""
    receiver: Receiver = request.app.state.receiver
    await receiver.take(name, request)
    return Response(status_code=status.HTTP_202_ACCEPTED)
