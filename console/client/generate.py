"""Writes ``calls.py`` and ``models.py`` from the API's description: ``python -m console.api.describe`` does so too.

Answers are dictionaries as they came, typed by TypedDict: commands print them as they are, and nothing is parsed twice.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WIDTH = 120
_NOTE = "# Written by console.client.generate from docs/reference/openapi.json.\n"
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_MODELS = '''"""What the API takes and answers."""

%sfrom __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
'''
_CALLS = '''"""The operations of the API, each as a call."""

%sfrom __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from console.client import models


def path(*parts: object) -> str:
    """Return a path below the API's, of names that may hold anything."""
    return "/".join(quote(str(part), safe="") for part in parts)


class Calls(ABC):
    """An operation is called as the API's description calls it."""

    @abstractmethod
    def get(self, target: str, **query: Any) -> Any:
        """Return the answer to a read."""

    @abstractmethod
    def send_body(
        self, method: str, target: str, body: Mapping[str, Any] | None, headers: Mapping[str, str] = ..., **query: str
    ) -> Any:
        """Return the answer to a write."""
'''

Described = Mapping[str, Any]
_JSON = frozenset({"application/json"})


def files(description: str) -> dict[Path, str]:
    """Return the text of each file that is made of a description."""
    described = json.loads(description)
    schemas = described["components"]["schemas"]
    taken = set(_taken(described, schemas))
    models = [_model(name, schema, is_input=name in taken) for name, schema in sorted(schemas.items())]
    calls = [text for path, item in described["paths"].items() for method, one in item.items()
             for text in _calls(method, path, one)]  # fmt: skip
    return {
        FOLDER / "models.py": "\n\n".join((_MODELS % _NOTE, *models)),
        FOLDER / "calls.py": "\n".join((_CALLS % _NOTE, *calls)),
    }


def write(description: str) -> None:
    """Write the files."""
    for path, text in files(description).items():
        path.write_text(text, encoding="utf-8")


def _name(schema: str) -> str:
    return schema.replace("_", "")


def _type(schema: Described, prefix: str = "") -> str:
    """Return a schema as a type; names of models begin with ``prefix``."""
    if "$ref" in schema:
        return prefix + _name(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_type(one, prefix) for one in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return f"Literal[{', '.join(json.dumps(one) for one in schema.get('enum', [schema.get('const')]))}]"
    kind = schema.get("type", "")
    if kind == "array":
        return f"list[{_type(schema.get('items', {}), prefix)}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {_type(values, prefix) if isinstance(values, dict) else 'Any'}]"
    return _PLAIN.get(kind, "Any")


def _taken(described: Described, schemas: Described) -> Iterator[str]:
    """Yield the models that a request may hold."""
    bodies = (one.get("requestBody", {}) for item in described["paths"].values() for one in item.values())
    waiting = [name for body in bodies for name in _refs(body)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _refs(schemas[name])
    yield from seen


def _refs(part: Any) -> list[str]:
    return re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part))


def _model(name: str, schema: Described, *, is_input: bool) -> str:
    if "properties" not in schema:
        return _alias(_name(name), schema)
    first = str(schema.get("description", "")).partition("\n")[0]
    lines = [f"class {_name(name)}(TypedDict):"]
    if first:
        lines += [f'    """{first}"""', ""]
    for key, one in schema["properties"].items():
        optional = is_input and key not in schema.get("required", ())
        # A key that is no name of Python's cannot be a field; none is, and a test would say so.
        lines.append(f"    {key}: NotRequired[{_type(one)}]" if optional else f"    {key}: {_type(one)}")
    return "\n".join(lines) + "\n"


def _alias(name: str, schema: Described) -> str:
    line = f"{name} = {_type(schema)}"
    if len(line) <= WIDTH:
        return f"{line}\n"
    choices = "".join(f"    {json.dumps(one)},\n" for one in schema["enum"])
    return f"{name} = Literal[\n{choices}]\n"


def _calls(method: str, path: str, one: Described) -> Iterator[str]:
    """Yield the calls of an operation: one, and one more where it has a preview with an answer of its own."""
    answers = {
        status: content["application/json"]["schema"]
        for status, answer in one["responses"].items()
        if status.isdigit() and "application/json" in (content := answer.get("content", {}))
    }
    empty = any(status.isdigit() and not answer.get("content") for status, answer in one["responses"].items())
    if (not answers and not empty) or "application/json" not in one.get("requestBody", {}).get("content", _JSON):
        return  # what is no JSON either way is for other programs: pages, streams, forms of OAuth
    done = next((answers[status] for status in sorted(answers, reverse=True)), None)
    parameters = [each for each in one.get("parameters", ()) if each["name"] != "preview"]
    yield _call(one["operationId"], method, path, {**one, "parameters": parameters}, done)
    if len(parameters) < len(one.get("parameters", ())):
        seen, name = answers[min(answers)], f"{one['operationId']}_preview"
        yield _call(name, method, path, {**one, "parameters": parameters}, seen, preview=True)


def _call(name: str, method: str, path: str, one: Described, answer: Any, *, preview: bool = False) -> str:
    parameters = one["parameters"]
    in_path = [each["name"] for each in parameters if each["in"] == "path"]
    takes = [f"{_python(each['name'])}: {_argument(each['schema'])}" for each in parameters if each["in"] == "path"]
    body = one.get("requestBody")
    if body:
        takes.append(f"body: {_type(body['content']['application/json']['schema'], 'models.')}")
    options = [each for each in parameters if each["in"] != "path"]
    if options:
        takes.append("*")
        takes += [_option(each) for each in options]
    gives = "None" if answer is None else _type(answer, "models.")
    first = str(one.get("description", name)).partition("\n")[0]
    target = _target(path.removeprefix("/api/v1/"), in_path)
    arguments = [target, *_sent(method, options, has_body=bool(body), preview=preview)]
    verb = "get" if method == "get" else "send_body"
    if method != "get":
        arguments.insert(0, json.dumps(method.upper()))
    head = f"        self.{verb}" if answer is None else f"        found: {gives} = self.{verb}"
    lines = [*_listed(f"    def {name}", ["self", *takes], f" -> {gives}:"), f'        """{first}"""']
    lines += [*_listed(head, arguments, ""), *(() if answer is None else ("        return found",))]
    return "\n".join(lines) + "\n"


def _listed(head: str, parts: list[str], tail: str) -> list[str]:
    """Return what stands in parentheses, on one line if that has room for it."""
    line = f"{head}({', '.join(parts)}){tail}"
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    return [f"{head}(", *(f"{indent}    {part}," for part in parts), f"{indent}){tail}"]


def _python(name: str) -> str:
    made = name.lower().replace("-", "_")
    return f"{made}_" if keyword.iskeyword(made) else made


def _argument(schema: Described) -> str:
    return _type(schema, "models.")


def _option(each: Described) -> str:
    name, schema = _python(each["name"]), each["schema"]
    wanted = schema
    if "anyOf" in schema:
        wanted = next(one for one in schema["anyOf"] if one.get("type") != "null")
    if wanted.get("type") == "array":
        return f"{name}: Sequence[str] = ()"
    if wanted.get("type") in {"integer", "number", "boolean"}:
        return f"{name}: {_PLAIN[wanted['type']]}{'' if each.get('required') else ' | None = None'}"
    return f"{name}: str" + ("" if each.get("required") else ' = ""')


def _target(path: str, in_path: list[str]) -> str:
    if not in_path:
        return json.dumps(path)
    parts = [_python(part[1:-1]) if part[0] == "{" else json.dumps(part) for part in path.split("/")]
    return f"path({', '.join(parts)})"


def _sent(method: str, options: list[Any], *, has_body: bool, preview: bool) -> Iterator[str]:
    headers = [each["name"] for each in options if each["in"] == "header"]
    if method != "get":
        yield "body" if has_body else "None"
        if headers:
            yield "{" + ", ".join(f"{json.dumps(name)}: {_python(name)}" for name in headers) + "}"
    yield from (f"{each['name']}={_python(each['name'])}" for each in options if each["in"] == "query")
    if preview:
        yield 'preview="true"'
