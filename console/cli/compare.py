"""``compare``: in what two placements differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import typer

from common.domain import formatting
from common.domain.changes import Action
from common.domain.errors import FlotillaError
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.settings import settings
from console.cli.asking import Ref, placement_ref
from console.cli.exits import Exit
from console.cli.layout import Column, Row
from console.cli.output import Format, Output, colour, heading, is_data, paint, paragraph, table, waiting
from console.cli.told import data_of, field_lines, revision, source_line, tell_fields
from console.client.address import address
from console.client.hub import connect

_VALUES = (Column("value", 0, 20), Column("first", 0, 10), Column("second", 0, 10))
_WORDS = {Action.CREATED: "only in the second", Action.PRUNED: "only in the first", Action.CONFIGURED: "differs"}


def compare(first: Ref, second: Ref, output: Output = Format.TABLE) -> None:
    """Show in what two placements differ. Revisions, values with file and line, and objects are compared.

    On the hub's machine both are rendered, and the fields that differ are shown; values of Secrets are not compared.
    Exit 1 if anything differs.

    Example: flotilla compare eu-prod-03/payments us-prod-01/payments
    """
    one, other = placement_ref(first), placement_ref(second)
    told = connect().get_comparison(one.cluster, one.application, other.cluster, other.application)
    found: dict[str, Any] = {**told, "rendered": _rendered(one, other)}
    if not is_data(output, found):
        _tell(found)
    raise typer.Exit(Exit.DONE if _same(found) else Exit.NO)


def _rendered(first: PlacementRef, second: PlacementRef) -> dict[str, Any]:
    """Return the objects that differ as they are rendered; where they cannot be here, why."""
    if address().server:
        return {"objects": [], "error": "run it on the hub's machine to see which fields differ"}
    # Imported late: what renders takes longer to import than all that the hub answers.
    from console.planning.compared import manifests_compared

    try:
        with waiting("rendering both"):
            changes = manifests_compared(settings(), first, second)
    except FlotillaError as error:
        return {"objects": [], "error": error.message}
    objects = [
        {"object": str(one.object), "action": str(one.action), "detail": sentence(one.detail), **data_of(one.diff)}
        for one in changes
    ]
    return {"objects": objects, "error": ""}


def _same(found: Mapping[str, Any]) -> bool:
    objects = found["rendered"]["objects"] or found["only_first"] or found["only_second"]
    return bool(found["same_revision"]) and not found["values"] and not objects


def _tell(found: Mapping[str, Any]) -> None:
    for name in ("first", "second"):
        _tell_side(name, found[name])
    heading("values", f"{formatting.of(found['same_values'], 'other')} alike")
    table(_VALUES, list(map(_value_row, found["values"])), empty="  none differs")
    _tell_objects(found)


def _tell_side(name: str, side: Mapping[str, Any]) -> None:
    view = side["placement"]
    told = (view["ref"], "bold"), ("  ", ""), (view["sync"], colour(view["sync"])), ("  ", "")
    paint((f"{name:<7}", "dim"), *told, (view["health"], colour(view["health"])))
    for one in side["applied"]:
        paragraph(source_line(one, several=len(side["applied"]) > 1), indent=7)
    if not side["applied"]:
        paragraph("nothing applied yet", indent=7)
    elif side["wanted"] != side["applied"]:
        paragraph(f"wanted: {revision(side['wanted']) or 'not resolved'}", indent=7)


def _value_row(one: Mapping[str, Any]) -> Row:
    where = (f"{name}: {given['where']} ({given['origin']})" for name in ("first", "second") if (given := one[name]))
    return Row((".".join(one["path"]), _shown(one["first"]), _shown(one["second"])), tuple(where))


def _shown(given: Mapping[str, Any] | None) -> str:
    return "(none)" if given is None else orjson.dumps(given["value"]).decode()


def _tell_objects(found: Mapping[str, Any]) -> None:
    rendered = found["rendered"]
    heading("objects", f"{formatting.of(found['both'], 'name')} in both")
    if rendered["error"]:
        paragraph(rendered["error"])
        for name in ("first", "second"):
            for one in found[f"only_{name}"]:
                paint(("  ", ""), (one, "bold"), (f"  only {name}", "yellow"))
        return
    for one in rendered["objects"]:
        paint(("  ", ""), (one["object"], "bold"), (f"  {_WORDS.get(one['action'], one['action'])}", "yellow"))
        if one["detail"]:
            paragraph(one["detail"], indent=4, style="dim")
        tell_fields(field_lines(one))
    if not rendered["objects"]:
        paragraph("no field differs")
