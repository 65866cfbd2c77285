"""Rules of health: of an application for its own objects, and HealthRule, for a kind on the whole fleet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from common.cel import ExpressionError, predicate
from common.lua import LONGEST_SCRIPT, LuaError, check
from common.registry.schema.base import Base, Head, Metadata, Text, refuse


def _expression(value: str) -> str:
    try:
        predicate(value)
    except ExpressionError as error:
        remedy = "the object is called self, as in self.status.phase == 'Ready'"
        refuse(f"not a CEL expression of an object: {error}", remedy)
    return value


def _script(value: str) -> str:
    try:
        check(value)
    except LuaError as error:
        refuse(f"not a script in Lua: {error}", "the object is called obj; return {status = ..., message = ...}")
    return value


Expression = Annotated[Text, Field(max_length=1_000), AfterValidator(_expression)]
Script = Annotated[str, Field(min_length=1, max_length=LONGEST_SCRIPT), AfterValidator(_script)]


class HealthSpec(Base):
    """CEL expressions for one kind."""

    kind: Text = Field(description="Kind of the objects.")
    group: str = Field(default="", description="Their API group.")
    healthy: Expression | None = Field(default=None, description="True when healthy. Absent: never.")
    failed: Expression | None = Field(default=None, description="True when degraded; asked first. Absent: never.")

    @model_validator(mode="after")
    def _judges(self) -> HealthSpec:
        if self.healthy is None and self.failed is None:
            refuse("a health rule without an expression", "give healthy, failed or both")
        return self


class HealthRuleSpec(Base):
    """CEL expressions or a script in Lua, for a kind or several."""

    kind: Text = Field(description="Kind of the objects; stars stand for anything.")
    group: str = Field(default="", description="Their API group; stars stand for anything. Absent: the core one.")
    healthy: Expression | None = Field(default=None, description="CEL: true when healthy. Absent: never.")
    failed: Expression | None = Field(default=None, description="CEL: true when degraded; asked first. Absent: never.")
    lua: Script | None = Field(
        default=None, description="As Argo CD has it, instead of CEL: the object is obj, and status and message return."
    )

    @model_validator(mode="after")
    def _judges(self) -> HealthRuleSpec:
        in_cel = self.healthy is not None or self.failed is not None
        if not in_cel and self.lua is None:
            refuse("a health rule that judges nothing", "give healthy, failed or both, or lua")
        if in_cel and self.lua is not None:
            refuse("a health rule both in CEL and in Lua", "give lua, or healthy and failed")
        return self


class HealthRuleDocument(Head):
    """A rule of health for the whole fleet."""

    kind: Literal["HealthRule"] = Field(description="HealthRule.")
    metadata: Metadata = Field(description="Its name.")
    spec: HealthRuleSpec = Field(description="Which kinds, and how their health is known.")
