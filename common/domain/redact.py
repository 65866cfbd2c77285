"""Takes secrets out of texts and objects before they reach a log, a row or a person.

Strangers write the texts, so that every pattern here takes time in proportion to the text: each match begins at a mark
or at a word's first character, repeats possessively, and what it has read is read by no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from common.domain.secret_words import goes_on, is_no_secret, looks_random, speaks_of_a_secret

MASK = "[redacted]"
LOOKED_AT = 4_096
"""Characters of a message that are looked at."""
_LONGEST_WORD = 2_000
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9_])"
    r"|gh[pousr]_[A-Za-z0-9]{20,255}+|github_pat_[A-Za-z0-9_]{20,255}+|gl(?:pat|rt|dt|ptt|cbt)-[A-Za-z0-9_.-]{20,255}+"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}+|npm_[A-Za-z0-9]{30,255}+|dckr_pat_[A-Za-z0-9_-]{20,255}+"
    r"|hv[sbr]\.[A-Za-z0-9_-]{20,255}+|pypi-AgE[A-Za-z0-9_-]{16,255}+|[srp]k_(?:live|test)_[A-Za-z0-9]{16,255}+"
    r"|AIza[A-Za-z0-9_-]{35}|AGE-SECRET-KEY-1[A-Z0-9]{20,255}+"
    r"|eyJ[A-Za-z0-9_-]{8,8192}+\.[A-Za-z0-9_-]{4,8192}+(?:\.[A-Za-z0-9_-]{0,8192}+)?"
    r"|LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)[A-Za-z0-9+/=]*+(?:\s[A-Za-z0-9+/=]{40,}+)*+"
    r")|(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]++"
)
"""Tokens that are known by their form; the last is a private key in base64."""
_BLANK = r"[ \t]"
_QUOTE = r"\\?[\"']"
_BYTES = r"(?:b(?=[\"']))?"
_KEPT = (
    # the user's part of a URL, an @ or a / inside it
    re.compile(r"(?P<kept>://)[^\s/?#\"'<>]*@(?P<after>)"),
    re.compile(r"(?P<kept>://)[^\s/:@\[\"'<>]*:(?!\d{1,5}(?:[/?#]|\Z))(?:[^\s\"'<>/]|/(?!/))*@(?P<after>)"),
    re.compile(
        rf"(?i)(?P<kept>(?<![\w-])(?:proxy-)?authorization(?:{_QUOTE})?{_BLANK}*+(?:[:=]|,(?={_BLANK}*[\"'])){_BLANK}*+{_BYTES}"
        rf"(?:{_QUOTE})?(?:(?:bearer|basic|token|negotiate){_BLANK}++)?)"
        rf"(?:[\w-]++{_BLANK}++(?=[\w-]++=)[^\r\n]++|[^\s\"',;\\]++)"
    ),
    re.compile(
        rf"(?i)(?P<kept>(?<![\w-])(?:set-)?cookie(?:{_QUOTE})?{_BLANK}*+(?:[:=]|,(?={_BLANK}*[\"'])){_BLANK}*+{_BYTES}"
        rf"(?:{_QUOTE})?)[^\"'\r\n\\]++"
    ),
    # command lines
    re.compile(rf"(?P<kept>(?<!\S)-u{_BLANK}++[^\s-]\S*+{_BLANK}++-p{_BLANK}*+)(?!-)\S++"),
    re.compile(r"(?P<kept>(?<!\S)(?:-u|--user|--proxy-user)[ \t=]++[^\s:]++:)(?!\d+(?!\S))\S++"),
    re.compile(rf"(?P<kept>\bsshpass{_BLANK}++-p{_BLANK}*+)\S++"),
    re.compile(rf"(?P<kept>(?<!\S)login{_BLANK}++\S++{_BLANK}++password{_BLANK}++)\S++"),
    re.compile(
        rf"(?i)(?P<kept>(?<![\w-])(?:password|passwd|passphrase){_BLANK}++(?:is{_BLANK}++)?(?P<q>[\"']))[^\"'\n]++"
    ),
    # queries that are signed, and docker's configuration
    re.compile(r"(?i)(?P<kept>[?&](?:sig|x-amz-signature|x-goog-signature)=)[^\s&\"']++"),
    re.compile(rf"(?P<kept>(?<![\w-])auth{_QUOTE}{_BLANK}*+:{_BLANK}*+{_QUOTE})[A-Za-z0-9+/=]{{8,}}+"),
)
"""Of each, what is kept before the mask."""
_SCHEME = re.compile(rf"(?i)(?P<kept>(?<![\w-])(?:bearer|basic){_BLANK}++)(?P<word>[A-Za-z0-9._~+/=-]{{8,}}+)")
_ELEMENT = re.compile(r"(?P<kept><(?P<key>[\w:.-]++)>)(?P<word>[^<]++)")
_PAIR = re.compile(
    rf"(?<![\w.-])(?P<key>[\w.-]++)(?:\]|{_QUOTE})?+(?P<sign>{_BLANK}*+(?::=|=>|[:=])){_BLANK}*+"
    rf"(?:(?:Invalid|Unsupported|Duplicate) value:{_BLANK}*+)?"
)
_VARIABLE = re.compile(
    rf"(?<![\w-])name(?:{_QUOTE})?{_BLANK}*+(?P<sign>[:=]){_BLANK}*+(?:{_QUOTE})?(?P<key>[\w.-]++)(?:{_QUOTE})?,?\s*+"
    rf"[+~-]?{_BLANK}*+(?:{_QUOTE})?value(?:{_QUOTE})?{_BLANK}*+[:=]{_BLANK}*+"
)
_FLAG = re.compile(rf"(?<![\w-])--?(?P<key>[A-Za-z][\w-]*+)(?P<sign>{_QUOTE}\s*+,\s*+|{_BLANK}++)(?!\\?[\"']?-)")
_VALUE = re.compile(
    r"(?P<open>b?\\\")(?P<text_a>(?:[^\"\\]|\\[^\"])*+)"
    r"|(?P<open_b>b?\")(?P<text_b>(?:[^\"\\]|\\.)*+)"
    r"|(?P<open_c>b?')(?P<text_c>(?:[^'\\]|\\.)*+)"
    r"|(?P<bare>(?:[^\s\"'&<\\]|[\"'](?![\s,;:)\]}>]|\Z)|&(?![\w.-]{1,64}=)|<(?![/!A-Za-z])|\\(?![\"']))++)",
    re.DOTALL,
)
_LINE = re.compile(r"[^\n]*+")
_ARROW = re.compile(r"[\"']?[ \t]*+->[ \t]*+")
"""Between what was and what will be."""
_BLOCK = re.compile(r"[|>][-+0-9]{0,3}[ \t]*+(?:#[^\n]*+)?\n")
_MARK = re.compile(r"[ \t]*+(?:[+~-] ?)?[ \t]*+")
_BEFORE = 64
"""Characters before a key in which its line may begin."""
_CLOSING = ",;:)]}>."
_OBJECT = re.compile(r"[a-z0-9-]{0,253}/")
"""What follows where an object is named, as ``/Secret:default/web``: a person has to be told which Secret it is."""
_SECRET_FIELDS = ("data", "stringData")


def cut(text: str, limit: int = LOOKED_AT) -> str:
    """Return the beginning of a foreign text, at most ``limit`` characters.

    It does not end within a word, unless that is a very long one: half of a secret is a secret still, and no pattern
    knows it.
    """
    if len(text) <= limit:
        return text
    text = text[:limit]
    at = max(text.rfind(blank) for blank in " \n\t")
    return text if at < limit - _LONGEST_WORD else text[:at]


def tail(text: str, limit: int = LOOKED_AT) -> str:
    """Return the end of a foreign text, as ``cut`` its beginning."""
    if len(text) <= limit:
        return text
    text = text[-limit:]
    ends = [at for blank in " \n\t" if 0 <= (at := text.find(blank)) < _LONGEST_WORD]
    return text[min(ends) + 1 :] if ends else text


def redacted(text: str) -> str:
    """Return ``text`` without passwords, tokens and private keys, by the names and forms that people give to them.

    Takes time in proportion to the text. What is for a message is cut before, see ``cut``.
    """
    text = _PEM.sub(MASK, text)
    text = _SHAPES.sub(MASK, text)
    for pattern in _KEPT:
        text = pattern.sub(_masked, text)
    text = _SCHEME.sub(lambda match: match["kept"] + (MASK if looks_random(match["word"]) else match["word"]), text)
    text = _ELEMENT.sub(lambda match: match["kept"] + (MASK if _is_secret(match) else match["word"]), text)
    for pattern in (_VARIABLE, _FLAG, _PAIR):
        text = "".join(_without_values(text, pattern))
    return text


def _masked(match: re.Match[str]) -> str:
    return f"{match['kept']}{MASK}{'@' if 'after' in match.re.groupindex else ''}"


def _is_secret(match: re.Match[str]) -> bool:
    return speaks_of_a_secret(match["key"]) and not is_no_secret(match["word"])


def _without_values(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the parts of ``text`` with what stands under names of secrets masked."""
    done = 0
    many = "\n" in text
    while match := pattern.search(text, done):
        at = match.end()
        yield text[done:at]
        done = at
        if speaks_of_a_secret(match["key"]) and not _names_an_object(match):
            kept, done = _masked_at(text, match, many=many)
            yield kept
    yield text[done:]


