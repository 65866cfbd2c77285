"""Variables are filled in as Flux does it, where the registry says so."""

from __future__ import annotations

import random
from typing import Any

from common.domain.errors import FlotillaError
from common.domain.fleet import Substitution, SubstitutionScope, Undefined
from tests.peers.conftest import Ask
from workers.render.manifests import Sourced
from workers.render.substitute import substitute

FLUX = Substitution(Undefined.EMPTY, SubstitutionScope.YAML)
VALUES = {
    "A": "a", "N": "3", "ZERO": "0", "F": "1.10", "OCT": "0755", "E": "1e3", "ON": "true", "YES": "yes", "NULL": "null",
    "EMPTY": "", "Q": '"', "QUOTED": '"0042"', "SINGLE": "'x'", "SPACED": " s ", "URL": "https://h/p?a=b", "PCT": "50%",
    "DATE": "2026-01-01", "TIME": "12:30:45", "DASH": "-", "VAR": "${N}", "DOLLAR": "$", "NEG": "-1",
    "lower_1": "x y",
}  # fmt: skip
PARTS = (
    *(
        "a",
        "b c",
        " ",
        "0",
        "1",
        "-",
        ".",
        "/",
        ":",
        "=",
        "x: ",
        " #",
        "%",
        "$",
        "$$",
        "$$$",
        "$(A)",
        "{",
        "}",
        "'",
        '"',
    ),
    *("\n", "  ", "é", "$${A}", "true", "_", "e", ",", "[", "]", "@", "~"),
)
MANY = 4_000


def variables(draw: random.Random, depth: int = 0) -> str:
    """Return a variable in one of the forms that both know."""
    name = draw.choice((*VALUES, "UNSET", "unset_2"))
    if draw.random() < 0.5:
        return f"${{{name}}}"
    default = "".join(
        variables(draw, depth + 1)
        if depth < 2 and draw.random() < 0.4
        else draw.choice(("x", "5", "a-b", "", "1.10", "yes"))
        for _ in range(draw.randrange(3))
    )
    return f"${{{name}{draw.choice((':=', ':-', '='))}{default}}}"


def texts(count: int) -> list[str]:
    """Return texts with variables among other things."""
    draw = random.Random(31)  # noqa: S311 - the same ones each time
    return [
        "".join(variables(draw) if draw.random() < 0.5 else draw.choice(PARTS) for _ in range(draw.randrange(1, 5)))
        for _ in range(count)
    ]


def test_variables_come_out_as_with_flux(ask: Ask) -> None:
    asked = [*(f"${{{name}}}" for name in VALUES), *texts(MANY)]
    objects = [{"kind": "A", "metadata": {"name": "x"}, "spec": {"field": text}} for text in asked]
    answers = ask({"object": each, "variables": VALUES} for each in objects)
    compared = 0
    for text, each, answer in zip(asked, objects, answers, strict=True):
        theirs, ours = answer["filled"], _ours(each)
        if ours is None or "not read" in theirs or _reshaped(theirs) or _edge_of_a_block(text, ours):
            continue
        assert ours["spec"]["field"] == theirs["spec"]["field"], text
        assert type(ours["spec"]["field"]) is type(theirs["spec"]["field"]), text
        compared += 1
    assert compared > MANY * 0.6


def _ours(manifest: dict[str, Any]) -> Any:
    try:
        return substitute([Sourced(manifest, "f")], VALUES, FLUX)[0].manifest
    except FlotillaError:
        return None


def _edge_of_a_block(text: str, ours: Any) -> bool:
    """Return whether nothing, or spaces, are at an end of a text of several lines: a block of YAML loses these."""
    field = str(ours["spec"]["field"])
    edge = "\n" if text.endswith("\n") else ""
    return "\n" in text and (field == edge or field.strip(" \n") != field.removesuffix(edge))


def _reshaped(theirs: Any) -> bool:
    """Return whether a value became a part of the object, or cut one off: ours never do."""
    return theirs.keys() != {"kind", "metadata", "spec"} or isinstance(theirs["spec"]["field"], (dict, list))
