"""What a project may not do is refused before anything touches the cluster."""

from __future__ import annotations

import httpx
import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import Project
from tests.fakes.sync import Site, config_map, deployment
from tests.harness.hands import MAPS
from workers.sync.results import Ending


@pytest.mark.parametrize(
    ("project", "what"),
    [
        (Project("team", namespaces=("default",), denied_kinds=("apps/*",)), "Deployment"),
        (Project("team", namespaces=("other",)), "default"),
    ],
)
def test_what_the_project_denies_is_refused_with_all_the_rest(
    site: Site, kubectl: httpx.Client, project: Project, what: str
) -> None:
    with pytest.raises(PermanentError, match=what):
        site.sync(config_map(), deployment(), project=project)
    assert kubectl.get(f"{MAPS}/settings").status_code == 404
    assert site.journal.calls == []


def test_what_the_project_allows_is_written(site: Site) -> None:
    project = Project("team", namespaces=("default",), denied_kinds=("apps/*",))
    assert site.sync(config_map(), project=project).ending is Ending.SUCCEEDED