def _names_an_object(match: re.Match[str]) -> bool:
    """Whether it is a name after a slash, with a colon as a sentence has it, or a Secret as we print one."""
    text, at = match.string, match.end()
    if match.start() == 0 or text[match.start() - 1] != "/" or match["sign"].strip() != ":":
        return False
    return text[at - 1].isspace() or (match["key"] == "Secret" and _OBJECT.match(text, at) is not None)


def _masked_at(text: str, match: re.Match[str], *, many: bool) -> tuple[str, int]:
    """Return what to write for the value after a name, and where it ends."""
    at = match.end()
    indent = _indent(text, match.start("key"))
    if indent is not None and match["sign"] == ":" and text[at - 1 : at] in {" ", "\t"}:
        block = _BLOCK.match(text, at)
        if block is not None:
            return f"{text[at : block.end()]}{' ' * (indent + 2)}{MASK}\n", _end_of_block(text, block.end(), indent)
        line = _LINE.match(text, at)
        whole = line[0] if line else ""
        if (many or indent) and whole and whole[0] not in "\"'\\[{" and not is_no_secret(whole):
            return MASK, at + len(whole)
    value = _VALUE.match(text, at)
    if value is None:
        return "", at
    arrow = _ARROW.match(text, value.end())
    after = _VALUE.match(text, arrow.end()) if arrow else None
    if arrow is None or after is None:
        return _of_value(value), value.end()
    return f"{_of_value(value)}{arrow[0]}{_of_value(after)}", after.end()


