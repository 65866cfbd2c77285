"""Found in 0.2: a decrypted value in any kind, annotation, environment, diff, error, digest: masked, or under a key."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
import yaml
from sqlalchemy import select
from typer.testing import CliRunner

from common.domain.redact import MASK
from common.domain.secrecy import Secrets
from common.settings import Settings
from common.store.schema.tables import Base, InventoryRow, PlacementRow
from common.store.state.intents import IntentKind
from console.api.app import create_app
from console.cli import inspect, main
from console.inspect import hub as inspect_hub
from console.planning.changes import compared
from tests.harness.hub import APPS, StepHub
from tests.harness.seen import client
from workers.render.rendered import Rendered

DATA = Path(__file__).parents[2] / "data" / "sops"
SEALED = (DATA / "regex.yaml").read_text()
CANARY = "CANARY-correct-horse"
FORMS = (
    CANARY,
    base64.b64encode(CANARY.encode()).decode().rstrip("="),
    CANARY.encode().hex(),
    base64.b64encode(f"postgres://me:{CANARY}@db".encode()).decode()[22:40],
)
DECRYPT = "  decrypt: {sops: {keyRef: sops/team}}\n"
TOKEN = "a-token-of-this-test"
SETTINGS = "/api/v1/namespaces/web/configmaps/settings"
MERGE = {"Content-Type": "application/merge-patch+json"}
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {plural: things, singular: thing, kind: Thing}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
OBJECTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, annotations: {example.com/dsn: {{ printf "postgres://me:%s@db" .p | quote }}}}
data:
  plain: {{ .p | quote }}
  coded: {{ printf "postgres://me:%s@db" .p | b64enc | quote }}
  file: {{ dict "db" (dict "password" .p) | toJson | quote }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {checksum: {{ .p | b64enc | quote }}}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1
        args: ["--dsn={{ .p }}"]
        env: [{name: DSN, value: {{ .p | quote }}}]
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: one}
spec: {password: {{ .p | quote }}, deep: [{token: {{ .p | quote }}}]}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {p: {{ .p | quote }}}
"""


def template(expression: str) -> str:
    """Return the objects with what an expression gives in each of them."""
    return f"{{{{- with dict `p` ({expression}) }}}}\n{OBJECTS}{{{{- end }}}}\n"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Everything that is logged or printed is looked at when the test ends."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        yield
    printed = capsys.readouterr()
    for text in (str(logs), caplog.text, printed.out, printed.err):
        assert not [form for form in FORMS if form in text]


def look_everywhere(hub: StepHub) -> str:
    """Return all that is stored, and all that the API and the console say of it."""
    texts = [hub.everything(Base), str(list(hub.sender.messages))]
    app = create_app(hub.settings, hub.database, token=TOKEN)
    runs = [f"/api/v1/runs/{run.id}" for run in hub.runs("eu/web")]
    paths = ["/api/v1/placements/eu/web", "/api/v1/placements/eu/web/why", "/api/v1/runs", "/api/v1/status", *runs]
    texts += asyncio.run(_answers(app, paths))
    stored = (path.read_bytes() for path in hub.settings.path("").rglob("*") if path.is_file())
    return "\n".join([*texts, *(content.decode("latin-1") for content in stored)])


async def _answers(app: Any, paths: list[str]) -> list[str]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
        answers = [await http.get(path) for path in paths]
    assert [answer.status_code for answer in answers if answer.is_server_error] == []
    assert answers[0].is_success, answers[0].text
    return [answer.text for answer in answers]


def assert_hidden(hub: StepHub) -> str:
    text = look_everywhere(hub)
    assert not [form for form in FORMS if form in text]
    return text


