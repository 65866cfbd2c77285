"""An encrypted file reaches a cluster, and its content nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from common.store.schema.tables import Base
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, StepHub
from tests.harness.seen import client

DATA = Path(__file__).parents[2] / "data" / "sops"
DECRYPT = "  decrypt: {sops: {keyRef: sops/team}}\n"


def test_a_secret_is_decrypted_on_its_way_to_the_cluster_and_nowhere_else(
    hub: StepHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.declare("eu")
    hub.store("sops/team", {"age.agekey": (DATA / "age.agekey").read_bytes()})
    hub.git.commit(APPS, {"web/secret.yaml": (DATA / "regex.yaml").read_text()})
    hub.application("web", more=DECRYPT)
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.runs("eu/web")
    with client(hub, "eu") as http:
        data = http.get("/api/v1/namespaces/web/secrets/db").json()["data"]
    assert base64.b64decode(data["password"]) == b"CANARY-correct-horse"
    encoded = base64.b64encode(b"CANARY-correct-horse")
    stored = b"".join(path.read_bytes() for path in hub.settings.path("").rglob("*") if path.is_file())
    assert b"CANARY" not in stored
    assert encoded not in stored
    assert "CANARY" not in capsys.readouterr().out
    assert "CANARY" not in hub.everything(Base)


def test_without_the_key_the_run_fails_and_says_what_is_missing(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/secret.yaml": (DATA / "regex.yaml").read_text()})
    hub.application("web", more=DECRYPT)
    hub.settle()
    assert "credentials 'sops/team' were not found" in hub.runs("eu/web")[0].error
    hub.store("sops/team", {"age.agekey": (DATA / "other.agekey").read_bytes()})
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle()
    assert "none of the keys in credentials 'sops/team' opens the file" in hub.runs("eu/web")[0].error


def test_an_encrypted_file_without_decrypt_is_refused_as_it_is(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/secret.yaml": (DATA / "regex.yaml").read_text()})
    hub.application("web")
    hub.settle()
    assert "it is still encrypted by SOPS" in hub.runs("eu/web")[0].error
