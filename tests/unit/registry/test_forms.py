"""The form of documents: each fault with its line and its remedy."""

from __future__ import annotations

import pytest

from common.domain.errors import sentences
from tests.harness.texts import FLEET, application, cluster, documents, parsed, project, registry

APPLICATION = """\
apiVersion: flotilla.dev/v1
kind: Application
metadata:
  name: pay
spec:
  source:
    repo: https://git.example.com/pay.git
    ref: {branch: main}
  namespace: pay
  values:
    replicas: 2
  targets:
    - name: all
      select:
        all: true
  sync:
    mode: enforce
    deadline: 15m
    retry: {limit: 5}
"""

FAULTS = [
    ("kind: Application", "kind: Aplication", 2, "kind 'Aplication' is not known", "did you mean 'Application'?"),
    ("kind: Application", "kin: Application", 1, "kind is missing", "known: Application, Cluster"),
    ("flotilla.dev/v1", "apps/v1", 1, "apiVersion is 'apps/v1', not flotilla.dev/v1", "correct it"),
    ("  name: pay\n", "  name: 5\n", 4, "metadata.name is missing or not a string", "give it a name"),
    ("  name: pay\n", "  name: Pay\n", 4, "'Pay' is not a name", "lower-case"),
    ("    mode:", "    mod:", 17, "unknown key 'spec.sync.mod'", "did you mean 'mode'?"),
    ("mode: enforce", "mode: enforced", 17, "spec.sync.mode is 'enforced'", "did you mean 'enforce'?"),
    ("mode: enforce", "mode: [a]", 17, "spec.sync.mode is a list", "known: enforce, manual, warn"),
    ("deadline: 15m", "deadline: 15", 18, "'15' is not a duration", "1h30m"),
    ("deadline: 15m", "deadline: 367d", 18, "duration 367d is out of range", "between 1s and 366d"),
    ("deadline: 15m", "deadline: 0s", 18, "duration 0s is out of range", "between 1s and 366d"),
    ("deadline: 15m", "deadline: 999999999d", 18, "is out of range", "between 1s and 366d"),
    ("{limit: 5}", "{limit: '5'}", 19, "spec.sync.retry.limit is '5', not a whole number", "without quotes"),
    ("{limit: 5}", "{limit: 5, factor: .inf}", 19, ".inf is not a finite number", "quote it"),
    ("{limit: 5}", "{limit: 101}", 19, "spec.sync.retry.limit", "correct the value"),
    ("  namespace: pay\n", "", 5, "spec.namespace is missing", "add it"),
    ("  values:\n    replicas: 2\n", "  values:\n", 10, "spec.values is empty, not a mapping", "remove the key"),
    ("    replicas: 2", "    a: 1\n    a: 2", 12, "key 'a' is given twice, first on line 11", "keep one"),
    ("        all: true", "        matchLabels: {}", 14, "a selector without rules", "all: true"),
    ("      select:\n        all: true", "      select: {}", 14, "a selector without rules", "all: true"),
    ("      select:\n        all: true\n", "", 13, "a target that names no cluster", "clusters or select"),
    ("        all: true", "        all: true\n      clusters: [a]", 13, "several of its keys", "exactly one"),
    ("{branch: main}", "{branch: main, tag: v1}", 8, "a ref with several of its keys", "exactly one of branch"),
    ("{branch: main}", "{branch: ../x}", 8, "is not a branch or tag name", "without refs/"),
    ("{branch: main}", "{branch: --upload-pack=x}", 8, "is not a branch or tag name", "without refs/"),
    ("{branch: main}", "{commit: abc}", 8, "is not a full commit id", "40"),
    ("{branch: main}", "{tag: 1.10}", 8, "spec.source.ref.tag is 1.1, not a string", "quote it"),
    ("https://git.example.com/pay.git", "http://git.example.com/pay.git", 7, "plain http would show", "use https"),
    ("https://git.example.com/pay.git", "https://u:p@git.example.com/a", 7, "carries credentials", "secretRef"),
    ("https://git.example.com/pay.git", "file:///etc", 7, "does not begin with https:// or ssh://", "https://"),
    ("https://git.example.com/pay.git", "ext::sh -c id", 7, "read the URL as an option or as a command", "https://"),
    ("https://git.example.com/pay.git", "--upload-pack=x", 7, "read the URL as an option or as a command", "https://"),
    ("https://git.example.com/pay.git", "https://[", 7, "host or port cannot be read", "https://"),
    ("https://git.example.com/pay.git", "https://h/a/../b", 7, "'..' as a step", "without"),
    ("    ref: {branch: main}", "    ref: {branch: main}\n    path: ../x", 9, "leaves the tree", "without '..'"),
    ("    ref: {branch: main}", "    ref: {branch: main}\n    path: /etc", 9, "leaves the tree", "without '..'"),
    ("    repo: https://git.example.com/pay.git\n", "", 6, "a source with none of its keys", "exactly one of"),
    ("    mode: enforce", "    ignore: [{kind: A, paths: [spec]}]", 17, "is not a JSON pointer", "/spec/replicas"),
    ("    mode: enforce", "    prune: {maxPercent: 101}", 17, "spec.sync.prune.maxPercent", "correct"),
    ("  values:", "  substitute: 'yes'\n  values:", 10, "spec.substitute is 'yes', not true or false", "write true"),
    ("  values:", "  substitute: {undefined: fail}\n  values:", 10, "spec.substitute.undefined is 'fail'", "'fault'"),
    ("  values:", "  substitute: {undefind: empty}\n  values:", 10, "unknown key", "did you mean 'undefined'?"),
    ("  values:", "  substitute: [empty]\n  values:", 10, "spec.substitute is a list, not true or false", "write true"),
    ("      select:", "      expect: {min: 5, max: 4}\n      select:", 14, "admits nothing", "min at most max"),
    (
        "      select:",
        "      pin: {semver: 1.x}\n      select:",
        14,
        "unknown key",
        "known: branch, commit, digest, tag",
    ),
    ("  values:", "  render: {kustomize: {images: [x]}}\n  values:", 10, "'x' is not an image", "NAME=NEWNAME:TAG"),
    (
        "  values:",
        "  render: {kustomize: {patches: [{path: x}]}}\n  values:",
        10,
        "unknown key",
        "did you mean 'patch'?",
    ),
    ("  values:", "  render: {plain: {}, kustomize: {}}\n  values:", 10, "render with several", "exactly one of"),
    ("  sync:\n", "    - {name: all, clusters: [c1]}\n  sync:\n", 5, "two targets are called all", "of its own"),
]


