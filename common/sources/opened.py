"""The repositories of this process that are open for reading."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from common.sources.git import GitRunner
from common.sources.objects import Objects
from common.sources.places import Place

_MOST = 16


class OpenRepositories:
    """The objects of the repositories read last, a process each. Safe to use from several threads."""

    def __init__(self, runner: GitRunner) -> None:
        self._runner = runner
        self._open: OrderedDict[Path, Objects] = OrderedDict()
        self._lock = threading.Lock()

    def objects(self, place: Place, *, url: str) -> Objects:
        """Return the objects of the repository at ``place``; the one read longest ago is closed for it."""
        fresh = Objects(self._runner, place.repo, url=url, damaged=place.suspect)
        with self._lock:
            objects = self._open.setdefault(place.repo, fresh)
            self._open.move_to_end(place.repo)
            surplus = [self._open.popitem(last=False)[1] for _ in range(len(self._open) - _MOST)]
        for each in surplus:
            each.close()
        return objects

    def forget(self, place: Place) -> None:
        """Close the repository at ``place``: another one is there now."""
        with self._lock:
            stale = self._open.pop(place.repo, None)
        if stale is not None:
            stale.close()

    def close(self) -> None:
        """End the processes that read objects."""
        with self._lock:
            known = list(self._open.values())
            self._open.clear()
        for each in known:
            each.close()
