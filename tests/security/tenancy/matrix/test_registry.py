"""Tenant crossing: every field of the registry's format x a project that names what is another's with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from common.registry import parse
from common.registry.schema import MODELS
from tests.security.tenancy.matrix import fields, page
from tests.security.tenancy.matrix.page import Row

OURS, THEIRS = "teams/ours/app.yaml", "teams/theirs/app.yaml"
COMMIT = "a" * 40
DIGEST = f"sha256:{'a' * 64}"


def source(team: str, **more: Any) -> dict[str, Any]:
    return {"repo": f"https://git.example.com/{team}/deploy.git", "ref": {"branch": "main"}, **more}


def application(team: str, **spec: Any) -> dict[str, Any]:
    whole = {
        "project": team,
        "source": source(team),
        "namespace": team,
        "targets": [{"name": "all", "select": {"matchLabels": {"for": team}}}],
    }
    if "sources" in spec:
        del whole["source"]
    return {"kind": "Application", "metadata": {"name": f"{team}-app"}, "spec": {**whole, **spec}}


def project(team: str) -> dict[str, Any]:
    spec = {
        "paths": [f"teams/{team}/**"],
        "repos": [f"https://git.example.com/{team}/*", f"oci://registry.example.com/{team}/**",
                  f"https://charts.example.com/{team}", f"s3://{team}.example.com/{team}/**"],
        "clusters": {"matchLabels": {"for": team}},
        "namespaces": {"allow": [team, f"{team}-*"]},
        "clusterKinds": {"allow": []},
        "credentials": [f"git/{team}", f"sops/{team}"],
        "channels": [{"name": f"{team}-chat", "urlRef": f"notify/{team}"}],
    }  # fmt: skip
    return {"kind": "Project", "metadata": {"name": team}, "spec": spec}


def cluster(team: str) -> dict[str, Any]:
    spec = {"server": f"https://{team}.example.com", "credentials": {"secretRef": f"clusters/{team}"}}
    return {"kind": "Cluster", "metadata": {"name": f"{team}-cluster", "labels": {"for": team}}, "spec": spec}


def strategy(team: str, **wave: Any) -> dict[str, Any]:
    return {
        "kind": "RolloutStrategy",
        "metadata": {"name": f"{team}-strategy"},
        "spec": {"waves": [{"name": "all", "remaining": True, **wave}]},
    }


def window(team: str) -> dict[str, Any]:
    spec = {"allow": [{"cron": "0 9 * * 1-5", "duration": "8h"}]}
    return {"kind": "SyncWindow", "metadata": {"name": f"{team}-window"}, "spec": spec}


def text(*documents: Mapping[str, Any]) -> bytes:
    return "\n---\n".join(map(json.dumps, documents)).encode()


FILES = {
    "fleet.yaml": text({"kind": "Fleet", "metadata": {"name": "acme"}}),
    "clusters.yaml": text(cluster("ours"), cluster("theirs")),
    "projects.yaml": text(project("ours"), project("theirs")),
    THEIRS: text(application("theirs"), strategy("theirs"), window("theirs")),
}


@dataclass(frozen=True, slots=True)
class Attack:
    """What a file of ours holds, beside which fields it is about and what it names."""

    field: str
    names: str
    documents: tuple[Mapping[str, Any], ...]


def ours(field: str, names: str, **spec: Any) -> Attack:
    return Attack(f"Application.spec.{field}", names, (application("ours", **spec),))


def one_of(key: str, names: str, value: Mapping[str, Any]) -> Iterable[Attack]:
    """Return the attack by an application's source, and by one of several."""
    yield ours(f"source.{key}", names, source=value)
    second = {**value, "name": "second"}
    yield ours(f"sources.{key}", names, sources=[{**source("ours"), "name": "first"}, second])