def _of_value(value: re.Match[str]) -> str:
    bare = value["bare"]
    if bare is None:
        opening = value["open"] or value["open_b"] or value["open_c"]
        inner = value[0][len(opening) :]
        return value[0] if is_no_secret(inner) or inner == MASK else f"{opening}{MASK}"
    inner = bare.rstrip(_CLOSING)
    if bare.startswith(MASK) or is_no_secret(bare) or is_no_secret(inner) or goes_on(bare) or bare.startswith("{{"):
        return bare
    return MASK + bare[len(inner) :] if inner else bare


def _indent(text: str, at: int) -> int | None:
    """Return how far a key stands from the beginning of its line; None if more than blanks and a mark are between."""
    start = max(0, at - _BEFORE)
    before = text[start:at]
    line = before.rpartition("\n")[2]
    if len(line) == _BEFORE and start:
        return None
    found = _MARK.fullmatch(line)
    return len(line) if found is not None else None


def _end_of_block(text: str, at: int, indent: int) -> int:
    """Return where the lines end that are indented deeper than their key, or empty."""
    while at < len(text):
        line = _LINE.match(text, at)
        whole = line[0] if line else ""
        mark = _MARK.match(whole)
        if whole.strip() and (mark.end() if mark else 0) <= indent:
            return at
        at += len(whole) + 1
    return len(text)


def redacted_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a Kubernetes object in which the values of a Secret are masked; other kinds are unchanged."""
    if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1":
        return dict(manifest)
    masked = {f: dict.fromkeys(manifest[f], MASK) for f in _SECRET_FIELDS if isinstance(manifest.get(f), Mapping)}
    return {**manifest, **masked}
