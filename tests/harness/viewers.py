"""Callers with rights of a test's choice."""

from __future__ import annotations

from fastapi import FastAPI

from common.domain.rights import Grants
from console.api.door.viewer import Means, Viewer, viewer


def asks_as(app: FastAPI, grants: Grants, *, actor: str = "somebody") -> None:
    """Let every request to an application that passes its door come from somebody with these rights."""
    app.dependency_overrides[viewer] = lambda: Viewer(actor, grants, Means.SESSION)