def diffs(hub: StepHub) -> str:
    return "\n".join(one.diff for run in hub.runs("eu/web") for one in hub.run(run.id).objects)


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """A chart that holds a plain value everywhere, and puts the decrypted one there once it is committed."""
    hub.declare("eu")
    hub.store("sops/team", {"age.agekey": (DATA / "age.agekey").read_bytes()})
    files = {"web/Chart.yaml": CHART, "web/crds/a.yaml": CRD, "web/templates/a.yaml": template("`plain-before`")}
    hub.git.commit(APPS, {**files, "s.yaml": SEALED})
    hub.application("web", more=f"{DECRYPT}  render: {{helm: {{valuesFiles: [../s.yaml]}}}}\n")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.runs("eu/web")
    return hub


def put_everywhere(web: StepHub) -> None:
    web.git.commit(APPS, {"web/templates/a.yaml": template(".Values.stringData.password")})
    web.settle()
    assert web.placement("eu/web").sync == "synced", web.runs("eu/web")


@pytest.mark.usefixtures("said")
def test_a_decrypted_value_is_in_every_kind_and_in_no_diff_row_log_or_answer(web: StepHub) -> None:
    put_everywhere(web)
    with client(web, "eu") as http:
        assert http.get(SETTINGS).json()["data"]["plain"] == CANARY
    assert_hidden(web)
    told = diffs(web)
    for path in (".data.plain", ".data.coded", ".data.file", ".metadata.annotations.example.com/dsn", ".spec.password"):
        assert f"~ {path}: {MASK} -> " in told, told
    assert ".env[name=DSN].value: " in told
    assert "postgres://" in told


@pytest.mark.usefixtures("said")
def test_neither_is_what_was_there_before_it(web: StepHub) -> None:
    """What drifted, and what is taken away, may be the secret of before: of it nothing is known."""
    put_everywhere(web)
    with client(web, "eu") as http:
        http.patch(SETTINGS, headers=MERGE, json={"data": {"plain": "rotated-away-4711"}})
    web.ask(IntentKind.CHECK, "eu/web")
    web.settle(2)
    web.ask(IntentKind.SYNC, "eu/web")
    web.settle()
    moved = template(".Values.stringData.password").replace("  plain:", "  other:")
    web.git.commit(APPS, {"web/templates/a.yaml": moved})
    web.settle()
    assert "rotated-away-4711" not in assert_hidden(web)
    assert f"- .data.plain: {MASK}" in diffs(web)


@pytest.mark.usefixtures("said")
def test_no_plain_digest_of_what_holds_it_is_stored(web: StepHub) -> None:
    """Whoever reads the database could try values until a digest fits."""
    put_everywhere(web)
    with web.database.read() as connection:
        rows = connection.execute(select(InventoryRow.desired_digest, InventoryRow.fingerprint)).all()
        (manifests,) = connection.execute(select(PlacementRow.manifest_digest)).one()
    assert all(row.fingerprint.startswith("k") and len(row.fingerprint) == 64 for row in rows)
    shown = render(web)
    assert manifests not in {shown.digest, hashlib.sha256(shown.digest.encode()).hexdigest()}
    assert manifests == shown.digest_under(web.runtime.hub_key)


def render(hub: StepHub) -> Rendered:
    """Return what the placement renders to, as its runs have it."""
    asked: list[Rendered] = []
    real = hub.runtime.renderers.render

    def watched(*args: Any) -> Rendered:
        asked.append(real(*args))
        return asked[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub.runtime.renderers, "render", watched)
        hub.ask(IntentKind.SYNC, "eu/web")
        hub.settle(2)
    return asked[-1]


@pytest.mark.usefixtures("said")
def test_sweeps_know_keyed_fingerprints_again(web: StepHub) -> None:
    put_everywhere(web)
    before = len(web.runs("eu/web"))
    web.make_due()
    web.settle(6)
    assert len(web.runs("eu/web")) == before
    assert web.placement("eu/web").sync == "synced"


