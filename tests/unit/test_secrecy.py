"""Secrets that are known are masked in every form in which tools write them, at a cost by the length of the text."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from common.domain.redact import MASK
from common.domain.secrecy import MOST, SHORTEST, Ends, Secrets

VALUE = 'p@ss <w\'ord> & "more"\u00fc'
LINES = "first line of it\n  second line, indented\nkey: value with space\n"
KEY = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(f"{n}Hq7x" * 12 for n in range(9)) + "\n-----END PRIVATE KEY-----\n"


def go_json(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)
    return escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def padded(before: str) -> Callable[[str], str]:
    return lambda text: base64.b64encode(f"{before}{text} and more".encode()).decode()


def _twice(text: str, within: str) -> str:
    inner = base64.b64encode(text.encode()).decode()
    return base64.b64encode((within % inner).encode()).decode()


def _in_lines(text: str, width: int) -> str:
    whole = base64.b64encode(text.encode()).decode()
    return "\n".join(whole[at : at + width] for at in range(0, len(whole), width))


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted in JSON": json.dumps,
    "quoted in JSON, as it is read": lambda text: json.dumps(text, ensure_ascii=False),
    "quoted by Go": go_json,
    "quoted in YAML": lambda text: "'" + text.replace("'", "''") + "'",
    "escaped in a URL": lambda text: quote(text, safe=""),
    "escaped in a form": quote_plus,
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "within base64": padded("user:"),
    "within base64, one further": padded("user: "),
    "within base64, two further": padded("user:  "),
    "in base64 within JSON within base64": lambda text: _twice(text, '{"auth":"%s"}'),
    "in base64 within base64, one further": lambda text: _twice(text, '{"auths":"%s"}'),
    "in base64 within base64, two further": lambda text: _twice(text, '{"auth: ":"%s"}'),
    "in lines of base64": lambda text: _in_lines(text, 76),
    "in lines of base64, of PEM": lambda text: _in_lines(text, 64),
    "on a page": lambda text: html.escape(text, quote=True),
    "on a page, by Go": lambda text: html.escape(text, quote=False).replace('"', "&#34;").replace("'", "&#39;"),
    "escaped in a URL, in small letters": lambda text: re.sub(
        "%..", lambda each: each[0].lower(), quote(text, safe="")
    ),
    "in hex": lambda text: text.encode().hex(),
    "in hex, in capitals": lambda text: text.encode().hex().upper(),
    "in an address": lambda text: f"postgres://me:{quote(text, safe='')}@db/web",
}


@pytest.mark.parametrize("value", [VALUE, KEY, "correct-horse-battery", "1234", "x" * 5000])
@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_masked_in_every_form(form: str, value: str) -> None:
    written = FORMS[form](value)
    said = Secrets([value]).masked(f"before {written} after")
    assert said.startswith("before ")
    assert said.endswith(" after")
    assert MASK in said
    left = len(said.replace(MASK, "").replace("\n", "")) - len("before  after")
    assert left <= len(FORMS[form]("")) + 8, said


@pytest.mark.parametrize(
    ("number", "printed"),
    [("12345678", "1.2345678e+07"), ("1000650000", "1.00065e+09"), ("-5000000", "-5e+06"), ("1000000", "1e+06")],
)
def test_a_large_number_is_masked_as_charts_print_it(number: str, printed: str) -> None:
    assert Secrets([number]).masked(f"port {printed}.") == f"port {MASK}."


def test_each_line_of_a_secret_is_one() -> None:
    said = Secrets([LINES]).masked("it said: second line, indented (line 2)")
    assert said == f"it said: {MASK} (line 2)"
    assert Secrets([LINES]).masked("first line of it second line, indented key: value with space") == MASK
    assert Secrets([KEY]).masked("no key in -----BEGIN PRIVATE KEY----- here") == (
        "no key in -----BEGIN PRIVATE KEY----- here"
    )


def test_a_part_of_a_long_secret_is_masked_too() -> None:
    secret = "".join(f"{n:04x}" for n in range(400))
    said = Secrets([secret]).masked(f"cut: {secret[:600]}", Ends.CUT)
    assert said == f"cut: {MASK}"
    assert Secrets([secret]).masked(f"{secret[900:]} was cut", Ends.CUT).endswith(f"{MASK} was cut")


def test_secrets_that_overlap_leave_nothing_of_each_other() -> None:
    assert Secrets(["abcdef", "defghi"]).masked("-abcdefghi-") == f"-{MASK}-"
    assert Secrets(["abcd", "abcdefgh"]).masked("abcdefgh abcd abcdef") == f"{MASK} {MASK} {MASK}ef"


def test_what_is_too_short_stays() -> None:
    short = Secrets(["abc", "1", "", "   x   "])
    assert not short
    assert short.masked("abc 1 x") == "abc 1 x"
    assert Secrets(["a" * SHORTEST])


def test_a_value_of_json_keeps_its_shape() -> None:
    secrets = Secrets(["hunter22", "54321"])
    value = {"a": ["hunter22", 54321, True, None, 5], "of-hunter22": {"b": 1.5}}
    assert secrets.masked_in(value) == {"a": [MASK, MASK, True, None, 5], f"of-{MASK}": {"b": 1.5}}
    assert secrets.holds(value)
    assert not secrets.holds({"a": [1, "plain"]})


def test_too_many_to_be_told_mask_everything() -> None:
    assert Secrets([str(number) * 1000 for number in range(1, MOST // 1000)]).masked("anything") == MASK


def test_how_many_there_are_is_all_that_is_told_of_them() -> None:
    assert repr(Secrets(["hunter22"])) == "Secrets(1)"
