"""Links to a team's logs and dashboards, of the Fleet and of Projects."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from common.domain.fleet.links import LONGEST_NAME, MOST_LINKS, check_template
from common.registry.schema.base import Base, Text, address, refuse


def _title(value: str) -> str:
    if not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        refuse(f"{value[:80]!r} is not the name of a link", f"give 1 to {LONGEST_NAME} printable characters")
    return value


class LinkSpec(Base):
    """A link on the page of each placement."""

    name: Annotated[Text, AfterValidator(_title)] = Field(description="What people click on, as Logs.")
    url: Annotated[Text, address(check_template)] = Field(
        description="https address with ${project}, ${application}, ${cluster} and ${namespace}, percent-encoded."
    )


def _few(value: list[Any]) -> list[Any]:
    if len(value) > MOST_LINKS:
        refuse(f"{len(value)} links", f"give at most {MOST_LINKS}: people look for the one that they need")
    names = [one.name for one in value]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        refuse(f"link {twice} is given twice", "keep one of the two, or give it another name")
    return value


Links = Annotated[list[LinkSpec], AfterValidator(_few)]
