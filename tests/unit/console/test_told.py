"""What tables and messages say: what was done, to what, and what came of it; never that a look had done something."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from common.domain.differences import ChangedField, Diff
from common.store.state.intents import IntentKind
from console import words
from console.api.contract.invalid import invalid
from console.cli import audit, diff, told
from console.cli.layout import lay_out


def said(**more: Any) -> dict[str, Any]:
    plain = {"at": "2026-11-30T10:00:00+00:00", "actor": "flotilla", "action": "operated", "subject": "eu/web"}
    return {**plain, "outcome": "", "reason": "", "detail": {}, **more}


def text(*rows: dict[str, Any], width: int = 80) -> list[str]:
    lines = lay_out(audit.COLUMNS, [audit.row(one) for one in rows], width)
    return ["".join(piece.text for piece in line) for line in lines]


def test_the_audit_says_what_was_done_to_which_object_and_what_came_of_it() -> None:
    told = {"object": "apps/Deployment:web/web", "action": "restart", "by": "ann", "id": "8c2f"}
    done = said(detail={**told, "outcome": "done"})
    refused = said(detail={**told, "outcome": "operation.busy"}, outcome="refused")
    lines = text(done, refused)
    assert all(len(line) <= 80 for line in lines)
    assert ["operated restart  done " in lines[1], "operated restart  operation.busy" in lines[4]] == [True, True]
    assert [line.strip() for line in lines[2:4]] == ["apps/Deployment:web/web", "by: ann"]
    assert "8c2f" not in "".join(lines)


def test_a_decision_names_its_placement_and_a_refusal_its_reason() -> None:
    lines = text(
        said(action="approve", subject="12", outcome="asked", reason="they are old", detail={"placement": "eu/web"}),
        said(action="pause", outcome="refused", detail={"why": "you may not pause in pay"}),
    )
    assert lines[1].endswith("approve  asked    12 of eu/web")
    assert "they are old" in lines[2]
    assert "refused" in lines[3]
    assert lines[4].strip() == "you may not pause in pay"


def test_a_look_says_what_a_sync_would_do() -> None:
    counts = {"pruned": 20, "created": 1, "unchanged": 3, "skipped": 0}
    assert words.did(counts, trigger="check") == "would create 1, would prune 20, 3 unchanged"
    assert words.did(counts, trigger="revision") == "1 created, 20 pruned, 3 unchanged"


def test_what_would_be_done_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    diff.tell_change({"object": "/ConfigMap:web/a", "action": "pruned", "detail": "would be removed", "diff": ""})
    assert capsys.readouterr().out == "/ConfigMap:web/a  would be removed\n"
    diff.tell_change({"object": "/ConfigMap:web/a", "action": "pruned", "detail": "another owner", "diff": ""})
    assert "another owner" in capsys.readouterr().out


def test_fields_are_told_with_who_else_holds_them_and_old_runs_by_their_lines() -> None:
    shown = Diff(
        (ChangedField(".spec.replicas", "5", "3", "kubectl-edit"), ChangedField(".a", "1", "2", "flotilla")), 7
    )
    assert told.field_lines(told.data_of(shown)) == [
        "~ .spec.replicas: 5 -> 3  (held by kubectl-edit)",
        "~ .a: 1 -> 2",
        "… and 7 more",
    ]
    assert told.field_lines({"fields": [], "more_fields": 0, "diff": "~ .a: 1 -> 2\n+ .b: 3\x1b[2J"}) == [
        "~ .a: 1 -> 2",
        "+ .b: 3[2J",
    ]


@pytest.mark.parametrize(
    ("of", "value", "words_"),
    [
        (IntentKind, "x", "kind is none of: 'sync', "),
        (AwareDatetime, "yesterday", "kind is no instant with its zone, as 2026-11-01T00:00:00Z"),
        (AwareDatetime, "2026-11-01T00:00:00", "kind is no instant with its zone, as 2026-11-01T00:00:00Z"),
    ],
)
def test_a_value_that_is_not_known_is_told_with_those_that_are(of: Any, value: str, words_: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(of).validate_python(value)
    (fault,) = caught.value.errors()
    assert invalid({**fault, "loc": ("query", "kind")}).startswith(words_)


def test_a_body_that_is_no_json_is_told_as_one() -> None:
    assert invalid({"type": "json_invalid", "loc": ("body", 1), "ctx": {"error": "x"}}) == "the body is no JSON"
    told = invalid({"type": "model_attributes_type", "loc": ("body",), "ctx": {}})
    assert told == "the body is no JSON object; send one with `Content-Type: application/json`"
