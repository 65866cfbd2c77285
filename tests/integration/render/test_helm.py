"""Charts, rendered by Helm's own library in its process."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import IgnoreRule, RenderSettings
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.sources.faults import SymlinkRefusedError
from tests.fakes.cluster import FakeCluster
from tests.fakes.trees import Content, memory_tree
from workers.render.cache import RenderCache
from workers.render.faults import (
    ChangingError,
    ClusterTooOldError,
    CycleError,
    DependencyMissingError,
    EscapeRefusedError,
    LookupRefusedError,
    RenderError,
    ToolBoundsError,
    ToolFailedError,
)
from workers.render.rendered import Rendered
from workers.render.renderers import Renderers
from workers.render.request import Capabilities, RenderRequest
from workers.render.sandbox import Bounds
from workers.sync.plan.arriving import CustomKinds
from workers.sync.plan.normalise import Naming, normalise

CHART = "apiVersion: v2\nname: web\nversion: 1.2.3\n"
SEEN = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-seen\n"
    "data:\n  seen: {{ %s | toJson | quote }}"
)
BOUNDS = Bounds(cpu=timedelta(seconds=20), memory=768 << 20, output=4 << 20)


def chart(expression: str = ".Values", **files: Content) -> dict[str, Content]:
    """Return a chart that shows what an expression gives."""
    own: dict[str, Content] = {"web/Chart.yaml": CHART, "web/templates/seen.yaml": SEEN % expression}
    return own | {name.replace("__", "/"): content for name, content in files.items()}


@pytest.fixture(scope="module")
def renderers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderers]:
    found = Renderers(RenderCache(tmp_path_factory.mktemp("cache")), bounds=BOUNDS)
    yield found
    found.close()


def request(options: Mapping[str, Any] | None = None, **others: Any) -> RenderRequest:
    settings = None if options is None else RenderSettings("helm", options)
    return RenderRequest.at("web", settings, **({"release": "shop", "namespace": "front"} | others))


def render(renderers: Renderers, files: Mapping[str, Content], asked: RenderRequest | None = None) -> Rendered:
    tree = memory_tree(files)
    asked = asked or request()
    return renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))


def seen(done: Rendered) -> Any:
    (found,) = [each["data"]["seen"] for each in done.manifests if each["metadata"]["name"].endswith("-seen")]
    return json.loads(found)


# -- values ----------------------------------------------------------------------------------------------------


def test_a_chart_is_detected_and_knows_its_release(renderers: Renderers) -> None:
    done = render(renderers, chart("list .Release.Name .Release.Namespace .Release.IsInstall .Release.Service"))
    assert seen(done) == ["shop", "front", True, "Helm"]
    assert str(done.renderers[0]).startswith("helm 4.")


def test_the_registry_lies_over_values_files_and_those_over_the_charts_own(renderers: Renderers) -> None:
    files = chart() | {
        "web/values.yaml": "a: chart\nb: chart\nc: chart\nkept: {x: 1, z: 2}\ngone: 1\n",
        "web/low.yaml": "b: low\nc: low\nd: low\nkept: {z: 3}\n",
        "values/high.yaml": "d: high\n",
    }
    asked = request({"valuesFiles": ["low.yaml", "../values/high.yaml"]}, values={"c": "registry", "gone": None})
    expected = {"a": "chart", "b": "low", "c": "registry", "d": "high", "kept": {"x": 1, "z": 3}}
    assert seen(render(renderers, files, asked)) == expected


def test_sets_lie_over_everything(renderers: Renderers) -> None:
    asked = request({"sets": ["image.tag=v1", "list[1]=b", "text=a\\,b"]}, values={"image": {"name": "x", "tag": "v0"}})
    found = seen(render(renderers, chart("dict `i` .Values.image `l` .Values.list `t` .Values.text"), asked))
    assert found == {"i": {"name": "x", "tag": "v1"}, "l": [None, "b"], "t": "a,b"}


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("list[1]=z", {"list": ["a", "z", "c"]}),
        ("list[4]=z", {"list": ["a", "b", "c", None, "z"]}),
        ("list[0]=null,maps[0].y=3", {"list": [None, "b", "c"], "maps": [{"x": 1, "y": 3}]}),
        ("maps[0].x=9,maps[1].x=8", {"maps": [{"x": 9, "y": 2}, {"x": 8}]}),
        ("deep[0][1]=9", {"deep": [[1, 9], [3]]}),
        ("deep[1]={p,q}", {"deep": [[1, 2], ["p", "q"]]}),
        ("list={p\\,q,r}", {"list": ["p,q", "r"]}),
        ("list=z", {"list": "z"}),
        ("none[1]=z", {"none": [None, "z"]}),
        ("a\\[0\\]=1,list[2]=x{", {"a[0]": 1, "list": ["a", "b", "x{"]}),
    ],
)
def test_an_item_of_a_list_is_set_in_its_place(renderers: Renderers, text: str, changed: dict[str, Any]) -> None:
    """As `helm template --values FILE --set TEXT` was seen to do it."""
    values = {"list": ["a", "b", "c"], "maps": [{"x": 1, "y": 2}], "deep": [[1, 2], [3]]}
    assert seen(render(renderers, chart(), request({"sets": [text]}, values=values))) == values | changed


@pytest.mark.parametrize("text", ["a", "a,b=1", "list[-1]=x", "a[99999999]=1"])
def test_a_set_that_helm_refuses_is_refused(renderers: Renderers, text: str) -> None:
    with pytest.raises(ToolFailedError, match=r"web cannot be rendered"):
        render(renderers, chart(), request({"sets": [text]}, values={"list": [1]}))


def test_a_large_number_that_is_set_and_printed_as_a_fraction_is_told(renderers: Renderers) -> None:
    """Helm's own command prints it as it is; the library takes it for a fraction, as one from a file of values."""
    asked = request({"sets": ["user.id=1000650000", "port=8080", "small=-999999"]})
    printed = render(renderers, chart("printf `%v %v %v` .Values.user.id .Values.port .Values.small"), asked)
    assert seen(printed) == "1.00065e+09 8080 -999999"
    (told,) = map(sentence, printed.warnings)
    assert told == "render.helm.sets: a template prints 1.00065e+09: write `| int64` behind it"
    assert render(renderers, chart(".Values.user.id | int64"), asked).warnings == ()


