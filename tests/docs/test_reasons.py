"""The page of all codes, made from the code and compared with what is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain import answers, codes, health_codes, holds, manifest_warnings, reasons, status
from common.domain.answers import Await, NextStep
from common.domain.codes import (
    ApprovalReason,
    CauseReason,
    FaultReason,
    HookReason,
    InspectionReason,
    MessageReason,
    ObjectReason,
    RequestReason,
    RunReason,
    StuckReason,
    SweepReason,
    SyncReason,
)
from common.domain.errors import FlotillaError
from common.domain.health_codes import HealthReason
from common.domain.holds import Denial, Hold, Leftover, Taking
from common.domain.manifest_warnings import ManifestWarning
from common.domain.status import Contact, Found, Reason

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/reasons.md"
PACKAGES = ("common", "scheduler", "workers", "console")
ENUMS = (
    Hold, Taking, Denial, Leftover, Contact, Found, CauseReason, RunReason, StuckReason, SyncReason, ObjectReason,
    HookReason, RequestReason, ApprovalReason, FaultReason, SweepReason, InspectionReason, MessageReason,
    ManifestWarning, HealthReason, Await, NextStep,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    "objects", "adopted", "first", "manager", "until", "others", "why", "what", "waited", "warnings", "message",
    "object", "parts", "fields", "finalizers", "lines",
)  # fmt: skip


def _trees() -> Iterator[ast.Module]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _meanings(name: str) -> dict[str, str]:
    """Return what is written below each member of an enum, by its name."""
    for module in (holds, status, codes, health_codes, manifest_warnings, answers):
        for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return dict(_members(node))
    raise LookupError(name)


def _members(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for member, words in zip(node.body, node.body[1:], strict=False):
        match member, words:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, " ".join(said.split()).replace("``", "`")


def _errors() -> dict[str, str]:
    """Return what is said of every error, by its code."""
    found: dict[str, str] = {}
    for node in (node for tree in _trees() for node in tree.body if isinstance(node, ast.ClassDef)):
        for line in node.body:
            match line:
                case (
                    ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code)))
                    | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code)))
                ):
                    said = (ast.get_docstring(node) or "").partition("\n\n")[0]
                    found.setdefault(code, " ".join(said.split()).replace("``", "`"))
    return found


def tables() -> str:
    """Return the part of the page that is made from the code."""
    parts = []
    for enum in ENUMS:
        meanings = _meanings(enum.__name__)
        rows = []
        for one in enum:
            said, _, params = meanings[one.name].partition(" Params: ")
            named = params.rstrip(".") or ""
            rows.append(f"| `{one.value}` | {said} | {named} |")
        title = (enum.__doc__ or "").removeprefix("Codes of ").partition("; ")[0].partition("\n")[0].rstrip(".")
        head = f"## {title[0].upper()}{title[1:]}\n\n| code | meaning | parameters |\n| --- | --- | --- |\n"
        parts.append(head + "\n".join(rows) + "\n")
    rows = [f"| `{code}` | {said} |" for code, said in sorted(_errors().items())]
    parts.append("## Errors\n\n| code | meaning |\n| --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def test_the_page_has_the_tables_that_the_code_makes() -> None:
    assert PAGE.read_text(encoding="utf-8").partition("<!-- tables -->\n")[2] == tables()


def test_every_code_has_a_sentence() -> None:
    assert {one.value for enum in ENUMS for one in enum} == reasons.codes()


def test_an_error_says_its_own_words() -> None:
    error = FlotillaError("no such host", remedy="mend it")
    assert reasons.sentence(error.reason) == str(error) == "no such host. Mend it."
    shared = {"told", "interrupted", "run.poison", "run.stuck", "sync.deadline"}
    assert _errors().keys() & reasons.codes() <= shared, "such a code would hide the error's words"


def test_words_that_an_earlier_version_kept_where_a_reason_stands_now_are_shown() -> None:
    pods = Reason(SweepReason.UNLISTED, {"kind": "Pod"})
    for what in ("Pod could not be listed", reasons.nested(pods)):
        said = reasons.sentence(Reason(Contact.PARTIAL, {"what": what}))
        assert said == "not everything could be read: Pod could not be listed"
    for why in ("it took longer than 9 s", reasons.nested(Reason(StuckReason.LONG, {"seconds": 9.0}))):
        said = reasons.sentence(Reason(RunReason.STUCK, {"why": why}))
        assert said == "the attempt was given up: it took longer than 9 s"
    for why in ("namespace x", reasons.nested(Reason(Denial.NAMESPACE, {"namespace": "x"}))):
        said = reasons.sentence(Reason(ObjectReason.DISALLOWED, {"project": "team", "why": why}))
        assert said == "project team does not allow it: namespace x"
    for what in ("was changed", SweepReason.CHANGED):
        seen = {"objects": 1, "kind": "ConfigMap", "name": "web", "what": what, "by": "kubectl"}
        assert reasons.sentence(Reason(CauseReason.DRIFTED, seen)) == (
            "1 object drifted: ConfigMap web was changed by kubectl"
        )


def test_warnings_are_shown_as_codes_and_as_an_earlier_version_kept_them() -> None:
    option = {"option": "Replace=true", "objects": 2}
    warnings = ["`lookup` finds nothing here", reasons.nested(Reason(ManifestWarning.OPTION, option))]
    said = "`lookup` finds nothing here; Replace=true is not carried out (2 objects)"
    assert reasons.sentence(Reason(RunReason.WARNINGS, {"warnings": warnings})) == said
    differs = Reason(RunReason.DIFFERS, {"objects": 1, "adopted": 0, "warnings": warnings})
    assert reasons.sentence(differs) == f"1 object differs from Git; {said}"


def test_a_code_has_one_sentence() -> None:
    with pytest.raises(ValueError, match="had one before"):
        reasons.register({Hold.PAUSED: lambda _: "again"})


@given(code=st.sampled_from(sorted(reasons.codes())), params=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6))
def test_odd_parameters_keep_nobody_from_reading(code: str, params: dict[str, object]) -> None:
    assert isinstance(reasons.hold_sentence(Reason(code, params)), str)
