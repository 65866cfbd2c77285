"""Rows fit every terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.cli.layout import Column, Row, folded, lay_out, width_of

COLUMNS = (Column("placement", 0, 20), Column("sync"), Column("age", 1), Column("objects", 2, 8))


WORDS = st.text(st.characters(codec="utf-8"), max_size=60)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=5), st.integers(60, 200))
def test_no_line_but_an_overlong_name_is_wider_than_the_terminal(
    cells: list[tuple[str, str, str, str, str]], width: int
) -> None:
    short = [tuple(folded(cell)[:12] for cell in row[1:4]) for row in cells]
    rows = tuple(Row((row[0], *rest), (row[4],)) for row, rest in zip(cells, short, strict=True))
    names = {folded(row[0]) for row in cells}
    for pieces in lay_out(COLUMNS, rows, width):
        line = "".join(piece.text for piece in pieces)
        assert line in names or width_of(line) <= width
        assert line.isprintable()
