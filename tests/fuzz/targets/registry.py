"""Documents of a registry, and the ignore file beside them: faults, whatever is written."""

from __future__ import annotations

from pathlib import Path

from common.registry import parse
from tests.fuzz.harness import target
from tests.harness import texts

_ORDERLY = {name: text.encode() for name, text in texts.registry(pay=texts.application()).items()}
_EXAMPLES = Path(__file__).parents[3] / "examples"
_WORDS = (
    *(
        b"kind: ",
        b"metadata: {name: x}\n",
        b"spec:\n",
        b"---\n",
        b"&a ",
        b"*a ",
        b"<<: ",
        b"!!str ",
        b"targets: [",
        b"{",
    ),
    *(
        b"select: {matchLabels: ",
        b"matchExpressions: [{key: env, operator: In, values: [",
        b"source: ",
        b"repo: https://",
    ),
    *(
        b"ref: {branch: ",
        b"ref: {semver: '>=1",
        b"interval: ",
        b"10m",
        b"50%",
        b"paths: ['**",
        b"cron: '",
        b"health: [{cel: ",
    ),
    *(
        b"git@host:x/y",
        b"oci://",
        b"server: https://[",
        b"ignore: [{path: /",
        b"dependsOn: [",
        b"valuesFrom: ",
        b"expect: ",
    ),
)


def _seeds() -> list[bytes]:
    files = sorted(path for path in _EXAMPLES.rglob("*.yaml") if b"flotilla.dev/v1" in path.read_bytes())
    own = [texts.application(), texts.project(), texts.cluster("c3"), texts.FLEET]
    return [*(text.encode() for text in own), *(path.read_bytes() for path in files[:40])]


@target(seeds=_seeds(), words=list(_WORDS))
def registry(data: bytes) -> None:
    """Read a file beside others that are in order."""
    parse({**_ORDERLY, "teams/x.yaml": data})


@target(
    seeds=[b"# notes\n*.md\n!keep.md\n/docs/**/x\n", b"a/**/b/**/c\n[a-z]*.yaml\n"], words=[b"**/", b"[!", b"]", b"\\"]
)
def ignore_file(data: bytes) -> None:
    """Read an ignore file and match long paths by it."""
    parse({**_ORDERLY, ".flotillaignore": data, f"{'a/' * 200}{'b' * 2_000}.yaml": b"kind: x"})
