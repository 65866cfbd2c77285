"""What has to be there first is there first."""

from __future__ import annotations

import httpx

from tests.fakes.sync import Site, WallClock, actions, config_map
from workers.sync.requests import Namespace
from workers.sync.results import Ending


def test_a_definition_and_its_objects_arrive_in_one_run(site: Site, kubectl: httpx.Client) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
    }
    api = "apiextensions.k8s.io/v1"
    crd = {
        "apiVersion": api,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": spec,
    }
    gadget = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "one"}, "spec": {"size": 1}}
    site.clock = WallClock()
    result = site.sync(gadget, crd)
    assert result.ending is Ending.SUCCEEDED
    assert kubectl.get("/apis/example.com/v1/namespaces/default/gadgets/one").is_success
    assert set(actions(site.sync(gadget, crd)).values()) == {"unchanged"}


def test_a_namespace_and_its_objects_arrive_in_one_run(site: Site, kubectl: httpx.Client) -> None:
    site.namespace = "shop"
    assert site.sync(config_map(), namespace_is=Namespace.CREATED).ending is Ending.SUCCEEDED
    assert kubectl.get("/api/v1/namespaces/shop/configmaps/settings").is_success