ARTIFACT = {"image": "registry.example.com/ours/app", "ref": {"tag": "1"}}
CHART = {"repo": "https://charts.example.com/ours", "chart": "app", "version": "1.0.0"}
BUCKET = {"endpoint": "https://ours.example.com", "bucket": "ours", "prefix": "app"}
SIGN_IN = {"secretRef": "git/theirs"}
RULE = {
    "kind": "HealthRule",
    "metadata": {"name": "all-is-well"},
    "spec": {"kind": "*", "group": "*", "lua": "return nil"},
}
GROUP = {"kind": "ClusterGroup", "metadata": {"name": "g"}, "spec": {"select": {"all": True}, "values": {"a": 1}}}
ATTACKS = (
    Attack("Application.metadata.name", "an application",
           ({**application("ours"), "metadata": {"name": "theirs-app"}},)),
    ours("project", "the project itself", project="theirs"),
    *one_of("repo", "a repository", source("theirs")),
    *one_of("path", "a folder outside the repository", source("ours", path="../theirs")),
    *one_of("helm.repo", "a chart repository", {"helm": {**CHART, "repo": "https://charts.example.com/theirs"}}),
    *one_of("helm.chart", "a chart beside the repository",
            {"helm": {**CHART, "repo": "oci://registry.example.com/ours", "chart": "../theirs/app"}}),
    *one_of("oci.image", "an artifact", {"oci": {**ARTIFACT, "image": "registry.example.com/theirs/app"}}),
    *one_of("oci.path", "a folder outside the artifact", {"oci": {**ARTIFACT, "path": "../theirs"}}),
    *one_of("s3.endpoint", "a server of buckets", {"s3": {**BUCKET, "endpoint": "https://theirs.example.com"}}),
    *one_of("s3.bucket", "a bucket", {"s3": {**BUCKET, "bucket": "theirs"}}),
    *one_of("s3.prefix", "a folder outside the bucket", {"s3": {**BUCKET, "prefix": "../theirs/app"}}),
    *one_of("credentials.secretRef", "credentials of a source", source("ours", credentials=SIGN_IN)),
    ours("render.helm.valuesFiles", "a source of another application",
         render={"helm": {"valuesFiles": ["$theirs/values.yaml"]}}),
    ours("render.kustomize.components", "a folder outside the repository",
         render={"kustomize": {"components": ["../theirs"]}}),
    ours("render.jsonnet.libs", "a folder outside the repository", render={"jsonnet": {"libs": ["../theirs"]}}),
    ours("decrypt.sops.keyRef", "a key for SOPS files", decrypt={"sops": {"keyRef": "sops/theirs"}}),
    ours("namespace", "a namespace", namespace="theirs"),
    ours("createNamespace", "a namespace that nobody lets it make", createNamespace=True),
    ours("targets.clusters", "a cluster by its name", targets=[{"name": "all", "clusters": ["theirs-cluster"]}]),
    ours("targets.select.*", "a cluster by its labels",
         targets=[{"name": "all", "select": {"matchLabels": {"for": "theirs"}}}]),
    ours("strategy", "a strategy", strategy="theirs-strategy"),
    ours("sync.windows", "a window", sync={"windows": ["theirs-window"]}),
    ours("dependsOn.*", "an application", dependsOn=[{"application": "theirs-app"}]),
    ours("notify.to", "a channel", notify=[{"on": ["failed"], "to": "theirs-chat"}]),
    Attack("RolloutStrategy.metadata.name", "a strategy", (application("ours"), strategy("theirs"))),
    Attack("RolloutStrategy.spec.waves.windows", "a window",
           (application("ours"), strategy("ours", windows=["theirs-window"]))),
    Attack("RolloutStrategy.spec.waves.after.*", "an application, by a strategy of its own",
           (application("ours", strategy="ours-strategy"),
            strategy("ours", after=[{"job": {"application": "theirs-app"}}]))),
    Attack("SyncWindow.metadata.name", "a window", (application("ours"), window("theirs"))),
    Attack("Fleet.*", "the fleet's rules", ({"kind": "Fleet", "metadata": {"name": "acme"}},)),
    Attack("Cluster.*", "a cluster", (cluster("theirs"),)),
    Attack("ClusterGroup.*", "values of its clusters", (GROUP,)),
    Attack("HealthRule.*", "what the health of its objects is", (RULE,)),
    Attack("Project.*", "its own rules", ({**project("ours"), "spec": {**project("ours")["spec"], "repos": ["**"]}},)),
)  # fmt: skip
NAMES_NOTHING = {
    "[ARS]*.apiVersion": "the format's version",
    "Application.kind": "chosen among the format's kinds",
    "RolloutStrategy.kind": "chosen among the format's kinds",
    "SyncWindow.kind": "chosen among the format's kinds",
    "Application.metadata.labels": "nothing selects applications by them",
    "Application.spec.state": "of itself",
    "Application.spec.interval": "of itself",
    "Application.spec.source.ref.*": "of its own repository",
    "Application.spec.sources.ref.*": "of its own repository",
    "Application.spec.source*.oci.ref.*": "of its own artifact",
    "Application.spec.source*.helm.version": "of its own chart",
    "Application.spec.source*.s3.region": "of its own bucket",
    "Application.spec.source*.submodules": "see the sources",
    "Application.spec.source*.verify.keys": "public keys: it asks for a signature more, and is given nothing",
    "Application.spec.sources.name": "of itself",
    "Application.spec.render.plain.*": "see the sources",
    "Application.spec.render.kustomize.images": "a text in its own manifests",
    "Application.spec.render.kustomize.patches.*": "its own manifests, which are judged as they come out",
    "Application.spec.render.kustomize.name*": "a text in its own manifests",
    "Application.spec.render.helm.releaseName": "a text in its own manifests",
    "Application.spec.render.helm.sets": "values of its own",
    "Application.spec.render.helm.lookup": "a lookup finds nothing",
    "Application.spec.render.helm.skip*": "of its own chart",
    "Application.spec.render.jsonnet.topLevelArguments": "values of its own",
    "Application.spec.render.command": "a name of what the workers' operator allows everybody",
    "Application.spec.substitute*": "of itself",
    "Application.spec.values": "values of its own",
    "Application.spec.targets.name": "of itself",
    "Application.spec.targets.values": "values of its own",
    "Application.spec.targets.pin.*": "of its own source",
    "Application.spec.targets.expect.*": "of itself",
    "Application.spec.onUnmatch": "of itself",
    "Application.spec.movedFrom.application": "see the clusters",
    "Application.spec.sync.mode": "of itself",
    "Application.spec.sync.deadline": "of itself",
    "Application.spec.sync.retry.*": "of itself",
    "Application.spec.sync.prune.*": "of its own objects",
    "Application.spec.sync.adopt": "see the clusters",
    "Application.spec.sync.conflicts": "see the clusters",
    "Application.spec.sync.ignore.*": "chooses among its own objects",
    "Application.spec.sync.extraFields": "of its own objects",
    "Application.spec.health.*": "judges its own objects",
    "Application.spec.notify.on": "of itself",
    "RolloutStrategy.spec.waves.name": "of itself",
    "RolloutStrategy.spec.waves.select.*": "chooses among the placements of whoever names the strategy",
    "RolloutStrategy.spec.waves.remaining": "of itself",
    "RolloutStrategy.spec.waves.max*": "of itself",
    "RolloutStrategy.spec.waves.deadline": "of itself",
    "RolloutStrategy.spec.waves.soak": "of itself",
    "RolloutStrategy.spec.waves.allowEmpty": "of itself",
    "RolloutStrategy.spec.unreachable": "of itself",
    "RolloutStrategy.spec.on*": "of itself",
    "SyncWindow.spec.*": "times",
}
WHOLE = {"Fleet", "Cluster", "ClusterGroup", "Project", "HealthRule"}


