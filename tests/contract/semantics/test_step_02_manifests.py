"""Equal inputs give equal manifests, and a run says which."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.hands import config_map_in
from tests.harness.hub import APPS, StepHub
from workers.render import plain


def test_the_digest_of_equal_manifests_is_equal_and_goes_on_the_run(hub: StepHub) -> None:
    for name, value in (("web", "1"), ("same", "1"), ("other", "2")):
        hub.git.commit(APPS, {f"{name}/a.yaml": config_map_in("a", v=value)})
        hub.application(name)
    hub.settle()
    web, same, other = (hub.runs(f"eu/{name}")[0].manifest_digest for name in ("web", "same", "other"))
    assert len(web) == 64
    assert web == same != other


def test_what_was_rendered_is_not_rendered_again(hub: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[Any] = []
    real = plain.render

    def counting(*args: Any) -> Any:
        rendered.append(args)
        return real(*args)

    monkeypatch.setattr(plain, "render", counting)
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("a", v="1")})
    hub.application("web")
    hub.settle()
    hub.make_due(full_check_due_at=None)
    hub.settle()
    assert len(rendered) == 1