def test_the_release_name_can_be_set(renderers: Renderers) -> None:
    assert seen(render(renderers, chart(".Release.Name"), request({"releaseName": "other"}))) == "other"


CLUSTER = {"name": "eu-1", "labels": {"env": "prod"}, "vars": {"domain": "eu.example.com"}}


def asking(key: str) -> dict[str, Content]:
    """Return a chart's file by which it asks for the cluster's own values."""
    return {"web/Chart.yaml": f"{CHART}annotations: {{flotilla.dev/cluster-values: {key}}}\n"}


def test_a_chart_that_does_not_ask_gets_no_values_of_the_cluster(renderers: Renderers) -> None:
    assert seen(render(renderers, chart(), request(cluster=CLUSTER))) == {}


def test_a_chart_within_called_cluster_keeps_its_values(renderers: Renderers) -> None:
    files = chart() | {
        "web/charts/cluster/Chart.yaml": "apiVersion: v2\nname: cluster\nversion: 1.0.0\n",
        "web/charts/cluster/values.yaml": "name: pg\nlabels: {team: db}\n",
        "web/charts/cluster/templates/a.yaml": SEEN % ".Values",
    }
    del files["web/templates/seen.yaml"]
    done = render(renderers, files, request(values={"cluster": {"size": 3}}, cluster=CLUSTER))
    assert seen(done) == {"name": "pg", "labels": {"team": "db"}, "size": 3, "global": {}}


def test_a_chart_has_a_key_of_its_own_called_cluster(renderers: Renderers) -> None:
    files = chart() | {"web/values.yaml": "cluster: {name: default, id: 0}\n"}
    asked = request(values={"cluster": {"name": "home"}}, cluster=CLUSTER)
    assert seen(render(renderers, files, asked)) == {"cluster": {"name": "home", "id": 0}}


