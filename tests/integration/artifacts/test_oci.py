"""Artifacts from a real OCI registry: what is resolved, downloaded, kept and refused."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from common.credentials import CredentialsMissingError, CredentialsRefusedError, DirectoryProvider
from common.domain.refs import SourceRef
from common.sources.artifacts.archives import ArchiveLimits
from common.sources.artifacts.faults import (
    AddressRefusedError,
    ArtifactMissingError,
    ArtifactUnauthorisedError,
    ArtifactUnreachableError,
    DigestMismatchError,
    DownloadTooLargeError,
    MediaTypeRefusedError,
    VersionMissingError,
    VersionRefusedError,
)
from common.sources.artifacts.store import ArtifactLimits
from common.sources.doors import Machine
from common.sources.faults import PathMissingError
from common.sources.sources import Sources, sources_on
from common.sources.urls import PlainHttp
from tests.factories import stored_ref
from tests.fakes.archives import chart, packed
from tests.fixtures.oci import CHART, PASSWORD, USER, Blob, OciRegistry
from workers.render.cache import RenderCache
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest

pytestmark = pytest.mark.service("docker-registry")
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {v: '%s'}\n"


@pytest.fixture
def name() -> str:
    return f"pay/manifests-{secrets.token_hex(4)}"


def ref(registry: OciRegistry, name: str, ref: str, credentials: str = "") -> SourceRef:
    return stored_ref(f"oci://{registry.host}/{name}", credentials, ref)


def manifests(version: str) -> Blob:
    return Blob(packed({"./web/a.yaml": MAP % version, "./README.md": "read me\n"}))


def test_an_artifact_of_manifests_is_resolved_and_rendered_as_a_tree_of_git_is(
    sources: Sources, oci_registry: OciRegistry, name: str, tmp_path: Path
) -> None:
    digest = oci_registry.push(name, "v1.0.0", manifests("1"))
    source = ref(oci_registry, name, "oci-tag:v1.0.0")
    commit = sources.fetch(source).commit
    assert f"sha256:{commit}" == digest
    tree = sources.tree(source, commit)
    assert [entry.path for entry in tree.list(".")] == ["README.md", "web/a.yaml"]
    renderers, request = Renderers(RenderCache(tmp_path / "cache")), RenderRequest.at("web")
    resolved = renderers.resolve(tree, request)
    assert str(resolved.renderers[0]).startswith("plain")
    (found,) = renderers.render(lambda _: tree, request, resolved).manifests
    assert found["data"] == {"v": "1"}
    with pytest.raises(PathMissingError, match="other does not exist"):
        renderers.resolve(tree, RenderRequest.at("other"))


def test_a_tag_that_moves_is_followed_and_the_former_artifact_stays_readable(
    sources: Sources, oci_registry: OciRegistry, name: str
) -> None:
    source = ref(oci_registry, name, "oci-tag:latest")
    oci_registry.push(name, "latest", manifests("1"))
    first = sources.fetch(source).commit
    oci_registry.push(name, "latest", manifests("2"))
    second = sources.fetch(source).commit
    assert first != second
    assert sources.tree(source, first).read("web/a.yaml") == (MAP % "1").encode()
    assert sources.tree(source, second).read("web/a.yaml") == (MAP % "2").encode()


def test_equal_folders_of_two_artifacts_are_one_footprint(
    sources: Sources, oci_registry: OciRegistry, name: str
) -> None:
    source = ref(oci_registry, name, "oci-tag:latest")
    trees = []
    for notes in ("one", "two"):
        oci_registry.push(name, "latest", Blob(packed({"web/a.yaml": MAP % "1", "NOTES": notes})))
        trees.append(sources.tree(source, sources.fetch(source).commit))
    assert trees[0].tree_id("web") == trees[1].tree_id("web")
    assert trees[0].tree_id(".") != trees[1].tree_id(".")


def test_a_range_means_the_highest_tag_in_it_and_a_digest_itself(
    sources: Sources, oci_registry: OciRegistry, name: str
) -> None:
    digests = {
        tag: oci_registry.push(name, tag, manifests(tag)) for tag in ("1.8.0", "v1.10.0", "2.0.0", "2.1.0-rc.1", "x")
    }
    for text, tag in ((">=1.8 <2", "v1.10.0"), ("*", "2.0.0"), (">=2.1.0-rc.0", "2.1.0-rc.1")):
        assert sources.fetch(ref(oci_registry, name, f"oci-semver:{text}")).commit == digests[tag][7:]
    assert sources.fetch(ref(oci_registry, name, f"oci-digest:{digests['1.8.0']}")).commit == digests["1.8.0"][7:]
    with pytest.raises(VersionMissingError, match="no version in >=3"):
        sources.fetch(ref(oci_registry, name, "oci-semver:>=3"))


def test_what_is_here_is_not_downloaded_again_and_what_was_lost_is_by_its_digest(
    sources: Sources, oci_registry: OciRegistry, name: str, tmp_path: Path
) -> None:
    source = ref(oci_registry, name, "oci-tag:latest")
    blob = manifests("1")
    oci_registry.push(name, "latest", blob)
    first = sources.fetch(source).commit
    kept = oci_registry.blob_path(blob.digest)
    hidden = kept.rename(kept.with_suffix(".hidden"))
    assert sources.fetch(source).commit == first
    assert sources.tree(source, first).read("README.md") == b"read me\n"
    hidden.rename(kept)
    oci_registry.push(name, "latest", manifests("2"))
    (place,) = (tmp_path / "mirrors" / "artifacts").iterdir()
    (place / "suspect").touch()
    assert sources.fetch(source).commit != first, "a damaged place is begun anew"
    assert sources.tree(source, first).read("README.md") == b"read me\n", "and asks for what it lost"


def test_a_place_that_grew_too_large_is_begun_anew(
    oci_registry: OciRegistry, credentials: DirectoryProvider, name: str, tmp_path: Path
) -> None:
    limits = ArtifactLimits(max_bytes=1)
    artifacts = sources_on(Machine(tmp_path / "small", credentials, PlainHttp.LOOPBACK, artifacts=limits))
    source = ref(oci_registry, name, "oci-tag:latest")
    commits = []
    for version in "12":
        oci_registry.push(name, "latest", manifests(version))
        commits.append(artifacts.fetch(source).commit)
        assert artifacts.tree(source, commits[-1]).read("web/a.yaml") == (MAP % version).encode()
    (place,) = (tmp_path / "small/artifacts/oci").iterdir()
    assert [path.name for path in (place / "repo.git/refs/flotilla/artifacts").iterdir()] == commits[1:]
    artifacts.close()


def test_a_chart_in_a_registry_lies_at_the_root_whatever_its_folder_is_called(
    sources: Sources, oci_registry: OciRegistry, name: str
) -> None:
    repo = f"{name}/charts"
    for version in ("1.2.0", "1.3.0+build.5", "2.0.0"):
        layers = (
            Blob(chart("web", version), CHART),
            Blob(b"signed", CHART.replace("content.v1.tar+gzip", "provenance.v1.prov")),
        )
        oci_registry.push(f"{repo}/web", version.replace("+", "_"), *layers)
    for wanted, version in (("^1", "1.3.0+build.5"), ("1.2.0", "1.2.0"), ("1.3.0+build.5", "1.3.0+build.5")):
        source = ref(oci_registry, repo, f"chart:web:{wanted}")
        tree = sources.tree(source, sources.fetch(source).commit)
        assert f"version: {version}\n".encode() in tree.read("Chart.yaml")
    as_oci = ref(oci_registry, f"{repo}/web", "oci-tag:2.0.0")
    assert b"2.0.0" in sources.tree(as_oci, sources.fetch(as_oci).commit).read("Chart.yaml")


def test_manifests_are_no_chart(sources: Sources, oci_registry: OciRegistry, name: str) -> None:
    oci_registry.push(name, "1.0.0", manifests("1"))
    folder, _, last = name.rpartition("/")
    with pytest.raises(MediaTypeRefusedError, match="not a chart"):
        sources.fetch(ref(oci_registry, folder, f"chart:{last}:1.0.0"))


def test_what_is_not_there_is_said_by_name(sources: Sources, oci_registry: OciRegistry, name: str) -> None:
    oci_registry.push(name, "v1", manifests("1"))
    with pytest.raises(VersionMissingError, match=f"{name} has no v2"):
        sources.fetch(ref(oci_registry, name, "oci-tag:v2"))
    with pytest.raises(VersionMissingError, match="has no sha256:0000"):
        sources.fetch(ref(oci_registry, name, f"oci-digest:sha256:{'0' * 64}"))
    with pytest.raises(ArtifactMissingError, match="answers 404 for tags of pay/none"):
        sources.fetch(ref(oci_registry, "pay/none", "oci-semver:*"))


@pytest.mark.parametrize("kind", ["application/vnd.oci.image.layer.v1.tar+zstd", "application/json", "text/plain"])
def test_another_media_type_is_refused(sources: Sources, oci_registry: OciRegistry, name: str, kind: str) -> None:
    oci_registry.push(name, "v1", Blob(b"x", kind))
    with pytest.raises(MediaTypeRefusedError, match="not a gzip-compressed tar"):
        sources.fetch(ref(oci_registry, name, "oci-tag:v1"))


def test_several_layers_are_refused_and_an_index_too(sources: Sources, oci_registry: OciRegistry, name: str) -> None:
    oci_registry.push(name, "two", manifests("1"), manifests("2"))
    with pytest.raises(MediaTypeRefusedError, match="2 layers"):
        sources.fetch(ref(oci_registry, name, "oci-tag:two"))
    kind = "application/vnd.oci.image.index.v1+json"
    digest = oci_registry.push(name, "one", manifests("1"))
    size = len(oci_registry.client.get(f"/v2/{name}/manifests/{digest}").content)
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size}
    index = {"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}
    oci_registry.put_manifest(name, "index", index)
    with pytest.raises(MediaTypeRefusedError, match="is an index of several artifacts"):
        sources.fetch(ref(oci_registry, name, "oci-tag:index"))


def test_an_archive_that_was_changed_in_the_registry_is_refused_and_the_last_good_one_stays(
    sources: Sources, oci_registry: OciRegistry, name: str
) -> None:
    source = ref(oci_registry, name, "oci-tag:latest")
    oci_registry.push(name, "latest", manifests("1"))
    good = sources.fetch(source).commit
    blob = manifests("2")
    oci_registry.push(name, "latest", blob)
    path = oci_registry.blob_path(blob.digest)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DigestMismatchError, match=f"should have {blob.digest}"):
        sources.fetch(source)
    assert sources.tree(source, good).read("web/a.yaml") == (MAP % "1").encode()


def test_an_archive_over_the_bound_is_not_even_asked_for(
    oci_registry: OciRegistry, credentials: DirectoryProvider, name: str, tmp_path: Path
) -> None:
    limits = ArtifactLimits(archive=ArchiveLimits(max_packed=100))
    artifacts = sources_on(Machine(tmp_path / "small", credentials, PlainHttp.LOOPBACK, artifacts=limits))
    oci_registry.push(name, "v1", manifests("1"))
    with pytest.raises(DownloadTooLargeError, match="the limit is 100"):
        artifacts.fetch(ref(oci_registry, name, "oci-tag:v1"))
    artifacts.close()


def test_a_registry_that_wants_a_password_gets_that_of_the_reference_and_no_other(
    sources: Sources, oci_registry_with_login: OciRegistry, credentials: DirectoryProvider, name: str
) -> None:
    registry = oci_registry_with_login
    registry.push(name, "v1", manifests("1"))
    credentials.store("registry/pay", {"username": USER.encode(), "password": f"{PASSWORD}\n".encode()})
    credentials.store("registry/wrong", {"username": USER.encode(), "password": b"wrong"})
    credentials.store("registry/half", {"password": b"x"})
    commit = sources.fetch(ref(registry, name, "oci-tag:v1", "registry/pay")).commit
    for reference, fault in (
        ("", ArtifactUnauthorisedError),
        ("registry/wrong", ArtifactUnauthorisedError),
        ("registry/half", CredentialsRefusedError),
        ("registry/none", CredentialsMissingError),
    ):
        with pytest.raises(fault) as caught:
            sources.tree(ref(registry, name, "oci-tag:v1", reference), commit)
        assert PASSWORD not in str(caught.value)


def test_a_registry_that_is_away_is_a_matter_of_time(sources: Sources) -> None:
    with pytest.raises(ArtifactUnreachableError, match="did not answer"):
        sources.fetch(stored_ref("oci://127.0.0.1:1/pay/x", "", "oci-tag:v1"))


@pytest.mark.parametrize(
    "repo", ["oci://registry.example.com", "oci://r.example.com/a:v1", "oci://u:p@r.example.com/a"]
)
def test_an_odd_repository_is_refused_before_anything_is_asked(sources: Sources, repo: str) -> None:
    with pytest.raises(AddressRefusedError):
        sources.fetch(stored_ref(repo, "", "oci-tag:v1"))


@pytest.mark.parametrize("text", ["oci-tag:../../x", "oci-digest:sha256:abc", "oci-tag:", "chart:x:", "chart::1.0.0"])
def test_an_odd_version_is_refused(sources: Sources, oci_registry: OciRegistry, text: str) -> None:
    with pytest.raises((VersionRefusedError, AddressRefusedError)):
        sources.fetch(ref(oci_registry, "pay/x", text))


def test_plain_http_is_for_loopback_and_by_a_setting_alone(credentials: DirectoryProvider, tmp_path: Path) -> None:
    artifacts = sources_on(Machine(tmp_path / "a", credentials))
    with pytest.raises(ArtifactUnreachableError, match="https://127"):
        artifacts.fetch(stored_ref("oci://127.0.0.1:1/pay/x", "", "oci-tag:v1"))
    with pytest.raises(AddressRefusedError, match="not https"):
        artifacts.fetch(stored_ref("http://127.0.0.1:1/charts", "", "chart:x:1.0.0"))
    artifacts.close()
