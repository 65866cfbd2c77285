"""Names and words that a request gives: each is known, or the answer says which one may have been meant.

Names are suggested from what the caller may read, which is the scope that each takes. A name outside of it is answered
as one that does not exist: by the same words, made of the same statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from common.domain.addresses import repository_key
from common.domain.approvals import ApprovalState
from common.domain.events import EventKind
from common.domain.fleet import Fleet
from common.domain.health import Health
from common.domain.names import suggestion
from common.domain.refs import PlacementRef, RunId
from common.domain.rights import Scope
from common.domain.runs import Outcome, RunState, SyncStatus
from common.store.engine.connection import Connection
from common.store.reads import names, placements, runs
from common.store.reads.placements import PlacementFilter, PlacementView
from common.store.reads.runs import RunDetail
from common.store.state import approvals
from common.store.state.approvals import Approval
from console.api.contract.errors import AmbiguousError, NotFoundError, UnknownValueError

_PART = re.compile(r"[0-9a-f-]{6,35}")
_CANDIDATES = 5
_NEAR = 3


def placement(connection: Connection, scope: Scope, ref: PlacementRef) -> PlacementView:
    """Return a placement.

    Raises:
        NotFoundError: there is none; the remedy names the nearest.
    """
    view = placements.placement(connection, scope, ref)
    if view is not None:
        return view
    message = f"there is no placement {ref}"
    known = names.clusters(connection, scope)
    if ref.cluster not in known:
        raise NotFoundError(message, remedy=suggestion(ref.cluster, known, "no cluster is declared yet"))
    there = names.applications_on(connection, scope, ref.cluster)
    refs = [str(PlacementRef(ref.cluster, one)) for one in there]
    raise NotFoundError(message, remedy=suggestion(str(ref), refs, f"nothing is placed on {ref.cluster}"))


def run(connection: Connection, scope: Scope, id_: str) -> RunDetail:
    """Return a run by its id, by the beginning of it, or by that of its last twelve digits.

    Raises:
        NotFoundError: there is none.
        AmbiguousError: there are several; the remedy lists them.
    """
    detail = runs.run(connection, scope, RunId(id_))
    if detail is None and _PART.fullmatch(id_):
        found = runs.by_part(connection, scope, id_, limit=_CANDIDATES)
        if len(found) > 1:
            message = f"several runs are called {id_}"
            raise AmbiguousError(message, remedy=f"name one: {', '.join(f'{one} ({ref})' for one, ref in found)}")
        detail = runs.run(connection, scope, found[0][0]) if found else None
    if detail is None:
        message = f"there is no run {id_}"
        raise NotFoundError(message, remedy="`flotilla runs` lists them; six characters of an id or more will do")
    return detail


def cluster(connection: Connection, scope: Scope, name: str) -> None:
    """Return if the cluster is known, or no name is given.

    Raises:
        UnknownValueError: there is none.
    """
    if name:
        _one_of("cluster", name, names.clusters(connection, scope), "no cluster is declared yet")


def application(connection: Connection, scope: Scope, name: str) -> None:
    """Return if the application is placed somewhere or was, or no name is given.

    Raises:
        UnknownValueError: there is none.
    """
    if name:
        _one_of("application", name, names.applications(connection, scope), "nothing is placed yet")


def application_of_path(connection: Connection, scope: Scope, name: str) -> None:
    """Return if the application is placed somewhere, or was.

    Raises:
        NotFoundError: there is none; the remedy names the nearest.
    """
    placed = names.applications(connection, scope)
    if name not in placed:
        message = f"there is no application {name}"
        raise NotFoundError(message, remedy=suggestion(name, placed, "nothing is placed yet"))


def repository(connection: Connection, scope: Scope, repo: str) -> str:
    """Return the URL by which the fleet follows the repository; empty if none is given.

    Args:
        connection: to read by.
        scope: of whose projects.
        repo: its URL in any spelling: with or without ``.git``, as ``USER@HOST:PATH`` or ``ssh://``.

    Raises:
        UnknownValueError: it does not; never repeats what was given, which may carry a password.
    """
    if not repo:
        return ""
    known = names.repositories(connection, scope)
    found = {repository_key(one): one for one in sorted(known, reverse=True)}.get(repository_key(repo))
    if found is None:
        message = "the fleet follows no repository of that URL"
        raise UnknownValueError(message, remedy=suggestion(repo, known, "it follows none yet", most=_NEAR))
    return repo if repo in known else found


def approval(connection: Connection, scope: Scope, approval_id: int) -> Approval:
    """Return what waits for a person, or did, by its number.

    Raises:
        NotFoundError: nothing does; the remedy lists what is open.
    """
    found = approvals.get(connection, approval_id)
    if found is not None and scope.covers(found.project):
        return found
    listed = ", ".join(map(str, names.open_approvals(connection, scope)))
    message = f"there is no approval {approval_id}"
    raise NotFoundError(message, remedy=f"open: {listed}" if listed else "nothing waits for approval")


def sync(word: str) -> None:
    """Return if it is a sync status, or empty."""
    _word("sync status", word, SyncStatus)


def health(word: str) -> None:
    """Return if it is a health, or empty."""
    _word("health", word, Health)


def run_state(word: str) -> None:
    """Return if it is a state of runs, or empty."""
    _word("state", word, RunState)


def outcome(word: str) -> None:
    """Return if it is an outcome of runs, or empty."""
    _word("outcome", word, Outcome)


def event_kind(word: str) -> EventKind:
    """Return the kind of events of that name.

    Raises:
        UnknownValueError: there is none.
    """
    _one_of("kind of event", word, [kind.value for kind in EventKind], "")
    return EventKind(word)


def approval_state(word: str) -> None:
    """Return if it is a state of approvals, or empty."""
    _word("state", word, ApprovalState)


def selection(connection: Connection, scope: Scope, which: PlacementFilter) -> PlacementFilter:
    """Return the filter if everything in it is known.

    Raises:
        UnknownValueError: something is not.
    """
    cluster(connection, scope, which.cluster)
    application(connection, scope, which.application)
    sync(which.sync)
    health(which.health)
    return which


def labelled(
    connection: Connection, scope: Scope, fleet: Fleet | None, labels: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the clusters that have all of the labels, each ``key=value``; None where no label is given.

    Args:
        connection: to read by.
        scope: of whose projects something is placed there.
        fleet: as declared; None where no label is given.
        labels: that are asked for.

    Raises:
        UnknownValueError: one has another form, or no cluster has such a key, or such a value of it.
    """
    if fleet is None:
        return None
    here = frozenset(names.clusters(connection, scope))
    declared = {name: one for name, one in fleet.clusters.items() if name in here}
    found = dict(declared)
    for label in labels:
        key, equals, value = label.partition("=")
        if not (key and equals):
            message = f"{label!r} is not a label"
            raise UnknownValueError(message, remedy="write KEY=VALUE")
        values = {one.labels[key] for one in declared.values() if key in one.labels}
        if not values:
            keys = {each for one in declared.values() for each in one.labels}
            _one_of("label", key, keys, "no cluster has labels")
        _one_of(f"{key} of a cluster", value, values, "")
        found = {name: one for name, one in found.items() if one.labels.get(key) == value}
    return tuple(sorted(found))


def _word(what: str, given: str, words: type[StrEnum]) -> None:
    if given:
        _one_of(what, given, [word.value for word in words], "")


def _one_of(what: str, given: str, known: Iterable[str], otherwise: str) -> None:
    all_known = set(known)
    if given not in all_known:
        message = f"there is no {what} {given!r}"
        raise UnknownValueError(message, remedy=suggestion(given, all_known, otherwise))