@pytest.mark.parametrize(("old", "new", "line", "what", "remedy"), FAULTS)
def test_a_fault_names_its_line_and_a_remedy(old: str, new: str, line: int, what: str, remedy: str) -> None:
    assert old in APPLICATION
    result = parsed(registry(app=APPLICATION.replace(old, new, 1)))
    found = [fault for fault in result.faults if fault.file == "app.yaml" and what in fault.what]
    assert found, [str(fault) for fault in result.faults]
    assert found[0].line == line
    assert remedy in found[0].remedy
    assert str(found[0]) == f"app.yaml:{line}: {sentences(found[0].what, found[0].remedy)}"
    assert not result.refused
    assert result.fleet is not None
    assert "pay" not in result.fleet.applications


def test_the_faultless_form_has_no_fault() -> None:
    assert parsed(registry(app=APPLICATION)).faults == ()


def test_all_faults_of_a_commit_are_reported_together_in_order() -> None:
    two = application("a", more="  wrong: 1\n  values: []\n")
    result = parsed(registry(z=application("z", more="  bad: 1\n"), b="a: [\n", a=two))
    assert [(fault.file, fault.line) for fault in result.faults] == [
        ("a.yaml", 7),
        ("a.yaml", 8),
        ("b.yaml", 2),
        ("z.yaml", 7),
    ]


def test_lines_are_right_in_flow_style_in_json_and_in_later_documents() -> None:
    flow = "\n# comment\n---\n" + "kind: Application\nmetadata: {name: a,\n  lables: {}}\nspec: {}\n"
    json = '{"kind": "Application",\n "metadata": {"name": "b"},\n "spec": {\n  "namespace": "x",\n  "target": []}}'
    result = parsed({**registry(flow=documents(application("ok"), flow)), "b.json": json})
    assert ("b.json", 5, "unknown key 'spec.target'") in [(f.file, f.line, f.what) for f in result.faults]
    assert ("flow.yaml", 13, "unknown key 'metadata.lables'") in [(f.file, f.line, f.what) for f in result.faults]


