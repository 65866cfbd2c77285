"""``python -m benchmarks.render``: many applications of each renderer, cold and from the cache, against the bare tool.

Each application has a folder of its own in one repository, read over HTTP by a mirror. The bare tools read the same
files from a checkout: `kustomize build` once for each, Helm's and Jsonnet's libraries in one loop in one process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.credentials import DirectoryProvider
from common.domain.refs import GitRef
from common.sources.mirrors import Mirrors
from common.sources.urls import PlainHttp
from simulator.git_http import GitHttpServer
from workers.render.cache import RenderCache
from workers.render.kustomize import rendering as kustomize
from workers.render.renderers import Renderers
from workers.render.request import Capabilities, RenderRequest

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{n}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web-{n}}}}}
  template:
    metadata: {{labels: {{app: web-{n}}}}}
    spec: {{containers: [{{name: web, image: "example.com/web:{n}"}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web-{n}}}
spec: {{selector: {{app: web-{n}}}, ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: web-{n}}}
data: {{colour: green}}
"""
CHART = MANIFEST.replace("web-{n}", "{{{{ .Release.Name }}}}").replace("green", "{{{{ .Values.colour }}}}")
PROGRAM = """\
local n = std.extVar('n');
[
  {{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: {{ name: 'web-%d' % n }}, spec: {{ replicas: 2,
     selector: {{ matchLabels: {{ app: 'web' }} }}, template: {{ metadata: {{ labels: {{ app: 'web' }} }},
     spec: {{ containers: [{{ name: 'web', image: 'example.com/web:{n}' }}] }} }} }} }},
  {{ apiVersion: 'v1', kind: 'Service', metadata: {{ name: 'web-%d' % n }}, spec: {{ ports: [{{ port: 80 }}] }} }},
  {{ apiVersion: 'v1', kind: 'ConfigMap', metadata: {{ name: 'web-%d' % n }}, data: {{ colour: 'green' }} }},
]
"""
_HELM = """\
import json, sys, time
from helm_python import Chart, _native
began = time.perf_counter()
for n in range(int(sys.argv[2])):
    chart = Chart.load(f"{sys.argv[1]}/helm/{n}")
    release = json.dumps({"name": f"web-{n}", "namespace": "default", "kube_version": "v1.31.0"})
    json.loads(_native.call_string("helm_render", chart._raw(), "{}", release))
    chart.close()
print(time.perf_counter() - began)
"""
_JSONNET = """\
import json, sys, time
import rjsonnet
began = time.perf_counter()
for n in range(int(sys.argv[2])):
    json.loads(rjsonnet.evaluate_file(f"{sys.argv[1]}/jsonnet/{n}/main.jsonnet", ext_codes={"n": str(n)}))
print(time.perf_counter() - began)
"""
_PLAIN = """\
import sys, time
import yaml
began = time.perf_counter()
for n in range(int(sys.argv[2])):
    with open(f"{sys.argv[1]}/plain/{n}/all.yaml") as file:
        list(yaml.load_all(file, Loader=yaml.CSafeLoader))
print(time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of one renderer, and CPU seconds of it and of all processes that it started."""

    cold: float
    cpu: float
    cached: float
    bare: float


def write(root: Path, count: int) -> None:
    """Write the applications of every renderer below ``root``."""
    for n in range(count):
        files = {
            f"plain/{n}/all.yaml": MANIFEST.format(n=n),
            f"kustomize/{n}/all.yaml": MANIFEST.format(n=n),
            f"kustomize/{n}/kustomization.yaml": "resources: [all.yaml]\nnamePrefix: prod-\n",
            f"helm/{n}/Chart.yaml": f"apiVersion: v2\nname: web\nversion: 1.0.{n}\n",
            f"helm/{n}/values.yaml": "colour: green\n",
            f"helm/{n}/templates/all.yaml": CHART.format(n=n),
            f"jsonnet/{n}/main.jsonnet": PROGRAM.format(n=n),
        }
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Applications"]):
        git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.com", *command]
        subprocess.run(git, cwd=root, check=True)


@contextmanager
def mirror(root: Path, folder: Path) -> Iterator[tuple[Mirrors, GitRef]]:
    """Serve the repository, and give a mirror of it."""
    server = GitHttpServer(root.parent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mirrors = Mirrors(folder, DirectoryProvider(folder / "credentials"), plain_http=PlainHttp.LOOPBACK)
    url = f"http://127.0.0.1:{server.server_address[1]}/{root.name}/.git"
    try:
        yield mirrors, GitRef(url, "", "refs/heads/main")
    finally:
        mirrors.close()
        server.shutdown()
        server.server_close()


def request(name: str, n: int) -> RenderRequest:
    """Return what one application asks for."""
    capabilities = Capabilities("v1.31.0", ())
    return RenderRequest.at(f"{name}/{n}", values={"n": n}, release=f"web-{n}", capabilities=capabilities)


def measured(name: str, count: int, root: Path, folder: Path, bare: Callable[[], float]) -> Measured:
    """Measure one renderer."""
    with mirror(root, folder / "mirrors") as (mirrors, source):
        fetched = mirrors.fetch(source)
        tree = mirrors.tree(source, fetched.commit)
        cache = folder / f"cache-{name}"
        renderers = Renderers(RenderCache(cache, secret=b"s" * 32))
        renderers.render(
            lambda _: tree, request(name, 0), renderers.resolve(tree, request(name, 0))
        )  # starts what stays
        before, began = cpu(), time.perf_counter()
        resolved = [renderers.resolve(tree, request(name, n)) for n in range(count)]
        for n in range(count):
            renderers.render(lambda _: tree, request(name, n), resolved[n])
        cold, spent = time.perf_counter() - began, cpu() - before
        renderers.close()
        again = Renderers(RenderCache(cache, secret=b"s" * 32))
        began = time.perf_counter()
        for n in range(count):
            again.render(lambda _: tree, request(name, n), resolved[n])
        return Measured(cold, spent, time.perf_counter() - began, bare())


def cpu() -> float:
    """Return the CPU seconds of this process and of those that have ended."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def looped(script: str, root: Path, count: int) -> float:
    """Return the seconds that a script's own loop took."""
    command = [sys.executable, "-c", script, str(root), str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def built(root: Path, count: int) -> float:
    """Return the seconds of ``kustomize build``, once for each application."""
    tool = kustomize.tool()
    began = time.perf_counter()
    for n in range(count):
        subprocess.run([*tool.build, str(root / "kustomize" / str(n))], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1_000)
    count = parser.parse_args().applications
    with tempfile.TemporaryDirectory() as place:
        root, folder = Path(place) / "git" / "apps", Path(place) / "hub"
        root.mkdir(parents=True)
        folder.mkdir()
        write(root, count)
        bare: dict[str, Callable[[], float]] = {
            "plain": lambda: looped(_PLAIN, root, count),
            "kustomize": lambda: built(root, count),
            "helm": lambda: looped(_HELM, root, count),
            "jsonnet": lambda: looped(_JSONNET, root, count),
        }
        for name, alone in bare.items():
            found = measured(name, count, root, folder, alone)
            print(
                f"{name}: {count} applications, cold {found.cold:.2f} s ({found.cpu:.2f} CPU s), bare {found.bare:.2f} "
                f"s, ratio {found.cold / found.bare:.2f}; from the cache {found.cached:.2f} s, "
                f"{found.cached / found.cold:.3f} of cold",
                flush=True,
            )


if __name__ == "__main__":
    main()
