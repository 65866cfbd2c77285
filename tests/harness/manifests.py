"""Manifests as a team writes them, as texts."""

from __future__ import annotations

import yaml


def config_map(name: str, **data: str) -> str:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return yaml.safe_dump(body) + "---\n"


def secret(value: str) -> str:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": value}}
    return yaml.safe_dump(body) + "---\n"


def job(name: str, *, hook: str, image: str = "example.com/a:1", suspend: bool = False) -> str:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": image}]}}
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": {"flotilla.dev/hook": hook}},
        "spec": {"suspend": suspend, "backoffLimit": 0, "template": template},
    }
    return yaml.safe_dump(body) + "---\n"


def deployment(name: str, *, wave: int = 0, image: str = "example.com/a:1") -> str:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": image}]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "annotations": {"flotilla.dev/wave": str(wave)}},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }
    return yaml.safe_dump(body) + "---\n"
