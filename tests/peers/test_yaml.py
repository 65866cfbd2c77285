"""What we write, Kubernetes' readers take for the very same values."""

from __future__ import annotations

import random
from typing import Any

from common.yaml import MANIFEST_LIMITS, dump, load_documents
from tests.harness.yaml_texts import ODD, TEXTS, VALUES, alike, drawn
from tests.peers.conftest import Ask

MANY = 2_000


def test_texts_are_read_as_texts_by_kubernetes_readers(ask: Ask) -> None:
    texts = [*ODD, *drawn(TEXTS, MANY)]
    written = [dump({"key": text, text: text, "list": [text]}) for text in texts]
    for text, shown, answer in zip(texts, written, ask({"yaml": one} for one in written), strict=True):
        assert answer["readings"] == [{"key": text, text: text, "list": [text]}] * 2, shown


def test_values_are_read_as_the_same_values_by_kubernetes_readers(ask: Ask) -> None:
    values = drawn(VALUES, MANY // 4)
    written = [dump(value) for value in values]
    for value, shown, answer in zip(values, written, ask({"yaml": one} for one in written), strict=True):
        assert all(alike(value, reading) for reading in answer["readings"]), shown


def test_our_reader_takes_unquoted_texts_for_what_kubectl_does(ask: Ask) -> None:
    plain = [text for text in (*ODD, *drawn(TEXTS, MANY)) if text.isascii() and text.isprintable()]
    streams = [f"a: {text}\n" for text in plain]
    for stream, answer in zip(streams, ask({"yaml": one} for one in streams), strict=True):
        theirs = answer["readings"][0]
        ours = _ours(stream)
        if ours is not None and "not read" not in theirs:
            assert ours == theirs, stream


def blocks(count: int) -> list[str]:
    """Return documents with blocks of text in every style, and odd lines in them."""
    draw = random.Random(20)  # noqa: S311 - the same ones each time
    lines = ("a", "b c", "  d", "", "", " ", "\te", "f ", "g\t", "# h", "- i", "j: k", "---", "...", "l\\", "'m", "é")
    found = []
    for _ in range(count):
        style = draw.choice("|>") + draw.choice(("", "+", "-")) + draw.choice(("", "", "2", " # c"))
        body = [draw.choice(("  ", "  ", "    ")) + draw.choice(lines) for _ in range(draw.randrange(5))]
        end = draw.choice(("\n", "\n", "\r\n"))
        found.append(end.join([f"a: {style}", *body, draw.choice(("", "", "b: 1", "# d", "..."))]))
    return found


def test_our_reader_takes_blocks_of_text_for_what_kubectl_does(ask: Ask) -> None:
    streams = [each if each.endswith("\n") else f"{each}\n" for each in blocks(MANY)]
    compared = 0
    for stream, answer in zip(streams, ask({"yaml": one} for one in streams), strict=True):
        theirs, ours = answer["readings"][0], _ours(stream)
        if ours is not None and "not read" not in theirs:
            assert ours == theirs, stream
            compared += 1
    assert compared > MANY / 2


def _ours(stream: str) -> Any:
    """Return what we read; None for what is refused here and perhaps not there."""
    try:
        documents = load_documents(stream.encode(), MANIFEST_LIMITS)
    except Exception:
        return None
    return documents[0].value if documents else None
