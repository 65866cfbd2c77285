"""A rendering that did not end in time by the clock is tried again; the application is not at fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.fakes.commands import commands_file, python
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map
from workers.render.renderers import renderers_from

SLOW = "import pathlib, time; time.sleep(2); print(pathlib.Path('prints.txt').read_text())"


def patient(hub: StepHub, commands: Path, patience: timedelta) -> None:
    """Give the worker renderers that have so much time."""
    settings = hub.settings.model_copy(update={"render_commands": commands, "render_patience": patience})
    former = hub.runtime.renderers
    hub.runtime = replace(hub.runtime, renderers=renderers_from(settings, secret=b"k" * 32))
    former.close()


def test_a_late_rendering_is_tried_again_until_it_is_in_time(hub: StepHub, tmp_path: Path) -> None:
    commands = commands_file(tmp_path, slow=python(SLOW, seconds=1))
    patient(hub, commands, timedelta(seconds=1))
    hub.declare("eu")
    hub.git.commit(APPS, {"web/prints.txt": config_map("own", v="1")})
    hub.application("web", more="  render: {command: slow}\n")
    hub.settle()
    (run, *_) = hub.runs("eu/web")
    assert (run.state, run.outcome, run.attempts) == ("queued", "", 1)
    (attempt,) = hub.run(run.id).attempts
    assert attempt.error_code == "render.late"
    patient(hub, commands, timedelta(minutes=5))
    hub.make_due()
    hub.settle()
    (run, *_) = hub.runs("eu/web")
    assert (run.outcome, run.attempts) == ("succeeded", 2)
