"""The table of what may be written when, made from the code and compared with the page."""

from __future__ import annotations

import ast
from pathlib import Path

from common.domain.admission import Allow, Wish, admit, gates
from common.domain.fleet import ApplicationState, Cluster, ClusterState, Placement, SyncMode
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason
from tests.factories import NOW, application, cluster, fleet

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/admission.md"
_BEGIN, _END = "<!-- table -->\n", "<!-- end -->\n"
_COLUMNS = {
    "new revision, retry": (Trigger.REVISION, Trigger.RETRY),
    "drift": (Trigger.DRIFT,),
    "a person's sync": (Trigger.MANUAL,),
    "an approved removal": (Trigger.APPROVAL,),
    "a person's check": (Trigger.CHECK,),
    "leaving": (Trigger.LEAVING,),
}


def _placement(
    state: ClusterState = ClusterState.ACTIVE,
    mode: SyncMode = SyncMode.ENFORCE,
    *,
    retired: bool = False,
    removed: bool = False,
    blocked: str = "",
) -> Placement:
    life = ApplicationState.RETIRED if retired else ApplicationState.ACTIVE
    web = application("web", mode=mode, state=life, blocked=blocked)
    found = fleet([cluster("eu", state, removed=removed)], [web]).placement(PlacementRef("eu", "web"))
    assert found is not None
    return found


class _Situation:
    """What the registry and SQL say, whoever asks."""

    def __init__(
        self,
        words: str,
        placement: Placement | None,
        *,
        blocked: Reason = NONE,
        paused: bool = False,
        begun: bool = False,
        owner: str = "",
        again: bool = False,
    ) -> None:
        self.words = words
        self._placement, self._blocked, self._paused, self._begun = placement, blocked, paused, begun
        self._owner, self._again = owner, again

    def answer(self, trigger: Trigger) -> str:
        """Return what ``admit`` says to a wish."""
        at: Cluster = self._placement.cluster if self._placement is not None else cluster("eu")
        leaves = trigger is Trigger.LEAVING and not self._again
        state = PlacementState.LEAVING if leaves else PlacementState.PLACED
        wish = Wish(
            trigger,
            state,
            self._placement,
            at,
            self._owner,
            NOW,
            blocked=self._blocked,
            paused=self._paused,
            agreed=trigger is Trigger.MANUAL,
            begun=self._begun,
        )
        admitted = admit(wish)
        return admitted.permit.value if isinstance(admitted, Allow) else f"`{admitted.hold.code}`"


_SITUATIONS = (
    _Situation("another cluster answers at its address", _placement(), blocked=Reason(Hold.IDENTITY_CHANGED)),
    _Situation("another cluster of the registry is the same one", _placement(), blocked=Reason(Hold.SAME_CLUSTER)),
    _Situation("nothing places it", None),
    _Situation("another project wrote its objects", _placement(), owner="another"),
    _Situation("its cluster is joining", _placement(ClusterState.JOINING)),
    _Situation("its cluster is frozen", _placement(ClusterState.FROZEN)),
    _Situation("its cluster's document is gone", _placement(removed=True)),
    _Situation("its cluster is draining", _placement(ClusterState.DRAINING)),
    _Situation("its cluster is retired", _placement(ClusterState.RETIRED)),
    _Situation("its application is held back", _placement(blocked="its project forbids it")),
    _Situation("its application is retired", _placement(retired=True)),
    _Situation("it is paused", _placement(), paused=True),
    _Situation("`sync.mode` is `manual`", _placement(mode=SyncMode.MANUAL)),
    _Situation("`sync.mode` is `warn`", _placement(mode=SyncMode.WARN)),
    _Situation("it was to leave, and is wanted again since", _placement(), again=True),
    _Situation("none of these", _placement()),
    _Situation(
        "the run has written before, and `sync.mode` is `manual` now", _placement(mode=SyncMode.MANUAL), begun=True
    ),
    _Situation("the run has written before, and it is paused now", _placement(), paused=True, begun=True),
)


def table() -> str:
    """Return the table as the page has it."""
    rows = [f"| | {' | '.join(_COLUMNS)} |", "| --- |" + " --- |" * len(_COLUMNS)]
    for situation in _SITUATIONS:
        cells = []
        for triggers in _COLUMNS.values():
            (said,) = {situation.answer(trigger) for trigger in triggers}
            cells.append(said)
        rows.append(f"| {situation.words} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def test_the_page_has_the_table_that_the_code_makes() -> None:
    page = PAGE.read_text()
    assert page.split(_BEGIN)[1].split(_END)[0] == table()


def test_every_hold_that_the_decision_knows_is_in_the_table() -> None:
    """A clause that is added to it is a row that is missing here."""
    decision = ast.parse((ROOT / "common/domain/admission/decision.py").read_text())
    named = {
        node.attr
        for node in ast.walk(decision)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Hold"
    }
    known = {Hold[name].value for name in named} | {gate.code for gate in gates()}
    assert {code for code in known if f"| `{code}` |" not in table()} == set()
    assert len(known) > 10


def test_every_trigger_has_a_column() -> None:
    assert {trigger for triggers in _COLUMNS.values() for trigger in triggers} == set(Trigger)


def test_every_hold_is_explained_once() -> None:
    page = PAGE.read_text()
    codes = {*Hold, *(gate.code for gate in gates())}
    assert sorted(code for code in codes if page.count(f"\n| `{code}` |") != 1) == []
