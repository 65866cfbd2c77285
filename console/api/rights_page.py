"""``python -m console.api.rights_page``: writes the table of routes and rights into docs/reference/rights.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fastapi.routing import APIRoute

from common.domain.rights import BUILT_IN, EVERYWHERE
from console.api.door.needs import Needs, needed
from console.api.routes import API, OPEN, OTHERS

FILE = Path("docs/reference/rights.md")
_MARK = "<!-- table -->\n"
_HEAD = "| route | right | where | " + " | ".join(role.value for role in BUILT_IN) + " |\n"


def table() -> str:
    """Return what each route needs, and which of the fleet's roles have that, as a table in Markdown."""
    rule = "| --- " * (3 + len(BUILT_IN)) + "|\n"
    return _HEAD + rule + "".join(sorted(_rows()))


def _rows() -> Iterator[str]:
    for router in (*OPEN, *API, *OTHERS):
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods or ()):
                    yield _row(f"`{method} {route.path}`", needed(route))


def _row(route: str, declared: Needs | None) -> str:
    if declared is None or declared.verb is None:
        said = ["nobody is asked" if declared is None else "signed in", "", *(["yes"] * len(BUILT_IN))]
    else:
        where = "the whole fleet" if declared.everywhere else "its project"
        have = ("yes" if grants.may(declared.verb, EVERYWHERE) else "no" for grants in BUILT_IN.values())
        said = [declared.verb.value, where, *have]
    return f"| {' | '.join([route, *said])} |\n"


if __name__ == "__main__":
    before = FILE.read_text(encoding="utf-8").partition(_MARK)[0]
    FILE.write_text(before + _MARK + table(), encoding="utf-8")
