"""Sources that are not in Git: how they are written, what is resolved for them, and who may use them."""

from __future__ import annotations

import pytest

from common.domain.fleet import Application, HelmSource, OciSource, Ref, RefKind
from common.domain.refs import ChartRef, GitRef, OciRef
from common.sources.kinds.s3.values import S3Ref
from tests.factories import SOURCE, stored_ref
from tests.harness.texts import application, in_order, lines, parsed, placed, project, registry

DIGEST = f"sha256:{'ab' * 32}"
GIT = "{repo: 'https://git.example.com/pay.git', ref: {branch: main}}"
OCI = "{oci: {image: registry.example.com/pay/web, ref: %s}}"
S3 = "{s3: {endpoint: 'https://s3.example.com', bucket: pay, %s}}"
HELM = "{helm: {repo: 'https://charts.example.com/pay', chart: web, version: %s}}"


def text_of(source: str, *, more: str = "", target: str = "select: {all: true}") -> str:
    return application(target=target, more=more).replace(GIT, source)


def read(source: str, **given: str) -> Application:
    fleet = in_order(registry(app=text_of(source, **given))).fleet
    assert fleet is not None
    return fleet.applications["pay"]


@pytest.mark.parametrize(
    ("ref", "wanted"),
    [
        ("{tag: v1.0.0}", "oci-tag:v1.0.0"),
        ("{semver: '>= 1.8, < 2'}", "oci-semver:>=1.8 <2"),
        (f"{{digest: '{DIGEST}'}}", f"oci-digest:{DIGEST}"),
    ],
)
def test_an_artifact_is_resolved_by_tag_range_or_digest(ref: str, wanted: str) -> None:
    source = read(OCI % ref).source
    assert isinstance(source, OciSource)
    assert source.to_resolve == stored_ref("oci://registry.example.com/pay/web", "", wanted)
    assert (source.path, type(source.to_resolve)) == (".", OciRef)


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("1.2.0", "1.2.0"), ("1.2.0+build.5", "1.2.0+build.5"), ("'>= 1.2'", ">=1.2"), ("1.x", "1.x")],
)
def test_a_chart_is_resolved_by_a_version_or_a_range(version: str, wanted: str) -> None:
    source = read(HELM % version).source
    assert isinstance(source, HelmSource)
    assert source.to_resolve == stored_ref("https://charts.example.com/pay", "", f"chart:web:{wanted}")
    assert (source.path, type(source.to_resolve)) == (".", ChartRef)


@pytest.mark.parametrize(
    ("more", "repo", "region"),
    [
        ("prefix: deploy/web/", "s3://s3.example.com/pay/deploy/web", "us-east-1"),
        ("region: eu-central-1", "s3://s3.example.com/pay", "eu-central-1"),
    ],
)
def test_a_folder_of_a_bucket_is_resolved_as_a_whole(more: str, repo: str, region: str) -> None:
    source = read(S3 % more).source
    assert (source.path, source.to_resolve) == (".", S3Ref(repo, "", region))


def test_no_artifact_is_taken_for_git_nor_the_other_way_round() -> None:
    refs = ("refs/heads/chart:x", "refs/tags/oci-tag:x", "a" * 40, "a" * 64, "semver:>=1")
    assert {type(stored_ref(SOURCE.repo, "", ref)) for ref in refs} == {GitRef}


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (OCI % "{tag: 'a b'}", "is not a tag of an OCI registry"),
        (OCI % "{tag: ../x}", "is not a tag of an OCI registry"),
        (OCI % "{digest: 'sha256:ab'}", "is not a digest"),
        (OCI % "{digest: 'sha512:ab'}", "is not a digest"),
        (OCI % "{semver: newest}", "is no range of versions"),
        (OCI % "{tag: a, semver: 1.x}", "a ref with several of its keys"),
        (S3 % "prefix: ../x", "not a plain folder"),
        (S3 % "region: EU", "not the name of a region"),
        ("{s3: {endpoint: 'https://s3.example.com', bucket: Pay}}", "not the name of a bucket"),
        ("{s3: {endpoint: 'http://s3.example.com', bucket: pay}}", "plain http"),
        ("{s3: {endpoint: 'https://s3.example.com/x', bucket: pay}}", "an endpoint has no path"),
        ("{s3: {endpoint: 'https://k:s@s3.example.com', bucket: pay}}", "the URL carries credentials"),
        (OCI % "{branch: main}", "unknown key 'spec.source.oci.ref.branch'"),
        (
            OCI.replace("registry.example.com/pay/web", "'oci://registry.example.com/pay'") % "{tag: a}",
            "not a repository",
        ),
        (OCI.replace("registry.example.com/pay/web", "pay/web") % "{tag: a}", "begins with no host"),
        (OCI.replace("/pay/web", "/pay/web:v1") % "{tag: a}", "not a repository"),
        (OCI.replace("/pay/web", "/pay/../web") % "{tag: a}", "not a repository"),
        (HELM % "newest", "is no range of versions"),
        (HELM % f"1.0.0-{'a' * 150}", "the version is too long"),
        (HELM.replace("chart: web", "chart: a/b") % "1.x", "is not the name of a chart"),
        (HELM.replace("chart: web", "chart: 'a:b'") % "1.x", "is not the name of a chart"),
        (HELM.replace("https://charts", "http://charts") % "1.x", "plain http would show"),
        (HELM.replace("https://charts", "ftp://charts") % "1.x", "does not begin with https://"),
        (HELM.replace("https://charts", "https://u:p@charts") % "1.x", "carries credentials"),
        (HELM.replace("https://charts.example.com/pay", "oci://registry.example.com/A") % "1.x", "not a repository"),
        (
            HELM.replace("https://charts.example.com/pay", "oci://registry.example.com/a").replace("web", "Web")
            % "1.x",
            "the chart's repository is refused: it is not a repository",
        ),
    ],
)
def test_what_cannot_be_resolved_is_a_fault(source: str, what: str) -> None:
    result = parsed(registry(app=text_of(source)))
    assert any(what in fault.what for fault in result.faults), lines(result.faults)
    assert placed(result) == {}


