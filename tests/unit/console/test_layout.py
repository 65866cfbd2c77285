"""Rows fit every width; what gives way, and how."""

from __future__ import annotations

from console.cli.layout import Column, Row, lay_out

COLUMNS = (Column("placement", 0, 20), Column("sync"), Column("age", 1), Column("objects", 2, 8))
ROWS = (
    Row(("eu-prod-03/payments", "failed", "12 s", "3 created, 14 configured"), ("refused:\n  spec.replicas\tis -1",)),
    Row(("us-1/a", "synced", "3 min", "")),
)


def told(width: int | None, rows: tuple[Row, ...] = ROWS) -> list[str]:
    return ["".join(piece.text for piece in line) for line in lay_out(COLUMNS, rows, width)]


def test_with_room_for_all_nothing_is_cut_and_reasons_stand_below() -> None:
    assert told(80) == [
        "placement            sync    age    objects",
        "eu-prod-03/payments  failed  12 s   3 created, 14 configured",
        "    refused: spec.replicas is -1",
        "us-1/a               synced  3 min",
    ]


def test_the_least_important_column_is_shortened_first_then_left_out() -> None:
    assert told(50)[1] == "eu-prod-03/payments  failed  12 s   3 created, 14…"
    assert told(40)[:2] == ["placement            sync    age", "eu-prod-03/payments  failed  12 s"]


def test_a_name_that_is_too_long_stands_whole_on_a_line_of_its_own() -> None:
    long = "a-cluster-with-a-very-long-name/and-an-application"
    assert told(40, (Row((long, "failed", "1 s", "")),))[1:] == [long, f"{'':27}  failed  1 s"]


def test_where_nobody_looks_a_row_is_one_line_with_everything() -> None:
    assert told(None)[1] == (
        "eu-prod-03/payments  failed  12 s   3 created, 14 configured  refused: spec.replicas is -1"
    )


def test_a_long_reason_is_cut_after_some_lines() -> None:
    lines = told(40, (Row(("a/b", "failed", "", ""), ("word " * 100,)),))
    assert len(lines) == 6
    assert lines[-1].endswith("…")