def test_a_chart_that_asks_gets_the_clusters_own_values_under_its_key(renderers: Renderers) -> None:
    files = chart() | asking("cluster") | {"web/values.yaml": "cluster: {name: none, vars: {domain: x, zone: a}}\n"}
    found = seen(render(renderers, files, request(cluster=CLUSTER)))["cluster"]
    assert found == {**CLUSTER, "vars": {"domain": "eu.example.com", "zone": "a"}}, "over the chart's own"


def test_a_chart_may_ask_for_the_charts_within_it_too(renderers: Renderers) -> None:
    files = chart() | SUB | asking("global.cluster")
    files["web/charts/sub/templates/a.yaml"] = (SEEN % ".Values.global.cluster.name").replace("-seen", "-sub-seen")
    del files["web/templates/seen.yaml"]
    assert seen(render(renderers, files, request(values={"global": {"a": 1}}, cluster=CLUSTER))) == "eu-1"


@pytest.mark.parametrize(
    ("options", "values", "place"),
    [
        ({}, {"cluster": {"name": "other"}}, r"cluster\.name"),
        ({}, {"cluster": "other"}, "cluster"),
        ({"sets": ["cluster.vars.domain=x"]}, {}, r"cluster\.vars"),
        ({"valuesFiles": ["v.yaml"]}, {}, r"cluster\.labels"),
    ],
)
def test_nothing_else_is_given_where_the_clusters_own_values_stand(
    renderers: Renderers, options: dict[str, Any], values: dict[str, Any], place: str
) -> None:
    files = chart() | asking("cluster") | {"web/v.yaml": "cluster: {labels: {}, other: 1}\n"}
    with pytest.raises(ToolFailedError, match=rf"the value {place} is given, and the chart asks for the cluster's own"):
        render(renderers, files, request(options, values=values, cluster=CLUSTER))


def test_beside_the_clusters_own_values_others_may_stand(renderers: Renderers) -> None:
    asked = request(values={"cluster": {"size": 3}}, cluster=CLUSTER)
    assert seen(render(renderers, chart() | asking("cluster"), asked))["cluster"] == {**CLUSTER, "size": 3}


@pytest.mark.parametrize("key", ["'true.'", "{a: 1}", "1", "''", "'a..b'", "'{{ x }}'"])
def test_a_chart_that_asks_in_another_form_is_refused(renderers: Renderers, key: str) -> None:
    with pytest.raises(RenderError, match=r"web/Chart\.yaml: the annotation flotilla\.dev/cluster-values is"):
        render(renderers, chart() | asking(key), request(cluster=CLUSTER))


def test_values_of_the_wrong_type_are_refused_by_the_charts_schema(renderers: Renderers) -> None:
    files = chart() | {"web/values.schema.json": '{"properties": {"replicas": {"type": "integer"}}}'}
    with pytest.raises(ToolFailedError, match=r"'/replicas': got string, want integer"):
        render(renderers, files, request(values={"replicas": "two"}))


