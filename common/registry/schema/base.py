"""Types that several kinds share: names, durations, amounts, selectors, references."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from common.domain.addresses import AddressError
from common.domain.fleet import Amount, Operator, Unit
from common.domain.refs import DNS_LABEL, is_credentials_reference

API_VERSION = "flotilla.dev/v1"
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=366)
LAX = Field(strict=False)
"""Lets an enumeration be given by its value; everything else stays strict."""

_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_PERCENT = re.compile(r"(\d{1,3})%")
_GLOB = re.compile(r"[^\s\\]{1,512}")
_LONGEST_TEXT = 2048


def refuse(what: str, remedy: str) -> NoReturn:
    """End a validator by saying what is wrong with its value and what to do about it.

    Raises:
        PydanticCustomError: always.
    """
    kind = "refused"
    raise PydanticCustomError(kind, "{what}", {"what": what, "remedy": remedy})


class Base(BaseModel):
    """Strict, closed, in camel case."""

    model_config = ConfigDict(
        strict=True, extra="forbid", alias_generator=to_camel, frozen=True, validate_default=False
    )


def _name(value: str) -> str:
    if DNS_LABEL.fullmatch(value) is None:
        refuse(
            f"{value[:80]!r} is not a name (RFC 1123 label)", "use at most 63 lower-case letters, digits and hyphens"
        )
    return value


def _duration(value: Any) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        refuse(f"{str(value)[:80]!r} is not a duration", "write it as 90s, 5m, 1h30m or 2d")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if not SHORTEST.total_seconds() <= total <= LONGEST.total_seconds():
        refuse(f"duration {value} is out of range", "give between 1s and 366d")
    return timedelta(seconds=total)


def duration_text(value: timedelta) -> str:
    """Return ``value`` (whole seconds) as the registry writes it: ``1h30m``."""
    rest = int(value.total_seconds())
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, size)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts) or "0s"


def _amount(value: Any) -> Amount:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000:
        return Amount(value)
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 100:
        refuse(f"{str(value)[:80]!r} is not an amount", "write a count such as 5, or a percentage such as 10%")
    return Amount(int(match[1]), Unit.PERCENT)


def _label_key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    if (slash and _LABEL_PREFIX.fullmatch(prefix) is None) or _LABEL_NAME.fullmatch(name) is None:
        refuse(f"{value[:80]!r} is not a label key", "use letters, digits, '-', '_' and '.', at most 63")
    return value


def _label_value(value: str) -> str:
    if value and _LABEL_NAME.fullmatch(value) is None:
        refuse(f"{value[:80]!r} is not a label value", "use letters, digits, '-', '_' and '.', at most 63")
    return value


def _reference(value: str) -> str:
    if not is_credentials_reference(value):
        refuse(f"{value[:80]!r} is not a reference", "write a name such as clusters/eu-prod-03, without dots first")
    return value


def _folder(value: str) -> str:
    parts = value.split("/")
    if value.startswith(("/", "-")) or "\\" in value or ".." in parts or "\n" in value:
        refuse(f"path {value[:80]!r} leaves the tree", "give a path inside the repository, without '..'")
    return "/".join(part for part in parts if part not in {"", "."}) or "."


def _glob(value: str) -> str:
    if _GLOB.fullmatch(value) is None or value.count("*") > 16:
        refuse(f"{value[:80]!r} is not a pattern", "use text with * (one segment) and ** (any depth)")
    return value


def address(check: Callable[[str], object]) -> AfterValidator:
    """Return what refuses a text that ``check`` (of ``common.domain.addresses``) refuses, by its words."""

    def checked(value: str) -> str:
        try:
            check(value)
        except AddressError as error:
            refuse(error.what, error.remedy)
        return value

    return AfterValidator(checked)


def _text(value: str) -> str:
    if not value.strip() or len(value) > _LONGEST_TEXT or "\x00" in value:
        refuse("the text is empty or too long", f"give 1 to {_LONGEST_TEXT} characters")
    return value


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{DNS_LABEL.pattern}$"})]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "examples": ["5m", "1h30m"]}),
]
AmountOf = Annotated[
    Amount,
    BeforeValidator(_amount),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,3}%$"}]}),
]
LabelKey = Annotated[str, AfterValidator(_label_key)]
LabelValue = Annotated[str, AfterValidator(_label_value)]
Reference = Annotated[str, AfterValidator(_reference)]
Folder = Annotated[str, AfterValidator(_folder)]
Glob = Annotated[str, AfterValidator(_glob)]
Text = Annotated[str, AfterValidator(_text)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Percent = Annotated[int, Field(ge=0, le=100)]


class Metadata(Base):
    """What a document is called."""

    name: Name = Field(description="Unique among the documents of its kind.")


class LabelledMetadata(Metadata):
    """A name and labels."""

    labels: dict[LabelKey, LabelValue] = Field(default={}, description="Key and value pairs that selectors match.")


class Head(Base):
    """What every document has besides its kind."""

    api_version: Literal["flotilla.dev/v1"] = Field(default="flotilla.dev/v1", description="Version of this format.")


class CredentialsSpec(Base):
    """Credentials by reference; a secret is never in the registry."""

    secret_ref: Reference = Field(description="What the worker's credentials provider resolves.")


class RequirementSpec(Base):
    """One requirement of a selector, as in Kubernetes."""

    key: LabelKey = Field(description="Label key.")
    operator: Annotated[Operator, LAX] = Field(description="How the label's value is compared.")
    values: list[LabelValue] = Field(default=[], description="For In and NotIn: the values; else empty.")

    @model_validator(mode="after")
    def _fitting(self) -> RequirementSpec:
        if (self.operator in {Operator.IN, Operator.NOT_IN}) != bool(self.values):
            refuse(f"operator {self.operator.value} does not go with these values", "In and NotIn take values")
        return self


class SelectorSpec(Base):
    """A selection of clusters by their labels; all rules must hold."""

    match_labels: dict[LabelKey, LabelValue] = Field(default={}, description="Labels that must have these values.")
    match_expressions: list[RequirementSpec] = Field(default=[], description="Requirements that must hold.")
    all: bool = Field(default=False, description="Selects every cluster; goes with no other rule.")

    @model_validator(mode="after")
    def _says_something(self) -> SelectorSpec:
        if self.all == bool(self.match_labels or self.match_expressions):
            what = "'all: true' with other rules" if self.all else "a selector without rules"
            refuse(what, "give rules, or write 'all: true' alone to select every cluster")
        return self


def one_of(spec: Base, keys: tuple[str, ...], what: str) -> None:
    """Refuse ``spec`` (called ``what``) unless exactly one of ``keys`` is given."""
    given = [key for key in keys if getattr(spec, key) is not None]
    if len(given) != 1:
        refuse(
            f"{what} with {'none' if not given else 'several'} of its keys", f"give exactly one of {', '.join(keys)}"
        )
