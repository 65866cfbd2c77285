"""``flotilla simulator``: run simulated clusters, break them, and change things behind Flotilla's back."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml

from common.domain.errors import PermanentError
from common.settings import settings
from console.cli.options import ANY_OPTIONS
from console.cli.output import say
from console.cli.processes import become
from console.processes.extras import need_simulator

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Clusters to practise on.")
Cluster = Annotated[str, typer.Argument(metavar="CLUSTER")]
GROUPS = {"Deployment": "apis/apps/v1", "StatefulSet": "apis/apps/v1", "ConfigMap": "api/v1", "Service": "api/v1"}


class NoSimulatorError(PermanentError):
    """No simulated cluster has that name here."""

    code = "simulator.none"


class SimulatorRefusedError(PermanentError):
    """The simulator answered no."""

    code = "simulator.refused"


@app.command("run", context_settings=ANY_OPTIONS)
def run(context: typer.Context) -> None:
    """Run simulated clusters; options are those of `python -m simulator`.

    Example: flotilla simulator run --count 100 --port 7790 --kubeconfig-dir ./kubeconfigs
    """
    need_simulator()
    become("simulator", *context.args)


@app.command("fault")
def fault(
    cluster: Cluster,
    kind: Annotated[str, typer.Argument(help="refuse, hang, slow, throttle, error, unauthorized, or none to mend it")],
) -> None:
    """Break one cluster of the demo, or mend it.

    Example: flotilla simulator fault eu-1 refuse
    """
    admin: dict[str, str] = json.loads(_file(settings().home / "simulator" / "admin.json").read_text())
    context = ssl.create_default_context(cadata=admin["certificateAuthority"])
    answer = httpx.put(
        f"{admin['url']}/clusters/{cluster}/faults",
        json={"faults": [] if kind == "none" else [{"kind": kind}]},
        headers={"Authorization": f"Bearer {admin['token']}"},
        verify=context,
    )
    _check(answer)
    say(f"{cluster}: {'mended' if kind == 'none' else kind}")


@app.command("delete")
def delete(
    cluster: Cluster,
    namespace: Annotated[str, typer.Argument()],
    kind: Annotated[str, typer.Argument(help=", ".join(GROUPS))],
    name: Annotated[str, typer.Argument()],
) -> None:
    """Delete an object from a cluster of the demo, as a person with kubectl would.

    Example: flotilla simulator delete us-2 web Deployment web
    """
    client, base = _client(settings().home / "simulator", cluster)
    if kind not in GROUPS:
        message = f"one of {', '.join(GROUPS)}"
        raise typer.BadParameter(message, param_hint="KIND")
    _check(client.delete(f"{base}/{GROUPS[kind]}/namespaces/{namespace}/{kind.lower()}s/{name}"))
    say(f"deleted {kind} {namespace}/{name} on {cluster}")


def _check(answer: httpx.Response) -> None:
    if not answer.is_success:
        message = f"the simulator says {answer.status_code}: {answer.text[:200]}"
        raise SimulatorRefusedError(message)


def _file(path: Path) -> Path:
    if not path.exists():
        message = f"there is no {path}"
        raise NoSimulatorError(message, remedy="Set FLOTILLA_HOME to the demo's folder, and start `flotilla demo`.")
    return path


def _client(folder: Path, cluster: str) -> tuple[httpx.Client, str]:
    config: dict[str, Any] = yaml.safe_load(_file(folder / f"{cluster}.kubeconfig").read_text())
    entry = config["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(entry["certificate-authority-data"]).decode())
    token = config["users"][0]["user"]["token"]
    return httpx.Client(verify=context, headers={"Authorization": f"Bearer {token}"}, timeout=10), entry["server"]
