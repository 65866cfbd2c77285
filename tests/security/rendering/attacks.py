"""What the attacks have in common: how they are rendered, and how they are told to have failed."""

from __future__ import annotations

import base64
import subprocess
import sys
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from common.domain.fleet import RenderSettings
from tests.fakes.trees import Content, memory_tree
from workers.render.pool import RenderProcesses
from workers.render.rendered import Rendered
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.sandbox import Bounds

CANARY = "canary-9d41c7e2"
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("="), CANARY.encode().hex())
BOUNDS = Bounds(cpu=timedelta(seconds=3), memory=512 << 20, output=4 << 20)
CHART = "apiVersion: v2\nname: web\nversion: 1.2.3\n"
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
SEEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata:\n  seen: {{ %s | toJson | quote }}\n"


def chart(expression: str = "1", files: Mapping[str, Content] | None = None) -> dict[str, Content]:
    """Return a chart at ``app`` that shows what an expression gives."""
    own: dict[str, Content] = {"app/Chart.yaml": CHART, "app/templates/seen.yaml": SEEN % expression}
    return own | dict(files or {})


def helm(options: Mapping[str, Any] | None = None, **more: Any) -> RenderRequest:
    return RenderRequest.at("app", RenderSettings("helm", dict(options or {})), **more)


def render(renderers: Renderers, files: Mapping[str, Content], request: RenderRequest | None = None) -> Rendered:
    """Return what a tree renders to, its renderer detected unless ``request`` names one."""
    tree = memory_tree(files)
    request = request or RenderRequest.at("app")
    return renderers.render(lambda _: tree, request, renderers.resolve(tree, request))


def processes_of(renderers: Renderers, name: str) -> RenderProcesses:
    """Return the processes that hold a renderer's library."""
    found: RenderProcesses = vars(renderers._renderers[name])["_processes"]
    return found


def needs_namespaces() -> None:
    """Skip the test where the kernel lets no process give up its network: there, nothing is claimed."""
    code = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000 | 0x40000000) != 0)"
    if subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode:
        pytest.skip("no user namespaces on this host")


def leaks(text: str | bytes) -> bool:
    words = text.decode("latin-1") if isinstance(text, bytes) else text
    return any(form in words for form in FORMS)


def told(error: FlotillaError) -> str:
    """Return all that a log could show of an error: what it was raised from too."""
    return f"{error} {error!r} {error.remedy} {''.join(traceback.format_exception(error))}"


def honest(renderers: Renderers) -> None:
    """Assert that another application is rendered as if nothing had happened."""
    for files in (chart(), {"app/main.jsonnet": "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'seen'}}"}):
        assert [each["metadata"]["name"] for each in render(renderers, files).manifests] == ["seen"]