def packed(**files: str) -> bytes:
    """Return a packed chart called ``sub``."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo("sub/" + name.replace("__", "/"))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return target.getvalue()


def test_values_are_not_held_to_schemas_where_the_registry_says_so(renderers: Renderers) -> None:
    schema = '{"properties": {"size": {"type": "integer"}}}'
    sub = "apiVersion: v2\nname: sub\nversion: 1.0.0\n"
    files = chart(".Values.sub.size") | {
        "web/values.schema.json": schema,
        "web/charts/near/Chart.yaml": sub.replace("sub", "near"),
        "web/charts/near/values.schema.json": schema,
        "web/charts/sub-1.0.0.tgz": packed(**{"Chart.yaml": sub, "values.schema.json": schema, "files__a": "kept"}),
    }
    wrong = {"size": "x", "near": {"size": "x"}, "sub": {"size": "x"}}
    with pytest.raises(ToolFailedError, match=r"got string, want integer"):
        render(renderers, files, request(values={"sub": {"size": "x"}}))
    assert seen(render(renderers, files, request({"skipSchemaValidation": True}, values=wrong))) == "x"


def test_definitions_of_kinds_and_tests_are_left_out_where_the_registry_says_so(renderers: Renderers) -> None:
    files = chart() | SUB | {"web/templates/test.yaml": HOOK % ("a", "test,post-install")}

    def names(options: dict[str, Any]) -> list[str]:
        return [each["metadata"]["name"] for each in render(renderers, files, request(options)).manifests]

    assert names({}) == ["things.example.com", "sub", "shop-seen", "a"]
    assert names({"skipCrds": True}) == ["sub", "shop-seen", "a"]
    assert names({"skipTests": True}) == ["things.example.com", "sub", "shop-seen"]


def test_an_absurd_index_is_refused(renderers: Renderers) -> None:
    with pytest.raises(ToolFailedError, match="maximum supported index"):
        render(renderers, chart(), request({"sets": ["a[999999999]=1"]}))


# -- what the cluster can do -----------------------------------------------------------------------------------


def test_a_chart_sees_the_clusters_version_and_kinds(renderers: Renderers) -> None:
    known = Capabilities("v1.31.4", ("example.com/v1", "example.com/v1/Thing"))
    has = '.Capabilities.APIVersions.Has "example.com/v1/Thing"'
    files = chart(f"list .Capabilities.KubeVersion.Version .Capabilities.KubeVersion.Minor ({has})")
    assert seen(render(renderers, files, request(capabilities=known))) == ["v1.31.4", "31", True]
    assert seen(render(renderers, files, request(capabilities=Capabilities("v1.30.0", ()))))[2] is False


@pytest.mark.parametrize(
    ("wanted", "version"), [(">=1.25.0-0", "v1.31.4"), (">=1.25", "v1.31.4-gke.1200"), ("what it likes", "v1.31.4")]
)
def test_a_chart_takes_the_clusters_version(renderers: Renderers, wanted: str, version: str) -> None:
    files = chart() | {"web/Chart.yaml": CHART + f"kubeVersion: '{wanted}'\n"}
    assert render(renderers, files, request(capabilities=Capabilities(version, ()))).objects


@pytest.mark.parametrize(("wanted", "version"), [(">= 1.19.0 < 1.30.0", "v1.31.4"), ("^1.32", "v1.31.4+k3s1")])
def test_a_chart_may_refuse_the_clusters_version(renderers: Renderers, wanted: str, version: str) -> None:
    files = chart() | {"web/Chart.yaml": CHART + f"kubeVersion: '{wanted}'\n"}
    with pytest.raises(ClusterTooOldError, match=r"wants Kubernetes .*, and the cluster has v1\.31"):
        render(renderers, files, request(capabilities=Capabilities(version, ())))


LOOKUP = '(lookup "v1" "Secret" "a" "b")'


def test_a_lookup_finds_nothing_and_says_so(renderers: Renderers) -> None:
    done = render(renderers, chart(LOOKUP))
    assert seen(done) == {}
    (told,) = map(sentence, done.warnings)
    assert told == "templates/seen.yaml: `lookup` finds nothing here, as in `helm template`"
    assert render(renderers, chart(LOOKUP)).warnings == done.warnings, "the cache keeps them"


def test_a_lookup_can_be_refused(renderers: Renderers) -> None:
    with pytest.raises(LookupRefusedError, match=r"templates/seen\.yaml"):
        render(renderers, chart(LOOKUP), request({"lookup": "refuse"}))


# -- what comes out --------------------------------------------------------------------------------------------

HOOK = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, annotations: {helm.sh/hook: '%s'}}\n"


def test_notes_and_tests_are_left_out_and_hooks_stay(renderers: Renderers) -> None:
    files = chart() | {
        "web/templates/NOTES.txt": "Thank you",
        "web/templates/_part.tpl": "{{ define `x` }}{{ end }}",
        "web/templates/empty.yaml": "{{ if .Values.never }}a: 1{{ end }}\n---\n# nothing\n",
        "web/templates/test.yaml": HOOK % ("a", "test-success"),
        "web/templates/hook.yaml": HOOK % ("b", "pre-install,pre-upgrade"),
    }
    assert [each["metadata"]["name"] for each in render(renderers, files).manifests] == ["b", "shop-seen"]


CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n"
SUB = {
    "web/Chart.yaml": CHART + "dependencies: [{name: sub, version: 1.x, condition: sub.enabled}]\n",
    "web/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
    "web/charts/sub/crds/crd.yaml": CRD,
    "web/charts/sub/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\n",
}


def test_definitions_of_kinds_and_charts_within_come_too(renderers: Renderers) -> None:
    names = [each["metadata"]["name"] for each in render(renderers, chart() | SUB).manifests]
    assert names == ["things.example.com", "sub", "shop-seen"]


def test_a_chart_within_can_be_switched_off(renderers: Renderers) -> None:
    done = render(renderers, chart() | SUB, request(values={"sub": {"enabled": False}}))
    assert [each["metadata"]["name"] for each in done.manifests] == ["shop-seen"]


def test_where_the_template_fails_is_said(renderers: Renderers) -> None:
    with pytest.raises(ToolFailedError, match=r"web/templates/seen\.yaml:6.*name it"):
        render(renderers, chart("required `name it` .Values.nothing"))


def test_what_is_no_manifest_is_named_by_its_template(renderers: Renderers) -> None:
    files = chart() | {"web/templates/bad.yaml": "apiVersion: v1\nmetadata: {name: a}\n"}
    with pytest.raises(RenderError, match=r"web/templates/bad\.yaml as rendered:1: the object has no kind"):
        render(renderers, files)


def test_documents_are_taken_apart_as_helm_does(renderers: Renderers) -> None:
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
    block = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: |\n    ---\n    b\n"
    text = f"---\n{one % 'a'}\n---# of b\n{one % 'b'}--- \n{block}\n---\n# nothing\n"
    done = render(renderers, chart() | {"web/templates/a.yaml": text})
    assert [each["metadata"]["name"] for each in done.manifests] == ["a", "b", "c", "shop-seen"]
    assert done.manifests[2]["data"] == {"a": "---\nb\n"}
    assert [each.origin.rpartition(":")[2] for each in done.objects[:3]] == ["2", "7", "11"]


def test_a_block_of_text_ends_as_helm_sends_it(renderers: Renderers) -> None:
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata:\n  a: |\n    x\n    y"
    files = {
        "web/templates/a.yaml": f"{one % 'a'}\n---\n{one % 'b'}\n\n\n---\n{one % 'c'}",
        "web/templates/d.yaml": f"{{{{- if true }}}}\n{one % 'd'}\n{{{{- end }}}}\n",
        "web/templates/e.yaml": f"{one % 'e'}{{{{ range list `z` }}}}\n    {{{{ . }}}}{{{{ end }}}}",
        "web/templates/f.yaml": (one % "f").replace("\n", "\r\n") + "\r\n---\r\n" + one % "g",
    }
    done = render(renderers, chart() | files)
    found = {each["metadata"]["name"]: each["data"].get("a") for each in done.manifests}
    assert found == {**dict.fromkeys("abcdfg", "x\ny\n"), "e": "x\ny\nz\n", "shop-seen": None}


def test_of_a_key_given_twice_the_last_counts_and_it_is_told(renderers: Renderers) -> None:
    files = chart(".Values") | {
        "web/values.yaml": "a: 1\na: 2\n",
        "web/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
        "web/charts/sub/values.yaml": "b: 1\nb: 2\n",
        "web/more.yaml": "c: {d: 1}\nc: {e: 2}\n",
        "web/templates/b.yaml": "kind: A\napiVersion: v1\nmetadata: {name: b}\nkind: B\n",
    }
    done = render(renderers, files, request({"valuesFiles": ["more.yaml"]}))
    assert seen(done) == {"a": 2, "c": {"e": 2}, "sub": {"b": 2, "global": {}}}
    assert [each["kind"] for each in done.manifests] == ["B", "ConfigMap"]
    assert tuple(map(sentence, done.warnings)) == (
        "web/charts/sub/values.yaml:2: key 'b' is given twice, first on line 1; the last one counts",
        "web/values.yaml:2: key 'a' is given twice, first on line 1; the last one counts",
        "web/more.yaml:2: key 'c' is given twice, first on line 1; the last one counts",
        "web/templates/b.yaml as rendered:4: key 'kind' is given twice, first on line 1; the last one counts",
    )


def test_a_hook_that_helm_does_not_know_is_left_out_and_told(renderers: Renderers) -> None:
    done = render(renderers, chart() | {"web/templates/hook.yaml": HOOK % ("b", "some-day")})
    assert [each["metadata"]["name"] for each in done.manifests] == ["shop-seen"]
    assert tuple(map(sentence, done.warnings)) == (
        "web/templates/hook.yaml as rendered:1: the hook 'some-day' is none of Helm's; the object is left out, "
        "as Helm does it",
    )


# -- the same twice --------------------------------------------------------------------------------------------

PASSWORD = {
    "web/templates/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n"
    "stringData: {password: '{{ randAlphaNum 20 }}'}\n"
}


def test_a_chart_that_gives_something_else_each_time_is_refused(renderers: Renderers) -> None:
    with pytest.raises(ChangingError, match="Secret db: /stringData/password") as caught:
        render(renderers, chart() | PASSWORD)
    assert "sync.ignore" in caught.value.remedy


def test_an_ignored_field_may_change_and_is_no_part_of_the_digest(renderers: Renderers, tmp_path: Path) -> None:
    asked = request(ignore=(IgnoreRule(kind="Secret", paths=("/stringData/password",)),))
    other = Renderers(RenderCache(tmp_path), bounds=BOUNDS)
    found = [render(each, chart() | PASSWORD, asked) for each in (renderers, other)]
    other.close()
    passwords = {each.manifests[0]["stringData"]["password"] for each in found}
    assert len(passwords) == 2
    assert len({each.digest for each in found}) == 1


@pytest.mark.parametrize("expression", ["now", "uuidv4", "genCA `a` 1", "keys .Values.many", "htpasswd `a` `b`"])
def test_clocks_certificates_and_unordered_keys_are_found(renderers: Renderers, expression: str) -> None:
    many = {f"k{number}": number for number in range(50)}
    with pytest.raises(ChangingError, match="ConfigMap shop-seen: /data/seen"):
        render(renderers, chart(expression), request(values={"many": many}))


def test_a_rendering_is_kept_by_everything_that_shapes_it(renderers: Renderers) -> None:
    tree = memory_tree(chart())
    asked = [
        request(values={"a": 1}),
        request(values={"a": 2}),
        request(values={"a": 1}, namespace="other"),
        request(values={"a": 1}, release="other"),
        request({"sets": ["a=9"]}, values={"a": 1}),
        request(values={"a": 1}, capabilities=Capabilities("v1.30.0", ())),
    ]
    opened: list[RenderRequest] = []
    for one in [*asked, *asked]:
        renderers.render(lambda _, one=one: opened.append(one) or tree, one, renderers.resolve(tree, one))  # type: ignore[misc,func-returns-value]
    assert opened == asked


# -- what it needs ---------------------------------------------------------------------------------------------


def test_a_chart_that_is_not_there_is_missed(renderers: Renderers) -> None:
    dependencies = "dependencies: [{name: redis, version: 18.x, repository: 'https://charts.example.com'}]\n"
    with pytest.raises(DependencyMissingError, match=r"needs the chart redis 18\.x of https://charts\.example\.com"):
        render(renderers, chart() | {"web/Chart.yaml": CHART + dependencies})


def test_a_chart_within_may_lie_in_a_folder_of_another_name(renderers: Renderers) -> None:
    files = {name.replace("charts/sub/", "charts/Of-Redis/"): content for name, content in SUB.items()}
    assert "sub" in [each["metadata"]["name"] for each in render(renderers, chart() | files).manifests]


BESIDE = {
    "web/Chart.yaml": CHART + "dependencies: [{name: lib, version: 1.x, repository: 'file://../shared/lib'}]\n",
    "shared/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\n",
    "shared/lib/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lib}\n",
}


def test_a_chart_beside_it_is_taken_in_and_counts_as_read(renderers: Renderers) -> None:
    tree = memory_tree(chart() | BESIDE)
    assert renderers.resolve(tree, request()).paths == ("shared/lib", "web")
    assert "lib" in [each["metadata"]["name"] for each in render(renderers, chart() | BESIDE).manifests]


def test_charts_in_a_circle_are_refused(renderers: Renderers) -> None:
    back = "dependencies: [{name: web, version: 1.x, repository: 'file://../../web'}]\n"
    files = chart() | BESIDE | {"shared/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\n" + back}
    with pytest.raises(CycleError, match="web -> shared/lib -> web"):
        render(renderers, files)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "", "a\\b", "../.."])
def test_values_files_and_charts_from_outside_are_refused(renderers: Renderers, name: str) -> None:
    with pytest.raises(EscapeRefusedError):
        render(renderers, chart(), request({"valuesFiles": [name]}))
    dependency = f"dependencies: [{{name: x, version: 1.x, repository: {json.dumps('file://' + name)}}}]\n"
    with pytest.raises(EscapeRefusedError):
        render(renderers, chart() | {"web/Chart.yaml": CHART + dependency})


@pytest.mark.parametrize("place", ["web/templates/link.yaml", "web/files/link", "web/values.yaml", "web/charts/sub"])
def test_a_link_in_a_chart_is_refused(renderers: Renderers, place: str) -> None:
    with pytest.raises(SymlinkRefusedError):
        render(renderers, chart() | {place: ("120000", "/etc/passwd")})


def test_a_link_among_the_values_files_is_refused(renderers: Renderers) -> None:
    with pytest.raises(SymlinkRefusedError):
        render(renderers, chart() | {"v.yaml": ("120000", "/etc/passwd")}, request({"valuesFiles": ["../v.yaml"]}))


def test_a_folder_without_a_chart_is_a_fault(renderers: Renderers) -> None:
    with pytest.raises(RenderError, match=r"no Chart\.yaml"):
        render(renderers, {"web/a.yaml": "a: 1"}, request({}))


# -- bounds ----------------------------------------------------------------------------------------------------

BOMBS = {
    "never ends": "{{ range $a := until 100000 }}{{ range $b := until 100000 }}{{ end }}{{ end }}",
    "eats memory": '{{ $x := list }}{{ range until 99 }}{{ $x = append $x (repeat 9000000 "y") }}{{ end }}{{ len $x }}',
    "gives too much": 'a: {{ repeat 50000000 "x" }}',
    "calls itself": '{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_template_that_knows_no_bounds_ends_within_ours(tmp_path: Path, name: str) -> None:
    """The worker lives on, and renders the next chart."""
    bounds = Bounds(cpu=timedelta(seconds=5), memory=512 << 20, output=4 << 20)
    renderers = Renderers(RenderCache(tmp_path), bounds=bounds)
    files = chart() | {"web/templates/bomb.yaml": BOMBS[name]}
    with pytest.raises(PermanentError) as caught:
        render(renderers, files)
    expected = ToolFailedError if name == "calls itself" else ToolBoundsError
    assert isinstance(caught.value, expected), caught.value
    assert render(renderers, chart("1")).objects
    renderers.close()


def test_a_definition_of_a_chart_under_two_aliases_is_one_object(renderers: Renderers) -> None:
    spec = {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Db", "plural": "dbs"}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "dbs.example.com"},
        "spec": {**spec, "versions": [{"name": "v1", "served": True, "storage": True}]},
    }
    aliases = "dependencies:\n- {name: db, version: 0.1.0, alias: one}\n- {name: db, version: 0.1.0, alias: two}\n"
    files: dict[str, Content] = {
        "web/Chart.yaml": CHART + aliases,
        "web/values.yaml": "one: {who: p}\ntwo: {who: r}\n",
        "web/charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 0.1.0\n",
        "web/charts/db/crds/c.yaml": json.dumps(definition),
        "web/charts/db/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db-{{ .Values.who }}}\n",
    }
    manifests = render(renderers, files, request({})).manifests
    naming = Naming("acme", PlacementRef("alpha", "shop"), "default", b"key")
    wanted = normalise(manifests, naming, CustomKinds(FakeCluster().kind, manifests)).wanted
    assert sorted(one.object.name for one in wanted) == ["db-p", "db-r", "dbs.example.com"]
    assert len(manifests) == 4, "as Helm renders it"