REFUSED = {
    "a namespace": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: %s}\n",
    "a label": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: '%s/!'}}\n",
    "a kind": "apiVersion: v1\nkind: %s\nmetadata: {name: a}\n",
    "a group": "apiVersion: %s/v1\nkind: Thing\nmetadata: {name: a}\n",
    "a field": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: %s}]}\n",
    "a mark": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {flotilla.dev/wave: %s}}\n",
    "an option": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {flotilla.dev/apply: %s}}\n",
}


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("where", REFUSED)
def test_what_is_refused_for_it_does_not_quote_it(web: StepHub, where: str) -> None:
    text = REFUSED[where].replace("%s", "{{ .Values.stringData.password }}")
    web.git.commit(APPS, {"web/templates/b.yaml": text})
    web.settle()
    assert web.runs("eu/web")[0].commit
    assert_hidden(web)


GENERATED: dict[str, tuple[dict[str, str], str]] = {
    "a ConfigMap of a file": (
        {"web/kustomization.yaml": "configMapGenerator: [{name: c, files: [s.yaml]}]\n", "web/s.yaml": SEALED},
        "",
    ),
    "a Secret of a file": (
        {"web/kustomization.yaml": "secretGenerator: [{name: c, files: [s.yaml]}]\n", "web/s.yaml": SEALED},
        "",
    ),
    "a patch": (
        {
            "web/kustomization.yaml": "resources: [s.yaml, a.yaml]\nreplacements: [{source: {kind: Secret, name: db, "
            "fieldPath: stringData.password}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a]}]}]\n",
            "web/s.yaml": SEALED,
            "web/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n",
        },
        "",
    ),
    "a program": (
        {
            "web/main.jsonnet": "local s = std.parseYaml(importstr 's.yaml');\n"
            "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}, data: {a: s.stringData.password}}\n",
            "web/s.yaml": SEALED,
        },
        "",
    ),
}


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("name", GENERATED)
def test_what_is_made_of_a_decrypted_file_is_hidden_too(hub: StepHub, name: str) -> None:
    files, render = GENERATED[name]
    hub.declare("eu")
    hub.store("sops/team", {"age.agekey": (DATA / "age.agekey").read_bytes()})
    hub.git.commit(APPS, files)
    hub.application("web", more=f"{DECRYPT}{render}")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.runs("eu/web")
    hub.git.commit(APPS, {"web/s.yaml": SEALED.replace("tier: data", "tier: other")})
    hub.settle()
    assert_hidden(hub)


def test_rendered_views_mask_what_the_registry_calls_secret(
    hub: StepHub, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.declare("eu")
    files = {"web/Chart.yaml": CHART, "web/crds/a.yaml": CRD, "web/templates/a.yaml": template(".Values.password")}
    hub.git.commit(APPS, files)
    hub.application("web", more=f"  values: {{password: {CANARY}}}\n")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.runs("eu/web")
    config = Settings(home=tmp_path, database_url=database_url)
    sources = SimpleNamespace(tree=hub.git.tree, close=lambda: None)
    monkeypatch.setattr(inspect_hub, "sources_from", lambda *_: sources)
    monkeypatch.setattr(inspect, "settings", lambda: config)
    seen = CliRunner().invoke(main.app, ["render", "eu/web"])
    assert seen.exit_code == 0, seen.output
    assert not [form for form in FORMS if form in seen.output]
    kinds = {one["kind"] for one in yaml.safe_load_all(seen.stdout)}
    assert kinds == {"CustomResourceDefinition", "ConfigMap", "Deployment", "Thing", "Secret"}
    assert f"postgres://me:{MASK}@db" in seen.output
    hub.git.commit(APPS, {"web/templates/a.yaml": template("printf `%s-2` .Values.password")})
    hub.settle()
    assert ".data.plain" in diffs(hub)
    assert not [form for form in FORMS if form in diffs(hub)]


def test_a_plan_masks_both_sides() -> None:
    """``flotilla plan`` compares two renderings: of both it is known what was decrypted."""
    before, after = Secrets(["the-old-one-4711"]), Secrets(["the-new-one-4712"])

    def thing(value: str) -> dict[str, Any]:
        return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"p": value}}

    (change,) = compared([thing("x:the-old-one-4711")], [thing("x:the-new-one-4712")], secrets=before | after)
    assert change.diff.text == f'~ .spec.p: {MASK} -> "x:{MASK}"'
