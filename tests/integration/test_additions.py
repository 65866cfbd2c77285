"""What a package of its own adds by one registration, seen through the doors that all others use.

Sources and renderers have files of their own: ``tests/integration/test_added_source.py``,
``tests/integration/test_added_renderer.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEALTH_RULE = """
from common.domain.status import Reason
from workers.sync.health.kinds import KindRule, register
from workers.sync.health.reading import degraded, healthy, section


def lamp(manifest, context):
    return healthy() if section(manifest, "status").get("lit") else degraded(Reason("lamp.dark"))


register(KindRule("example.com", "Lamp", lamp))
"""
HEALTH_RULE_USED = """
from datetime import UTC, datetime
from workers.sync.health import Context, assess

context = Context(datetime(2026, 1, 1, tzinfo=UTC))
lamp = {"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "a"}, "status": {"lit": False}}
report = assess(lamp, context)
print(report.health, report.reason.code, assess({**lamp, "status": {"lit": True}}, context).health)
"""

GATE = """
from common.domain.admission import Gate, register
from common.domain.status import NONE, Reason


def night(wish, placement):
    closed = placement.ref.cluster == "eu" and wish.now.hour < 18 and not wish.by_person
    return Reason("window.closed", {"until": "06:00"}) if closed else NONE


register(Gate("window.closed", lambda params: f"no run before {params['until']}", night))
"""
GATE_USED = """
from common.domain.admission import Wish, admit
from common.domain.placements import PlacementState
from common.domain.reasons import hold_sentence
from common.domain.refs import PlacementRef
from common.domain.runs import Trigger
from common.domain.status import NONE
from tests.factories import NOW, application, cluster, fleet

acme = fleet([cluster("eu"), cluster("us")], [application("web")])

def asked(name, trigger):
    placement = acme.placement(PlacementRef(name, "web"))
    return admit(Wish(trigger, PlacementState.PLACED, placement, placement.cluster, "", NOW))

held = asked("eu", Trigger.REVISION)
print(held.hold.code, "|", hold_sentence(held.hold))
print(asked("eu", Trigger.DRIFT).permit, asked("eu", Trigger.MANUAL).permit, asked("us", Trigger.REVISION).permit)
"""

READER = """
from scheduler import readers


class Pager:
    name, kinds = "pager", ()

    def take(self, connection, events, *, now):
        print(*(event.subject for event in events))


readers.register(Pager())
"""
READER_USED = """
import sys
from datetime import UTC, datetime
from common.store.engine.session import Database
from common.store.engine.upgrade import upgrade
from common.store.state import faults
from common.store.state.faults import StoredFault
from scheduler.loop.listening import Listening
from scheduler.readers import readers

database = Database(f"sqlite:///{sys.argv[1]}/hub.db")
upgrade(database)
listening = Listening(database, readers())
listening.tick()
with database.write() as connection:
    fault = StoredFault("x", {"message": "words"}, project="")
    faults.add(connection, "web.yaml", fault, now=datetime(2026, 1, 1, tzinfo=UTC))
listening.tick()
database.dispose()
"""

PROVIDER = """
from common.credentials import chain


class Vault:
    def get(self, ref):
        return {"token": ref.encode()}


chain.register(lambda settings: Vault())
"""
PROVIDER_USED = """
import sys
from pathlib import Path
from common.credentials import provider_from
from common.settings import Settings

print(provider_from(Settings(home=Path(sys.argv[1]))).get("git/any"))
"""


@pytest.mark.parametrize(
    ("added", "used", "seen"),
    [
        pytest.param(HEALTH_RULE, HEALTH_RULE_USED, "degraded lamp.dark healthy\n", id="health rule"),
        pytest.param(GATE, GATE_USED, "window.closed | no run before 06:00\nlook write write\n", id="hold code"),
        pytest.param(READER, READER_USED, "web.yaml\n", id="event reader"),
        pytest.param(PROVIDER, PROVIDER_USED, "{'token': b'git/any'}\n", id="credentials provider"),
    ],
)
def test_one_registration_is_all_that_an_addition_takes(tmp_path: Path, added: str, used: str, seen: str) -> None:
    (tmp_path / "addition.py").write_text(added)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    ran = subprocess.run(
        (sys.executable, "-c", f"import addition\n{used}", str(tmp_path)),
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == (seen, "")
