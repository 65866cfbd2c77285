"""What a caller may read, as conditions: every read is cut by them to the projects of its scope.

A read within no project at all asks the same statements as any other, and finds nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from common.domain.rights import Scope
from common.store.schema.tables import PlacementRow, SourceDigestRow


def within(scope: Scope, project: Any) -> list[ColumnElement[bool]]:
    """Return the conditions that rows are of a scope's projects, by the column that says whose each is."""
    return [] if scope.projects is None else [project.in_(sorted(scope.projects))]


def clusters(scope: Scope) -> Select[str] | None:
    """Return a query for the clusters that something of a scope is placed on; None where that is all of them."""
    if scope.projects is None:
        return None
    return select(PlacementRow.cluster).where(PlacementRow.state != "left", *within(scope, PlacementRow.project))


def on_clusters(scope: Scope, name: Any) -> list[ColumnElement[bool]]:
    """Return the conditions that rows are about clusters that something of a scope is placed on."""
    here = clusters(scope)
    return [] if here is None else [name.in_(here)]


def of_applications(scope: Scope, application: Any) -> list[ColumnElement[bool]]:
    """Return the conditions that rows are about applications that are a scope's wherever they are placed."""
    if scope.projects is None:
        return []
    return [application.in_(select(PlacementRow.application).where(*within(scope, PlacementRow.project)))]


def of_sources(scope: Scope, source_id: Any) -> list[ColumnElement[bool]]:
    """Return the conditions that rows are about sources that an application of a scope reads; never the registry's."""
    if scope.projects is None:
        return []
    followed = select(SourceDigestRow.source_id).where(*of_applications(scope, SourceDigestRow.application))
    return [source_id.in_(followed)]
