"""Each kind of webhook: what proves a request, what does not, and what its payload names."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from common.domain.pushes import Push, concerns, place, places
from common.domain.refs import ChartRef, GitRef, OciRef, Range, SourceRef
from console.api.hooks.kind import MOST_REFS, HookKind, Request, Secret
from console.api.hooks.kinds import KINDS, register
from tests.harness.pushes import SECRET, SIGNING, digest, standard

NOW = 1_800_000_000.0
BODY = b'{"ref": "refs/heads/main"}'
BASIC = base64.b64encode(f"ann:{SECRET}".encode()).decode()
PROVED: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "github": ("github", SECRET, {"x-hub-signature-256": f"sha256={digest(BODY)}"}),
    "gitlab": ("gitlab", SECRET, {"x-gitlab-token": SECRET}),
    "gitlab-signed": ("gitlab", SIGNING, standard(BODY, at=NOW)),
    "gitea": ("gitea", SECRET, {"x-gitea-signature": digest(BODY)}),
    "forgejo": ("forgejo", SECRET, {"x-forgejo-signature": digest(BODY)}),
    "bitbucket": ("bitbucket", SECRET, {"x-hub-signature": f"sha256={digest(BODY)}"}),
    "azure-devops": ("azure-devops", SECRET, {"authorization": f"Basic {BASIC}"}),
    "oci": ("oci", SECRET, {"authorization": SECRET}),
    "oci-bearer": ("oci", SECRET, {"authorization": f"Bearer {SECRET}"}),
    "standard": ("standard", SIGNING, standard(BODY, at=NOW)),
}


def _proved(kind: str, headers: Mapping[str, str], secret: str, *, body: bytes = BODY, now: float = NOW) -> bool:
    return KINDS[kind].proved(Request(headers, body, now), Secret(secret.encode(), b"ann"))


@pytest.mark.parametrize("case", PROVED)
def test_who_has_the_secret_is_believed_and_nobody_else(case: str) -> None:
    kind, secret, headers = PROVED[case]
    assert _proved(kind, headers, secret)
    other = SIGNING.replace("YS1", "Yi1") if secret == SIGNING else f"{secret}x"
    assert not _proved(kind, headers, other)
    assert not _proved(kind, {}, secret)
    for name, value in headers.items():
        for wrong in ("", value[:-1], f"{value}x", value[:-2] + value[-2:].swapcase() + "=", "\u00ff", value.upper()):
            if wrong != value:
                assert not _proved(kind, {**headers, name: wrong}, secret), (name, wrong)


@pytest.mark.parametrize("case", [case for case, (kind, secret, _) in PROVED.items() if kind not in {"oci"}])
def test_another_body_is_not_proved_by_a_signature(case: str) -> None:
    kind, secret, headers = PROVED[case]
    signs = KINDS[kind].signs(Secret(secret.encode()))
    assert _proved(kind, headers, secret, body=BODY + b" ") is not signs


def test_signatures_are_those_that_servers_document() -> None:
    body = b"Hello, World!"
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert _proved("github", {"x-hub-signature-256": signature}, "It's a Secret to Everybody", body=body)
    assert _proved("bitbucket", {"x-hub-signature": signature}, "It's a Secret to Everybody", body=body)


@pytest.mark.parametrize("kind", ["standard", "gitlab"])
def test_a_signature_holds_for_five_minutes_either_way(kind: str) -> None:
    headers = standard(BODY, at=NOW)
    assert [_proved(kind, headers, SIGNING, now=NOW + off) for off in (-301, -300, 300, 301)] == [
        False, True, True, False,
    ]  # fmt: skip
    for stamp in ("", "-1", "1e9", "NaN", "٣", "9" * 5000, "0x1", " 1800000000"):
        assert not _proved(kind, {**headers, "webhook-timestamp": stamp}, SIGNING)


def test_one_right_signature_among_several_is_enough() -> None:
    headers = standard(BODY, at=NOW)
    several = f"v1,AAAA v2,zzzz {headers['webhook-signature']}"
    assert _proved("standard", {**headers, "webhook-signature": several}, SIGNING)
    late = " ".join(["v1,AAAA"] * 1000 + [headers["webhook-signature"]])
    assert not _proved("standard", {**headers, "webhook-signature": late}, SIGNING)
    other = headers["webhook-signature"].replace("v1,", "v1a,")
    assert not _proved("standard", {**headers, "webhook-signature": other}, SIGNING)


def test_a_message_without_an_id_is_not_believed() -> None:
    assert not _proved("standard", standard(BODY, at=NOW, name=""), SIGNING)


def test_a_signing_secret_of_gitlab_asks_for_the_signature() -> None:
    assert not _proved("gitlab", {"x-gitlab-token": SIGNING}, SIGNING)
    assert not _proved("gitlab", standard(BODY, at=NOW), SECRET)


MAIN = ("refs/heads/main",)
PAGE = {"links": {"html": {"href": "https://bitbucket.org/acme/app"}}}
CENTER = {
    "slug": "app",
    "project": {"key": "PAY"},
    "links": {"self": [{"href": "https://git.example.com/projects/PAY/repos/app/browse"}]},
}
PAYLOADS: Mapping[str, tuple[str, Any, str, tuple[str, ...] | None]] = {
    "github-push": (
        "github",
        {"ref": "refs/heads/main", "repository": {"clone_url": "https://github.com/acme/app.git"}},
        "https://github.com/acme/app",
        MAIN,
    ),
    "github-create": (
        "github",
        {"ref": "v1", "ref_type": "tag", "repository": {"html_url": "https://github.com/acme/app"}},
        "git@github.com:acme/app.git",
        ("refs/tags/v1",),
    ),
    "github-ping": (
        "github",
        {"zen": "Keep it simple.", "repository": {"clone_url": "https://github.com/acme/app.git"}},
        "https://github.com/acme/app",
        None,
    ),
    "github-image": (
        "github",
        {
            "registry_package": {
                "package_version": {
                    "package_url": "ghcr.io/acme/app:v1",
                    "container_metadata": {"tag": {"name": "v1"}},
                }
            }
        },
        "oci://ghcr.io/acme/app",
        ("v1",),
    ),
    "gitlab-push": (
        "gitlab",
        {"ref": "refs/heads/main", "project": {"git_ssh_url": "git@gitlab.example.com:acme/app.git"}},
        "https://gitlab.example.com/acme/app.git",
        MAIN,
    ),
    "gitea-push": (
        "gitea",
        {"ref": "refs/heads/main", "repository": {"ssh_url": "ssh://git@git.example.com:2222/acme/app.git"}},
        "https://git.example.com/acme/app",
        MAIN,
    ),
    "forgejo-push": (
        "forgejo",
        {"ref": "refs/heads/main", "repository": {"clone_url": "https://git.example.com/acme/app.git"}},
        "ssh://git@git.example.com/acme/app",
        MAIN,
    ),
    "bitbucket-push": (
        "bitbucket",
        {"repository": PAGE, "push": {"changes": [{"new": {"type": "branch", "name": "main"}, "old": None}]}},
        "git@bitbucket.org:acme/app.git",
        MAIN,
    ),
    "bitbucket-deleted": (
        "bitbucket",
        {"repository": PAGE, "push": {"changes": [{"new": None, "old": {"type": "tag", "name": "v1"}}]}},
        "https://bitbucket.org/acme/app",
        ("refs/tags/v1",),
    ),
    "bitbucket-center-https": (
        "bitbucket",
        {"repository": CENTER, "changes": [{"ref": {"id": "refs/heads/main"}}]},
        "https://git.example.com/scm/pay/app.git",
        MAIN,
    ),
    "bitbucket-center-ssh": (
        "bitbucket",
        {"repository": CENTER, "changes": [{"ref": {"id": "refs/heads/main"}}]},
        "ssh://git@git.example.com:7999/pay/app.git",
        MAIN,
    ),
    "azure-https": (
        "azure-devops",
        {
            "resource": {
                "refUpdates": [{"name": "refs/heads/main"}],
                "repository": {"remoteUrl": "https://acme@dev.azure.com/acme/pay/_git/app"},
            }
        },
        "https://dev.azure.com/acme/pay/_git/app",
        MAIN,
    ),
    "azure-ssh": (
        "azure-devops",
        {
            "resource": {
                "refUpdates": [{"name": "refs/heads/main"}],
                "repository": {"remoteUrl": "https://acme@dev.azure.com/acme/pay/_git/app"},
            }
        },
        "git@ssh.dev.azure.com:v3/acme/pay/app",
        MAIN,
    ),
    "distribution": (
        "oci",
        {
            "events": [
                {"action": "pull", "target": {"repository": "x", "tag": "v0"}, "request": {"host": "r.example.com"}},
                {
                    "action": "push",
                    "target": {"repository": "acme/app", "tag": "v1"},
                    "request": {"host": "r.example.com:5000"},
                },
            ]
        },
        "oci://r.example.com:5000/acme/app",
        ("v1",),
    ),
    "azure-registry": (
        "oci",
        {"action": "push", "target": {"repository": "app", "tag": "v1"}, "request": {"host": "acme.azurecr.io"}},
        "oci://acme.azurecr.io/app",
        ("v1",),
    ),
    "harbor": (
        "oci",
        {"event_data": {"resources": [{"tag": "v1", "resource_url": "r.example.com/acme/app:v1"}]}},
        "oci://r.example.com/acme/app",
        ("v1",),
    ),
    "quay": (
        "oci",
        {"docker_url": "quay.io/acme/app", "updated_tags": ["v1", "latest"]},
        "oci://quay.io/acme/app",
        ("v1", "latest"),
    ),
    "standard": (
        "standard",
        {"data": {"repository": "https://git.example.com/a.git", "ref": "refs/heads/main"}},
        "https://git.example.com/a",
        MAIN,
    ),
    "standard-all": (
        "standard",
        {"data": {"repository": "https://git.example.com/a.git"}},
        "https://git.example.com/a",
        (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PAYLOADS)
def test_a_payload_names_its_repository_and_refs(case: str) -> None:
    kind, payload, followed, refs = PAYLOADS[case]
    found = list(KINDS[kind].pushes(payload))
    if refs is None:
        assert found == []
        return
    assert [push.refs for push in found] == [refs]
    assert place(followed) in {place(one) for one in found[0].addresses}


ODD: tuple[Any, ...] = (
    None, 1, True, "", "x" * 100_000, [], [[]], {}, {"a": None}, [{"ref": 1}], "\ud800", -(2**63), 1e308,
)  # fmt: skip


def _bent(value: Any, odd: Any) -> list[Any]:
    """Return copies of a payload, each with something odd in the place of one of its parts."""
    if isinstance(value, dict):
        return [{**value, key: bent} for key, inner in value.items() for bent in (odd, *_bent(inner, odd))]
    if isinstance(value, list):
        return [
            [*value[:at], bent, *value[at + 1 :]] for at, one in enumerate(value) for bent in (odd, *_bent(one, odd))
        ]
    return []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_odd_payload_is_an_error_of_ours(kind: str) -> None:
    tried = 0
    for _, payload, _, _ in PAYLOADS.values():
        for odd in ODD:
            for bent in _bent(payload, odd):
                for push in KINDS[kind].pushes(bent):
                    assert all(0 < len(one) <= 2_000 for one in (*push.addresses, *push.refs))
                    assert [place(one) for one in push.addresses]
                tried += 1
    assert tried > 1_000


def test_more_refs_than_are_looked_at_stand_for_all() -> None:
    changes = [{"new": {"type": "branch", "name": f"b{number}"}} for number in range(MOST_REFS + 1)]
    (push,) = KINDS["bitbucket"].pushes({"repository": PAGE, "push": {"changes": changes}})
    assert push.refs == ()
    (fewer,) = KINDS["bitbucket"].pushes({"repository": PAGE, "push": {"changes": changes[1:]}})
    assert len(fewer.refs) == MOST_REFS


REPO = "https://git.example.com/a.git"
SOURCES: Mapping[str, tuple[SourceRef, tuple[str, ...], tuple[str, ...]]] = {
    "branch": (GitRef(REPO, "", "refs/heads/main"), MAIN, ("refs/heads/mai", "main", "refs/tags/main")),
    "submodules": (GitRef(REPO, "", "refs/heads/main", submodules=True), MAIN, ("refs/heads/x",)),
    "range": (GitRef(REPO, "", Range(">=1")), ("refs/tags/v1",), MAIN),
    "commit": (GitRef(REPO, "", "c" * 40), (), MAIN),
    "image": (OciRef("oci://r.example.com/a", "", "v1"), ("v1",), ("v2",)),
    "images": (OciRef("oci://r.example.com/a", "", Range(">=1")), ("v1", "latest"), ()),
    "chart": (ChartRef("oci://r.example.com/charts", "", "web", ">=1"), ("1.0.0",), ()),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_push_concerns_what_may_have_changed(case: str) -> None:
    source, concerned, others = SOURCES[case]
    assert concerns((), source)
    assert all(concerns((ref,), source) for ref in concerned)
    assert not any(concerns((ref,), source) for ref in others)


def test_a_chart_in_a_registry_is_pushed_to_as_a_repository_of_its_own() -> None:
    assert "r.example.com/charts/web" in places(SOURCES["chart"][0])


def test_two_kinds_of_one_name_are_refused() -> None:
    kind: HookKind = KINDS["github"]
    with pytest.raises(ValueError, match="there is a kind 'github'"):
        register(kind)


def test_a_push_names_what_was_pushed() -> None:
    page = {"clone_url": "https://h/a", "html_url": "https://h/a"}
    found = KINDS["github"].pushes({"ref": "refs/heads/main", "repository": page})
    assert list(found) == [Push(("https://h/a",), MAIN)]
