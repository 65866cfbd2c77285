"""Variables, and one field of an object that they are put into."""

from __future__ import annotations

from typing import Any

from common.domain.fleet import Substitution
from workers.render.manifests import Sourced
from workers.render.substitute import substitute

VARIABLES: dict[str, Any] = {
    "replicas": 3,
    "name": "web",
    "ratio": 0.5,
    "debug": False,
    "none": None,
    "empty": "",
    "image": {"tag": "v1"},
    "loop": "${name}",
    "cluster": {
        "name": "eu-1",
        "labels": {"region": "eu", "topology.kubernetes.io/zone": "a"},
        "vars": {"accountId": "1234"},
    },
}


def put(value: Any, how: Substitution | None = None, /, **more: Any) -> Any:
    """Return a field of an object after variables were put into it; ``more`` goes into its metadata."""
    manifest = {"kind": "Deployment", "metadata": {"name": "x", **more}, "spec": {"field": value}}
    (done,) = substitute([Sourced(manifest, "app/x.yaml:1")], VARIABLES, how or Substitution())
    return done.manifest["spec"]["field"]
