"""``explain``: where a placement comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from common.domain.health_codes import HealthReason
from console import words
from console.cli.asking import Ref, placement_ref
from console.cli.output import Format, Output, is_data, say, table
from console.client.hub import connect


def explain(ref: Ref, output: Output = Format.TABLE) -> None:
    """Show where a placement comes from: target, source, and which file and line gave each value.

    Example: flotilla explain eu-prod-03/payments
    """
    wanted = placement_ref(ref)
    found = connect().get_explanation(wanted.cluster, wanted.application)
    if not is_data(output, found):
        _tell_explanation(found, str(wanted))


def _sources(sources: Sequence[Mapping[str, str]], pinned: str) -> Iterator[tuple[str, str]]:
    """Yield a label and the words for each source; a pin holds the first."""
    for number, source in enumerate(sources):
        label = f"source {source['name']}".rstrip()
        yield label, f"{source['repo']} {source['path']} at {source['ref']}{'' if number else pinned}"


def _unruled(one: Mapping[str, Any]) -> str:
    kind = f"{one['kind']} of {one['group']}" if one["group"] else str(one["kind"])
    guess = "a word of its status is a guess" if one["code"] == HealthReason.GUESSED else "it exists, and says nothing"
    return f"{kind} ({one['objects']}): {guess}"


def _tell_explanation(found: Mapping[str, Any], ref: str) -> None:
    view, declared = found["placement"], found["declared"]
    state = "not planned yet" if view is None else view["sync"] if view["state"] == "placed" else view["state"]
    say(f"{ref}  {state}" + (f"  {view['health']}" if view is not None else ""))
    if view is not None and view["reason"]:
        say(f"  why: {view['reason']}")
    if declared is None:
        say(f"  not in the registry: {found['why_not']}")
        return
    pinned = f" (pinned by target {declared['target']['name']})" if declared["pinned"] else ""
    facts = [
        ("application", declared["application"]),
        ("target", f"{declared['target']['name']}, {declared['target']['where']}"),
        ("cluster", declared["cluster"]),
        ("project", declared["project"]),
        *_sources(declared["sources"], pinned),
        ("namespace", declared["namespace"]),
        ("mode", f"{declared['mode']}, looked at every {words.span(declared['interval'])}"),
        ("disposition", declared["disposition"]),
    ]
    if view is not None:
        facts.append(("wanted commit", words.shortened(view["desired_sources"]) or "its source was not resolved yet"))
        facts.append(("applied commit", words.shortened(view["sources"]) or "none yet"))
    facts += [("no rule of health", _unruled(one)) for one in found["without_health_rule"]]
    for label, value in facts:
        say(f"  {label}: {value}")
    say("")
    values = [
        (".".join(one["path"]), orjson.dumps(one["value"]).decode(), one["origin"], one["where"])
        for one in declared["values"]
    ]
    table(("value", "is", "given by", "where"), values, empty="No values.")