@pytest.mark.parametrize(
    ("text", "line", "what", "remedy"),
    [
        (FLEET.replace("[dev, prod]", "dev"), 4, "spec.labels.env", "list"),
        (FLEET + "  leaving: {maxPlacement: 1}\n", 5, "unknown key", "did you mean 'maxPlacements'?"),
        (FLEET + "  defaults: {interval: 5 minutes}\n", 5, "is not a duration", "1h30m"),
        (FLEET + "  pruneBudget: {maxObjects: -1}\n", 5, "spec.pruneBudget.maxObjects", "correct"),
        (FLEET.replace("env:", "'-env':"), 4, "is not a label key", "letters"),
        (FLEET + "  roles: [{name: owner, groups: [x]}]\n", 5, "'owner', which is not allowed", "admin"),
        (FLEET + "  roles: [{name: admin, groups: []}]\n", 5, "is nobody's", "name the groups"),
        (FLEET + "  roles: [{name: admin, groups: ['']}]\n", 5, "empty", "characters"),
        (FLEET + "  roles: [{name: admin, groups: [a]}, {name: admin, groups: [b]}]\n", 5, "given twice", "in one"),
    ],
)
def test_a_fault_in_the_fleet_refuses_the_commit(text: str, line: int, what: str, remedy: str) -> None:
    result = parsed({**registry(), "fleet.yaml": text})
    assert result.refused
    assert result.fleet is None
    fault = next(fault for fault in result.faults if fault.file == "fleet.yaml")
    assert (fault.line, what in fault.what, remedy in fault.remedy) == (line, True, True), str(fault)


@pytest.mark.parametrize(
    ("roles", "what", "remedy"),
    [
        ("[{name: a, groups: [x], can: [sync, admin]}]", "no project gives it", "spec.roles of the Fleet"),
        ("[{name: a, groups: [x], can: []}]", "gives nothing", "list what"),
        ("[{name: a, groups: [], can: [sync]}]", "is nobody's", "name the groups"),
        ("[{name: a, groups: [x], can: [snyc]}]", "'snyc', which is not allowed", "did you mean 'sync'?"),
        ("[{name: a, groups: [x], can: ['*']}]", "'*', which is not allowed", ""),
        ("[{name: a, groups: x, can: [sync]}]", "not a list", "write a list"),
        ("[{name: a, groups: [x], can: [sync]}, {name: a, groups: [z], can: [pin]}]", "given twice", "in one"),
    ],
)
def test_a_fault_in_a_projects_roles_refuses_the_commit(roles: str, what: str, remedy: str) -> None:
    text = f"kind: Project\nmetadata: {{name: pay}}\nspec:\n  clusterKinds: {{}}\n  roles: {roles}\n"
    result = parsed({**registry(), "pay.yaml": text})
    assert result.refused
    fault = next(fault for fault in result.faults if fault.file == "pay.yaml")
    assert (what in fault.what, remedy in fault.remedy) == (True, True), str(fault)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("https://", "http://", "is plain http"),
        ("https://c1.example.com", "https://c1.example.com/?x=1", "holds a query"),
        ("clusters/c1", "../c1", "is not a reference"),
        ("clusters/c1", "/etc/passwd", "is not a reference"),
        ("{env: prod", "{env: no", "metadata.labels.env is false, not a string"),
        ("{env: prod", "{env: 1.10", "metadata.labels.env is 1.1, not a string"),
        ("spec:", "spec2:", "unknown key 'spec2'"),
        ("secretRef:", "secret:", "unknown key 'spec.credentials.secret'"),
        ("}}\n", "}, state: actve}\n", "spec.state is 'actve'"),
        ("}}\n", "}, maxConcurrent: 0}\n", "spec.maxConcurrent"),
        ("}}\n", "}, pool: Big Pool}\n", "is not a name"),
        ("}}\n", "}, proxy: {url: 'socks4://b:1'}}\n", "by none of http, https and socks5"),
        ("}}\n", "}, proxy: {url: 'http://u:p@b:1'}}\n", "carries credentials"),
        ("}}\n", "}, proxy: {url: 'http://b.example.com'}}\n", "the proxy's port is missing"),
        ("}}\n", "}, proxy: {url: 'http://b:1/x'}}\n", "has no path"),
        ("}}\n", "}, proxy: {url: 'http://b:x'}}\n", "host or port cannot be read"),
    ],
)
def test_a_fault_in_a_cluster_refuses_the_commit(old: str, new: str, what: str) -> None:
    text = cluster("c1")
    start = text.rindex(old)
    result = parsed({**registry(), "clusters.yaml": text[:start] + new + text[start + len(old) :]})
    assert result.refused
    assert any(what in fault.what for fault in result.faults), [str(f) for f in result.faults]


