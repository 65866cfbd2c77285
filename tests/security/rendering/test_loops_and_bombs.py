"""CVE-2022-24878, CVE-2022-36049, CVE-2024-32476 and kin: small charts and programs that never end, or fill the memory.

After each, the same renderers give another application what is its due.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator

import pytest

from common.domain.errors import FlotillaError
from common.sources.artifacts.faults import ArchiveBombError
from common.sources.faults import FileTooLargeError
from tests.fakes.archives import entry
from tests.fakes.trees import Content, memory_tree
from tests.fixtures.cpu import costing_at_most
from tests.security.rendering.attacks import BOUNDS, CHART, OBJECT, chart, helm, honest, render
from workers.render.faults import RenderError, ToolBoundsError, ToolFailedError
from workers.render.helm import charts
from workers.render.jsonnet import imports
from workers.render.renderers import Renderers

LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
YAML_BOMBS = {"aliases": LAUGHS, "nesting": "[" * 50_000, "mappings": "{a: " * 50_000}


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with costing_at_most(BOUNDS.cpu.total_seconds() + 5):
        yield


Fault = type[FlotillaError] | tuple[type[FlotillaError], ...]
TEMPLATES: dict[str, tuple[str, Fault]] = {
    "a list of two billion": ("until 2147483647 | len", ToolBoundsError),
    "tpl of itself": ("tpl .Values.t .", (ToolFailedError, ToolBoundsError)),
    "a template of itself twice": ('include "twice" .', (ToolFailedError, ToolBoundsError)),
    "a text of a gigabyte": ('repeat 1073741824 "x" | sha256sum', ToolBoundsError),
    "an expression of exponents": ('mustRegexMatch "((((x{1,9}){1,9}){1,9}){1,9}){1,9}" "x"', ToolFailedError),
    "a key of a gigabyte": ("genPrivateKey `rsa` | repeat 1000000 | len", (ToolFailedError, ToolBoundsError)),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_that_knows_no_bounds_ends_within_ours(renderers: Renderers, name: str) -> None:
    expression, fault = TEMPLATES[name]
    files = chart(expression) | {
        "app/values.yaml": "t: '{{ tpl .Values.t . }}'\n",
        "app/templates/_twice.tpl": '{{ define "twice" }}{{ include "twice" . }}{{ include "twice" . }}{{ end }}',
    }
    with pytest.raises(fault, match=r"^(rendering )?app "):
        render(renderers, files)
    honest(renderers)


@pytest.mark.parametrize("file", ["values.yaml", "Chart.yaml", "charts/sub/values.yaml", "crds/a.yaml"])
@pytest.mark.parametrize("bomb", YAML_BOMBS)
def test_a_bomb_in_a_file_of_a_chart_is_a_fault_that_names_it(renderers: Renderers, bomb: str, file: str) -> None:
    files = chart(files={"app/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n"})
    with pytest.raises((ToolFailedError, RenderError), match=file.rpartition("/")[2]):
        render(renderers, files | {f"app/{file}": YAML_BOMBS[bomb]})
    honest(renderers)


@pytest.mark.parametrize("bomb", YAML_BOMBS)
def test_a_bomb_that_a_template_gives_is_a_fault_that_names_it(renderers: Renderers, bomb: str) -> None:
    with pytest.raises(RenderError, match=r"templates/bomb\.yaml as rendered:\d+: "):
        render(renderers, chart(files={"app/templates/bomb.yaml": YAML_BOMBS[bomb]}))


@pytest.mark.parametrize(
    "sets",
    [
        ["a[999999999]=1"],
        ["a[-1]=1"],
        ["a.b.c[99999999999999999999]=1"],
        ["a." * 5_000 + "b=1"],
        ["a" + "[65536]" * 31 + "=1"],
        ["a={" + "," * 100_000],
    ],
)
def test_an_absurd_index_or_depth_is_refused(renderers: Renderers, sets: list[str]) -> None:
    with pytest.raises((ToolFailedError, ToolBoundsError)):
        render(renderers, chart(".Values.a"), helm({"sets": sets}))
    honest(renderers)


def test_a_packed_chart_that_unpacks_to_gigabytes_is_refused(renderers: Renderers) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in (
            ("sub/Chart.yaml", b"apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
            ("sub/x", bytes(1 << 27)),
        ):
            info = entry(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    with pytest.raises(ArchiveBombError, match=r"^charts/sub-1\.0\.0\.tgz: "):
        render(renderers, chart(files={"app/charts/sub-1.0.0.tgz": out.getvalue()}))
    honest(renderers)


def _levels(width: int, depth: int) -> dict[str, Content]:
    """Return charts of which each needs the next several times: one file a level, ``width ** depth`` charts."""
    needs = "".join(f"- {{name: n{number}, version: 1.x, repository: 'file://../%s'}}\n" for number in range(width))
    levels: dict[str, Content] = {
        f"level{level}/Chart.yaml": f"{CHART}dependencies:\n{needs.replace('%s', f'level{level + 1}')}"
        for level in range(depth)
    }
    return levels | {f"level{depth}/Chart.yaml": CHART}


def test_charts_that_need_each_other_a_trillion_times_are_refused_at_once() -> None:
    with pytest.raises(RenderError, match="needs more than 200 charts"):
        charts.footprint(memory_tree(_levels(100, 6)), "level0", {})


def test_charts_beside_that_are_together_too_large_are_refused(renderers: Renderers) -> None:
    files = _levels(12, 1) | {"level1/big": "x" * (6 << 20), "app/Chart.yaml": ""}
    files["app/Chart.yaml"] = str(files.pop("level0/Chart.yaml"))
    with pytest.raises(FileTooLargeError, match="the charts that it needs exceed 67,108,864 bytes"):
        render(renderers, files)


def test_a_chart_that_two_need_is_put_into_both(renderers: Renderers) -> None:
    """Else a bound on what is copied would silently be one on what is rendered."""
    need = "dependencies: [{name: %s, version: 1.x, repository: 'file://../%s'}]\n"
    files = chart() | {
        "app/Chart.yaml": CHART + "dependencies:\n"
        "- {name: one, version: 1.x, repository: 'file://../one'}\n- {name: two, version: 1.x, repository: 'file://../two'}\n",
        "one/Chart.yaml": CHART.replace("web", "one") + need % ("lib", "lib"),
        "two/Chart.yaml": CHART.replace("web", "two") + need % ("lib", "lib"),
        "lib/Chart.yaml": CHART.replace("web", "lib"),
        "lib/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Template.Name | sha256sum }}}\n",
    }
    assert len(render(renderers, files).manifests) == 3


PROGRAMS: dict[str, tuple[str, Fault]] = {
    "a list of a billion": ("{a: std.makeArray(1000000000, function(i) i)}", ToolBoundsError),
    "a list that never ends": ("local f(n) = [n] + f(n + 1); {a: f(0)}", (ToolBoundsError, ToolFailedError)),
    "an object that holds itself": ("local a = {a: a}; a", (ToolBoundsError, ToolFailedError, RenderError)),
    "a text doubled": ("local d(n) = if n == 0 then 'x' else d(n - 1) + d(n - 1); {a: d(40)}", ToolBoundsError),
    "a file of itself": ("import 'main.jsonnet'", (ToolFailedError, ToolBoundsError)),
    "a YAML bomb": (f"std.parseYaml({json.dumps(LAUGHS)})", (ToolFailedError, ToolBoundsError)),
    "a deep text": ("std.parseJson(std.repeat('[', 1000000))", ToolFailedError),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_knows_no_bounds_ends_within_ours(renderers: Renderers, name: str) -> None:
    text, fault = PROGRAMS[name]
    with pytest.raises(fault):
        render(renderers, {"app/main.jsonnet": text})
    honest(renderers)


LEXED = {
    "comments": "/*a" * 1_000_000,
    "texts": "'\\" * 1_000_000,
    "blocks": "|||\n" * 1_000_000,
    "verbatim texts": "@'" + "''" * 1_000_000,
    "imports": "import 'main.jsonnet';" * 300_000,
    "lines": "\n" * 1_000_000 + "import 'main.jsonnet';" * 50_000,
}


@pytest.mark.parametrize("name", LEXED)
def test_a_program_is_looked_through_once_and_not_from_each_of_its_places(name: str) -> None:
    """The worker itself does this, before any process that could be ended."""
    with pytest.raises(RenderError, match=r"never ends|more than 20,000 imports|names its file by"):
        imports.footprint(memory_tree({"app/main.jsonnet": LEXED[name]}), "app", {})


def test_programs_that_are_together_too_large_are_refused() -> None:
    files: dict[str, Content] = {f"app/f{n}.jsonnet": " " * (7 << 20) for n in range(5)}
    files["app/main.jsonnet"] = "".join(f"import 'f{n}.jsonnet';" for n in range(5))
    with pytest.raises(RenderError, match="more than 16,777,216 characters"):
        imports.footprint(memory_tree(files), "app", {})


@pytest.mark.service("kustomize")
@pytest.mark.usefixtures("tool")
def test_kustomize_that_gives_too_much_is_stopped(renderers: Renderers) -> None:
    value = {"resources": ["a.yaml"], "commonAnnotations": {"a": "x" * 4_000}}
    objects = "---\n".join(OBJECT % f"a{n}" for n in range(3_000))
    with pytest.raises(
        ToolBoundsError, match=r"rendering app (printed more than 4,194,304 bytes|used more than 3 CPU seconds)"
    ):
        render(renderers, {"app/kustomization.yaml": json.dumps(value), "app/a.yaml": objects})
    honest(renderers)
