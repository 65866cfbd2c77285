"""SOPS files as SOPS itself wrote them: opened with the right key, and refused when anything about them was changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from common.yaml import load_documents
from tests.fakes.trees import memory_tree
from workers.render import files
from workers.render.cache import RenderCache
from workers.render.canonical import manifest_digest
from workers.render.faults import DecryptError
from workers.render.manifests import FILE_LIMITS
from workers.render.rendered import Rendered
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.sops import DecryptedTree, Decryptor

DATA = Path(__file__).parents[2] / "data" / "sops"
KEYS = Decryptor.of("sops/team", {"age.agekey": (DATA / "age.agekey").read_bytes()})
OTHER = Decryptor.of("sops/other", {"age.agekey": (DATA / "other.agekey").read_bytes()})
SECRET = {"password": "CANARY-correct-horse", "port": "5432", "empty": ""}


def text(name: str) -> bytes:
    return (DATA / name).read_bytes()


def opened(name: str, content: bytes | None = None) -> list[Any]:
    found = KEYS.decrypted(name, text(name) if content is None else content)
    return [each.value for each in load_documents(found, FILE_LIMITS)]


@pytest.mark.parametrize("name", ["regex.yaml", "mac-only.yaml"])
def test_a_secret_is_opened(name: str) -> None:
    (secret,) = opened(name)
    assert secret["stringData"] == SECRET
    assert "sops" not in secret
    assert secret["metadata"] == {"name": "db", "labels": {"tier": "data"}}


def test_every_value_of_every_document_is_opened_in_its_type() -> None:
    secret, thing = opened("whole.yaml")
    assert (secret["kind"], secret["stringData"]) == ("Secret", SECRET)
    assert thing["spec"] == {
        "count": 3,
        "ratio": 1.5,
        "big": 1000000,
        "on": True,
        "nothing": None,
        "list": ["one", 2, {"deep": "CANARY-deep"}],
        "note_unencrypted": "plain text",
    }


def test_json_is_opened_too() -> None:
    assert opened("secret.json")[0]["stringData"] == {"a": "CANARY-json"}


def test_what_is_not_encrypted_stays_as_it_is() -> None:
    for plain in (b"a: 1\n", b"kind: A\nsops: {mac: x}\n", b"\x00\x01", b"a: ENC[AES256_GCM,x]\n# sops\n"):
        assert KEYS.decrypted("a.yaml", plain) == plain


def test_another_key_opens_nothing() -> None:
    with pytest.raises(DecryptError, match="none of the keys in credentials 'sops/other' opens the file"):
        OTHER.decrypted("regex.yaml", text("regex.yaml"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (rb"(password: ENC\[AES256_GCM,data:)[^,]+", rb"\1AAAA", "stringData.password was altered or moved"),
        (rb"password: (ENC.*)\n", rb"other: \1\n", "stringData.other was altered or moved"),
        (rb"name: db", rb"name: evil", "altered after it was encrypted"),
        (rb"    port: ENC.*\n", b"", "altered after it was encrypted"),
        (rb"password: ENC.*\n", b"password: mine\n", "altered after it was encrypted"),
        (
            rb"lastmodified: .*\n",
            b'lastmodified: "2020-01-01T00:00:00Z"\n',
            "code over its values was altered",
        ),
        (rb"mac: ENC.*\n", b"mac: none\n", "code over its values was altered"),
        (rb"(?s)    age:.*AGE ENCRYPTED FILE-----\n", b"    pgp: []\n", "encrypted for no age key"),
    ],
)
def test_whatever_was_changed_is_noticed(before: bytes, after: bytes, said: str) -> None:
    altered, count = re.subn(before, after, text("regex.yaml"), count=1)
    assert count == 1
    if b"age1" in altered and b"pgp" in altered:
        altered = re.sub(rb"          recipient: .*\n", b"", altered)
    with pytest.raises(DecryptError, match=said) as caught:
        KEYS.decrypted("regex.yaml", altered)
    assert "CANARY" not in str(caught.value)


def test_with_a_code_over_encrypted_values_only_the_others_may_change() -> None:
    (secret,) = opened("mac-only.yaml", text("mac-only.yaml").replace(b"name: db", b"name: mine"))
    assert secret["metadata"]["name"] == "mine"


def test_encrypted_files_of_variables_are_refused() -> None:
    with pytest.raises(DecryptError, match="file of variables"):
        KEYS.decrypted("a.env", b"A=ENC[AES256_GCM,data:x]\nsops_mac=ENC[AES256_GCM,data:x]\n")


def test_a_credential_without_a_key_is_refused() -> None:
    with pytest.raises(DecryptError, match="'sops/none' hold no age key"):
        Decryptor.of("sops/none", {"token": b"x"})


def test_keys_are_not_shown() -> None:
    assert "AGE-SECRET" not in repr(KEYS)
    assert "AGE-SECRET" not in repr(RenderRequest.at("app", decryptor=KEYS))


# -- through the renderers -------------------------------------------------------------------------------------

KUSTOMIZATION = "resources: [secret.yaml]\nnamePrefix: prod-\n"


def render(renderers: Renderers, tree_files: dict[str, Any], decryptor: Decryptor | None = KEYS) -> Rendered:
    tree = memory_tree(tree_files)
    asked = RenderRequest.at("app", decryptor=decryptor)
    return renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_decrypted_is_kept_in_memory_only(tmp_path: Path) -> None:
    renderers = Renderers(RenderCache(tmp_path))
    done = render(renderers, {"app/secret.yaml": text("regex.yaml")})
    assert done.manifests[0]["stringData"] == SECRET
    assert b"CANARY" not in on_disk(tmp_path)
    plain = render(renderers, {"app/plain.yaml": "apiVersion: v1\nkind: A\nmetadata: {name: a}\n"}, None)
    assert plain.objects
    assert b"kind" in on_disk(tmp_path), "what is not private is kept on disk"


def test_nobody_gets_what_was_decrypted_for_another(tmp_path: Path) -> None:
    renderers = Renderers(RenderCache(tmp_path))
    tree_files = {"app/secret.yaml": text("regex.yaml")}
    render(renderers, tree_files)
    assert "CANARY" not in repr(render(renderers, tree_files, None).manifests)
    with pytest.raises(DecryptError):
        render(renderers, tree_files, OTHER)


def test_the_digest_tells_nothing_about_what_was_decrypted(tmp_path: Path) -> None:
    renderers = Renderers(RenderCache(tmp_path))
    tree_files = {"app/secret.yaml": text("regex.yaml")}
    done, again = render(renderers, tree_files), render(Renderers(RenderCache(tmp_path / "b")), tree_files)
    assert done.digest_under(b"hub") == again.digest_under(b"hub")
    assert done.digest_under(b"hub") != done.digest_under(b"another")
    assert done.digest_under(b"hub") != manifest_digest(done.manifests)
    assert done.digest not in repr(done)


def test_where_nothing_may_lie_on_disk_a_place_in_memory_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = DecryptedTree.over(memory_tree({}), KEYS)
    assert files.scratch(memory_tree({})) is None
    monkeypatch.setattr(files, "_MEMORY", tmp_path / "gone")
    with pytest.raises(DecryptError, match="in memory only"):
        files.scratch(tree)
