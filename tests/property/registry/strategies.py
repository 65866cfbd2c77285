"""Registries as hypothesis makes them up."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

CLUSTERS = ("c1", "c2", "c3", "c4")
APPLICATIONS = ("a1", "a2", "a3")
ENVS = ("dev", "prod")
REGIONS = ("eu", "us")

selectors = st.one_of(
    st.just({"all": True}),
    st.fixed_dictionaries({"matchLabels": st.dictionaries(st.just("env"), st.sampled_from(ENVS), min_size=1)}),
    st.fixed_dictionaries(
        {
            "matchExpressions": st.lists(
                st.fixed_dictionaries(
                    {
                        "key": st.just("region"),
                        "operator": st.sampled_from(["In", "NotIn"]),
                        "values": st.lists(st.sampled_from(REGIONS), min_size=1, max_size=2),
                    }
                ),
                min_size=1,
                max_size=2,
            )
        }
    ),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
values = st.dictionaries(st.sampled_from(["x", "y", "z"]), json_values, max_size=3)


@st.composite
def targets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw one to three targets."""
    found = []
    for index in range(draw(st.integers(1, 3))):
        target: dict[str, Any] = {"name": f"t{index}", "values": draw(values)}
        if draw(st.booleans()):
            target["clusters"] = draw(st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=2))
        else:
            target["select"] = draw(selectors)
        if draw(st.integers(0, 4)) == 0:
            target["expect"] = {"min": draw(st.integers(0, 2)), "max": draw(st.integers(2, 4))}
        found.append(target)
    return found


def application(name: str, draw: st.DrawFn) -> dict[str, Any]:
    """Draw an application in order, save for what it expects."""
    return {
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {
            "source": {"repo": "https://git.example.com/x", "ref": {"branch": "main"}},
            "namespace": name,
            "state": draw(st.sampled_from(["active", "active", "retired"])),
            "onUnmatch": draw(st.sampled_from(["retain", "delete"])),
            "values": draw(values),
            "targets": draw(targets()),
        },
    }


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw the documents of a registry: all clusters, some applications and groups."""
    found: list[dict[str, Any]] = [
        {"kind": "Fleet", "metadata": {"name": "f"}, "spec": {"labels": {"env": list(ENVS), "region": list(REGIONS)}}}
    ]
    for name in CLUSTERS:
        labels = {"env": draw(st.sampled_from(ENVS)), "region": draw(st.sampled_from(REGIONS))}
        states = st.sampled_from(["active", "active", "active", "joining", "frozen", "draining", "retired"])
        spec = {"server": f"https://{name}", "credentials": {"secretRef": name}, "state": draw(states)}
        found.append({"kind": "Cluster", "metadata": {"name": name, "labels": labels}, "spec": spec})
    for name in draw(st.lists(st.sampled_from(["g1", "g2"]), unique=True)):
        group = {"select": draw(selectors), "priority": draw(st.integers(-2, 2)), "values": draw(values)}
        found.append({"kind": "ClusterGroup", "metadata": {"name": name}, "spec": group})
    found += [application(name, draw) for name in draw(st.lists(st.sampled_from(APPLICATIONS), unique=True))]
    return found


@st.composite
def registries(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw the files of a registry."""
    files: dict[str, list[dict[str, Any]]] = {}
    for document in draw(documents()):
        core = document["kind"] != "Application"
        name = "core.yaml" if core else draw(st.sampled_from(["one.yaml", "two.yaml"]))
        files.setdefault(name, []).append(document)
    return {
        name: yaml.safe_dump_all(found, default_flow_style=draw(st.booleans()), allow_unicode=True).encode()
        for name, found in files.items()
    }