STRATEGY = """\
kind: RolloutStrategy
metadata: {name: waves}
spec:
  waves:
    - {name: one, select: {matchLabels: {env: prod}}, maxConcurrent: 5, after: [{approval: {by: sre}}]}
    - {name: rest, remaining: true, maxFailures: 2%}
"""
WINDOW = """\
kind: SyncWindow
metadata: {name: hours}
spec:
  allow: [{cron: "0 9 * * 1-5", duration: 8h, timeZone: Europe/Berlin}]
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("remaining: true, ", "", "a wave with neither or both of select and remaining"),
        ("maxConcurrent: 5", "maxConcurrent: 5.5", "is not an amount"),
        ("maxConcurrent: 5", "maxConcurrent: 101%", "is not an amount"),
        ("{approval: {by: sre}}", "{}", "a gate with none or several of its keys"),
        ("{approval: {by: sre}}", "{metric: {provider: p, query: q, for: 1m}}", "a metric gate without a bound"),
        ("name: rest", "name: one", "two waves are called one"),
        ("env: prod", "env: prd", "label env=prd is not in the fleet's vocabulary"),
    ],
)
def test_a_faulty_strategy_is_left_out(old: str, new: str, what: str) -> None:
    assert parsed(registry(s=STRATEGY)).faults == ()
    result = parsed(registry(s=STRATEGY.replace(old, new, 1)))
    assert any(what in fault.what for fault in result.faults), [str(f) for f in result.faults]
    assert result.fleet is not None
    assert not result.fleet.strategies


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("0 9 * * 1-5", "0 9 * *", "is not a cron expression"),
        ("0 9 * * 1-5", "60 9 * * 1-5", "is not a cron expression"),
        ("0 9 * * 1-5", "*/0 9 * * 1-5", "is not a cron expression"),
        ("0 9 * * 1-5", "0 9 * * 5-1", "is not a cron expression"),
        ("Europe/Berlin", "Europe/Berlim", "is not a time zone"),
        ("duration: 8h", "duration: 400d", "is out of range"),
        ("  allow:", "  alow:", "unknown key 'spec.alow'"),
    ],
)
def test_a_faulty_window_is_left_out(old: str, new: str, what: str) -> None:
    assert parsed(registry(w=WINDOW)).faults == ()
    result = parsed(registry(w=WINDOW.replace(old, new, 1)))
    assert any(what in fault.what for fault in result.faults), [str(f) for f in result.faults]
    assert result.fleet is not None
    assert not result.fleet.windows


def test_a_label_outside_the_vocabulary_is_named_with_the_nearest() -> None:
    rules = "{key: regoin, operator: In, values: [eu]}, {key: region, operator: NotIn, values: [euu]}"
    target = f"select: {{matchExpressions: [{rules}]}}"
    faults = parsed(registry(app=application(target=target))).faults
    assert [(fault.what, fault.remedy) for fault in faults] == [
        ("label 'regoin' is not in the fleet's vocabulary", "did you mean 'region'?"),
        ("label region=euu is not in the fleet's vocabulary", "did you mean 'eu'?"),
    ]


def test_without_a_vocabulary_every_label_is_allowed() -> None:
    files = registry(app=application(target="select: {matchLabels: {anything: goes}}"))
    files["fleet.yaml"] = "kind: Fleet\nmetadata: {name: acme}\n"
    assert parsed(files).faults == ()


def test_a_star_in_the_vocabulary_allows_any_value() -> None:
    files = registry(app=application(target="select: {matchLabels: {wave: whatever}}"))
    files["fleet.yaml"] = FLEET.replace("env:", "wave: '*', env:")
    assert parsed(files).faults == ()


def test_an_unknown_cluster_is_named_with_the_nearest() -> None:
    fault = parsed(registry(app=application(target="clusters: [c1, c11]"))).faults[0]
    assert (fault.what, fault.remedy) == ("cluster 'c11' is not known", "did you mean 'c1'?")


def test_labels_of_projects_and_groups_are_checked_too() -> None:
    group = "kind: ClusterGroup\nmetadata: {name: g}\nspec: {select: {matchLabels: {env: prd}}}\n"
    result = parsed(registry(g=group, p=project(more="").replace("all: true", "matchLabels: {reg: eu}")))
    assert [fault.what for fault in result.faults] == [
        "label env=prd is not in the fleet's vocabulary",
        "label 'reg' is not in the fleet's vocabulary",
    ]
    assert result.refused


def test_hidden_files_and_other_types_are_not_read() -> None:
    files = {**registry(), ".ci/x.yaml": "a: [", "README.md": "# {", "a/.hidden.yml": "]", "script.py": "]"}
    assert parsed(files).faults == ()