def test_charts_may_lie_in_a_registry_and_on_loopback() -> None:
    for repo in ("oci://registry.example.com/pay/charts", "http://127.0.0.1:8080/charts"):
        source = read(HELM.replace("https://charts.example.com/pay", repo) % "1.x").source
        assert source.to_resolve == stored_ref(repo, "", "chart:web:1.x")
    for image in ("127.0.0.1:5000/web", "localhost/web", "registry:5000/web", "docker.io/pay/web"):
        assert (
            read(OCI.replace("registry.example.com/pay/web", image) % "{tag: a}").source.to_resolve.repo
            == f"oci://{image}"
        )


@pytest.mark.parametrize(
    ("source", "pin", "wanted"),
    [
        (GIT, "{tag: v1}", "refs/tags/v1"),
        (OCI % "{tag: latest}", "{tag: v1}", "oci-tag:v1"),
        (OCI % "{tag: latest}", f"{{digest: '{DIGEST}'}}", f"oci-digest:{DIGEST}"),
        (HELM % "1.x", "{tag: 1.2.0}", "chart:web:1.2.0"),
    ],
)
def test_a_target_pins_a_source_by_what_it_has(source: str, pin: str, wanted: str) -> None:
    fleet = in_order(registry(app=text_of(source, target=f"select: {{all: true}}, pin: {pin}"))).fleet
    assert fleet is not None
    assert {placement.source.to_resolve.text for placement in fleet.placements()} == {wanted}


@pytest.mark.parametrize(
    ("source", "pin", "what"),
    [
        (GIT, f"{{digest: '{DIGEST}'}}", "a source of Git cannot be pinned by digest"),
        (OCI % "{tag: latest}", "{branch: main}", "a source of oci cannot be pinned by branch"),
        (S3 % "region: eu-1", "{tag: v1}", "a source of s3 cannot be pinned by tag"),
        (HELM % "1.x", f"{{commit: {'a' * 40}}}", "a source of helm cannot be pinned by commit"),
        (OCI % "{tag: latest}", "{tag: a/b}", "'a/b' is not a tag of an OCI registry"),
        (HELM % "1.x", "{tag: latest}", "'latest' is not a version of a chart"),
    ],
)
def test_a_pin_that_its_source_does_not_have_is_a_fault(source: str, pin: str, what: str) -> None:
    result = parsed(registry(app=text_of(source, target=f"select: {{all: true}}, pin: {pin}")))
    assert [fault.what for fault in result.faults] == [what]
    assert placed(result) == {}


@pytest.mark.parametrize(
    ("source", "repos", "allowed"),
    [
        (OCI % "{tag: a}", "oci://registry.example.com/pay/*", True),
        (OCI % "{tag: a}", "oci://registry.example.com/ledger/*", False),
        (S3 % "prefix: web/x", "s3://s3.example.com/pay/**", True),
        (S3 % "prefix: web/x", "s3://s3.example.com/other/**", False),
        (S3 % "prefix: web/x", "https://s3.example.com/**", False),
        (OCI % "{tag: a}", "registry.example.com/pay/*", False),
        (OCI % "{tag: a}", "https://registry.example.com/**", False),
        (HELM % "1.x", "https://charts.example.com/*", True),
        (HELM % "1.x", "https://charts.example.com/ledger", False),
        (HELM % "1.x", "oci://**", False),
    ],
)
def test_a_projects_repos_bind_every_kind_of_source(source: str, repos: str, *, allowed: bool) -> None:
    rules = project().replace("repos: ['**']", f"repos: ['{repos}']")
    files = {**registry(project=rules), "teams/team/app.yaml": text_of(source, more="  project: team\n")}
    result = parsed(files)
    assert bool(placed(result)) is allowed
    assert all("project team may not use" in fault.what for fault in result.faults)


@pytest.mark.parametrize("source", [OCI % "{tag: a}", HELM % "1.x", S3 % "region: eu-1"])
def test_a_projects_credentials_bind_every_kind_of_source(source: str) -> None:
    rules = project(more="  credentials: ['registry/team']\n")
    for reference, faults in (("registry/team", 0), ("registry/other", 1)):
        named = f"{source[:-1]}, credentials: {{secretRef: {reference}}}}}"
        result = parsed({**registry(project=rules), "teams/team/app.yaml": text_of(named, more="  project: team\n")})
        assert len(result.faults) == faults, lines(result.faults)


def test_what_was_resolved_is_named_as_people_write_it() -> None:
    assert SOURCE.named("a" * 40) == "a" * 40
    assert stored_ref("oci://r.example.com/a", "", "oci-tag:v1").named("a" * 64) == f"sha256:{'a' * 64}"


def test_a_pinned_source_is_the_same_in_all_else() -> None:
    source = OciSource("registry.example.com/a", Ref(RefKind.TAG, "a"), "web", "registry/a")
    pinned = source.pinned(Ref(RefKind.DIGEST, DIGEST))
    assert (pinned.image, pinned.path, pinned.credentials) == ("registry.example.com/a", "web", "registry/a")
