"""What the hand-over says of applications on many clusters, and of those that it leaves out."""

from __future__ import annotations

from typing import Any

from common.yaml import dump_all
from console.importing import Imported, from_argocd
from tests.unit.importing.test_argocd import application, application_set
from tests.unit.importing.test_moving_argocd import named

TRACKING = {"annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/shop"}}


def moved(*objects: dict[str, Any], count: int = 2) -> Imported:
    servers = {f"https://c{number}.example.com": f"c{number}" for number in range(count)}
    servers["https://kubernetes.default.svc"] = "c0"
    return from_argocd({"f.yaml": dump_all(objects).encode()}, servers=servers)


def over(count: int) -> Imported:
    elements = [{"server": f"https://c{number}.example.com"} for number in range(count)]
    one = application_set({"list": {"elements": elements}})
    one["spec"]["template"]["spec"]["destination"] = {"server": "{{server}}", "namespace": "web"}
    one["spec"]["template"]["metadata"]["name"] = "web"
    return moved(one, count=count)


def diffs(found: Imported) -> list[str]:
    return [line for step in found.steps for line in step.commands if line.startswith("flotilla diff")]


def test_the_difference_is_looked_at_on_each_cluster_up_to_three() -> None:
    assert diffs(over(2)) == ["flotilla diff c0/web", "flotilla diff c1/web"]
    assert diffs(over(5)) == ["flotilla diff c0/web", "flotilla diff c1/web", "flotilla diff c2/web  # and on 2 more"]


def test_what_is_left_out_is_not_switched() -> None:
    found = moved(named(application(), "shop", **TRACKING), named(application(), "other"))
    assert diffs(found) == ["flotilla diff c0/other"]
    (switch,) = (step.title for step in found.steps if "`sync.mode: enforce`" in step.title)
    assert "but not for what is left out: shop and commit" in switch
    assert moved(named(application(), "shop", **TRACKING)).steps == ()
