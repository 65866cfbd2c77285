"""``GET /badge/APP.svg``: how an application stands, as a picture for other people's pages.

Who has signed in gets it of what they may read, and everybody of the projects that say ``badges: true``. All others get
one answer, whether there is such an application or not, made of the same statements.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from html import escape
from http import HTTPStatus
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from common.domain.health import WELL, Health
from common.domain.rights import Scope
from common.domain.runs import SyncStatus
from common.snapshots import NoFleetError, Snapshots
from common.store.engine.session import Database
from common.store.reads.placements import PlacementFilter
from common.store.reads.summary import placed
from console.api.contract.errors import NotFoundError, ThrottledError
from console.api.door.door import source_of_request
from console.api.door.rate import Rate
from console.api.door.viewer import STATE, Viewer

router = APIRouter(include_in_schema=False)
KEPT = 60
"""Seconds for which a badge may be shown again without asking."""
LONGEST = 63
"""Characters of a name that are drawn; the registry takes no longer one."""
MOST_READ = 1000
"""Characters of a header that are looked at."""
_WAIT = 10
_SYNC = (SyncStatus.SYNCED, SyncStatus.OUT_OF_SYNC, SyncStatus.UNKNOWN, SyncStatus.FAILED)
"""From best to worst."""
_GOOD, _BAD, _BETWEEN, _UNKNOWN = "#2e7d32", "#b3261e", "#9a5b00", "#5f6368"
"""White words on each have a contrast of 4.5 at least."""
_ADVANCE, _PADDING = 7, 10
"""Of a letter, and beside words, in pixels."""
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"


class Badges:
    """Draws the badges of one process.

    Args:
        database: says how applications stand.
        snapshots: say which projects give badges to everybody.
    """

    def __init__(self, database: Database, snapshots: Snapshots) -> None:
        self.sources = Rate(per_second=20, at_once=200, names=10_000)
        self._database, self._snapshots = database, snapshots

    def badge(self, application: str, viewer: Viewer | None) -> str | None:
        """Return an SVG of the worst sync and health of an application; None where the caller may not see any of it."""
        own = Scope(frozenset()) if viewer is None else viewer.scope()
        scope = own if own.projects is None else Scope(own.projects | self._public())
        with self._database.read() as connection:
            sync, health = placed(connection, scope, PlacementFilter(application=application))
        if not sync:
            return None
        return svg(application, max(map(SyncStatus, sync), key=_SYNC.index), max(map(Health, health), key=_rank))

    def _public(self) -> frozenset[str]:
        """Return the projects whose badges everybody gets; none where no registry can be read."""
        with suppress(NoFleetError):
            found = self._snapshots.find(self._database)
            projects = {} if found is None else found[1].projects
            return frozenset(name for name, project in projects.items() if project.badges)
        return frozenset()


def _rank(health: Health) -> int:
    return health.rank


def svg(name: str, sync: SyncStatus, health: Health) -> str:
    """Return a badge: a name, which may be anything, beside how it stands."""
    drawn = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in name[:LONGEST])
    stands = f"{sync.value}, {health.value}"
    left, right = (len(words) * _ADVANCE + _PADDING for words in (drawn, stands))
    title = escape(f"{drawn}: {stands}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f'<title>{title}</title><rect width="{left}" height="20" fill="#3c4043"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_colour(sync, health)}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_text(drawn, 0, left)}{_text(stands, left, right)}</g></svg>\n"
    )


def _text(words: str, at: int, width: int) -> str:
    x, length = at + _PADDING // 2, width - _PADDING
    return f'<text x="{x}" y="14" textLength="{length}">{escape(words)}</text>'


def _colour(sync: SyncStatus, health: Health) -> str:
    if sync is SyncStatus.FAILED or health is Health.DEGRADED:
        return _BAD
    if SyncStatus.UNKNOWN is sync or health is Health.UNKNOWN:
        return _UNKNOWN
    return _GOOD if sync is SyncStatus.SYNCED and health in WELL else _BETWEEN


@router.get("/badge/{application}.svg")
async def get_badge(request: Request, application: str) -> Response:
    """Return the badge of an application, or that there is none."""
    badges: Badges = request.app.state.badges
    found: Any = getattr(request.state, STATE, None)
    viewer = found if isinstance(found, Viewer) else None
    if viewer is None and not badges.sources.takes(source_of_request(request)):
        raise ThrottledError(_WAIT, "too many badges")
    drawn = await to_thread.run_sync(badges.badge, application, viewer)
    if drawn is None:
        message = "there is no such badge"
        raise NotFoundError(message, remedy="sign in, or let the project say `badges: true`")
    tag = f'"{hashlib.sha256(drawn.encode()).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        # What somebody gets by their rights is theirs: no cache that others share may keep it.
        "Cache-Control": f"{'public' if viewer is None else 'private'}, max-age={KEPT}",
        "Vary": "Authorization, Cookie",
        "Content-Security-Policy": _POLICY,
    }
    if tag in request.headers.get("if-none-match", "")[:MOST_READ]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(drawn, headers=headers, media_type="image/svg+xml")