def tried(attack: Attack) -> Row:
    """Return what comes of an attack, after a commit in which all was in order."""
    first = parse({**FILES, OURS: text(application("ours"))}, None)
    assert first.faults == ()
    result = parse({**FILES, OURS: text(*attack.documents)}, first.documents)
    assert result.fleet is not None
    assert not result.refused, "one team's folder does not stop everybody's commit"
    reached = [one for one in result.fleet.placements() if one.application.project == "ours"]
    assert {one.cluster.name for one in reached} <= {"ours-cluster"}
    assert all(one.source.to_resolve.repo.endswith("/ours/deploy.git") for one in reached)
    assert result.fleet.applications["theirs-app"].project == "theirs"
    assert result.fleet.projects["ours"].repos == tuple(project("ours")["spec"]["repos"])
    found = [fault.what for fault in result.faults if fault.file == OURS]
    assert all(fault.file == OURS for fault in result.faults), "what is theirs has no fault"
    if found:
        telling = [what for what in found if "theirs" in what or "ours" in what] or found
        return Row(attack.field, attack.names, "`flotilla validate`", telling[0])
    assert reached == []
    return Row(attack.field, attack.names, "the plan", "selects none: targets choose among the project's own clusters")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.field)
def test_what_is_theirs_is_refused(attack: Attack) -> None:
    assert tried(attack).by != "nobody"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.field)
def test_the_same_words_about_what_is_ours_are_fine(attack: Attack) -> None:
    """Else it would be refused for something else, and show nothing."""
    if "may not use" not in tried(attack).seen:
        return
    mine = json.loads(json.dumps(attack.documents).replace("theirs", "ours"))
    assert parse({**FILES, OURS: text(*mine)}, None).faults == ()


def test_the_page_says_what_comes_of_each() -> None:
    page.check("registry", map(tried, ATTACKS))


def test_every_field_of_the_format_has_a_decision() -> None:
    whole = [attack.field for attack in ATTACKS if attack.field.partition(".")[0] in WHOLE]
    fine = {name for name in fields.of_registry() if name.partition(".")[0] not in WHOLE}
    rows = [attack.field for attack in ATTACKS if attack.field not in whole]
    assert fields.decided(fine, rows, NAMES_NOTHING) == []
    assert {one.partition(".")[0] for one in whole} == WHOLE
    assert WHOLE < set(MODELS)


def test_a_field_without_a_decision_is_found() -> None:
    known = fields.of_registry()
    assert len(known) > 150
    assert fields.decided({"Application.spec.new"}, [], {}) == ["Application.spec.new: no decision"]
    assert fields.decided({"a.b"}, ["a.b"], {"a.*": ""}) == ["a.b: ['a.b', 'a.*']"]
    assert fields.decided(set(), ["a.b"], {}) == ["a.b: there is no such field"]
