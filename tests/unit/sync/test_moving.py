"""Objects that go from one placement to another: who releases them, and what the engine does about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common.domain.codes import ObjectReason
from common.domain.holds import Taking
from common.domain.inventory import InventoryItem
from common.domain.placements import PlacementState
from common.domain.reasons import nested, sentence
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import Reason
from tests.factories import revision
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, annotated, config_map, details
from workers.sync.errors import ClaimedError
from workers.sync.objects.moving import Claims, Held, Hold, Owner, held_by, left_by
from workers.sync.requests import Phase
from workers.sync.results import Ending

BANK = PlacementRef("alpha", "bank")
OWNED = {"owner": str(BANK)}
WAITS = Reason(Taking.MAY, {"placement": str(BANK), "why": nested(Reason(Taking.UNREAD))})
NEW, OLD = ("s2", "p"), ("s1", "p")
ROW = InventoryItem(ObjectId("", "ConfigMap", "default", "settings"), "v1", uid="u")
LEFT = replace(ROW, wanted=False, left_by=left_by(NEW))
PLACED = PlacementState.PLACED


@pytest.mark.parametrize(
    ("owner", "item", "hold"),
    [
        (Owner(BANK, PLACED, NEW, NEW), ROW, Hold.RENDERED),
        (Owner(BANK, PLACED, NEW, NEW), LEFT, Hold.FREE),
        (Owner(BANK, PLACED, NEW, NEW), None, Hold.FREE),
        (Owner(BANK, PLACED, NEW, OLD), ROW, Hold.LATER),
        (Owner(BANK, PLACED, NEW, OLD), None, Hold.LATER),
        (Owner(BANK, PLACED, NEW, OLD), LEFT, Hold.FREE),
        (Owner(BANK, PLACED, NEW, None), LEFT, Hold.FREE),
        # Left out by a former revision; the wanted one may render it again.
        (Owner(BANK, PLACED, NEW, OLD), replace(LEFT, left_by=left_by(OLD)), Hold.LATER),
        (Owner(BANK, PLACED, NEW, NEW), replace(LEFT, left_by=""), Hold.FREE),
        (Owner(BANK, PLACED, None, OLD), ROW, Hold.LATER),
        (Owner(BANK, PLACED, NEW, NEW, running=True), LEFT, Hold.LATER),
        (Owner(BANK, PlacementState.RETAINED, NEW, NEW), ROW, Hold.FREE),
        (Owner(BANK, PlacementState.LEAVING, None, OLD), ROW, Hold.FREE),
        (Owner(BANK, PlacementState.LEFT, None, None), None, Hold.FREE),
        (Owner(BANK, PlacementState.LEAVING, None, OLD, running=True), ROW, Hold.LATER),
    ],
)
def test_an_owner_releases_what_its_wanted_revision_does_not_render(
    owner: Owner, item: InventoryItem | None, hold: Hold
) -> None:
    assert held_by(owner, item).hold is hold


@pytest.fixture
def bank(cluster: FakeCluster) -> Site:
    """Return another placement that owns a ConfigMap."""
    bank = Site(cluster, BANK)
    bank.sync(config_map(key="bank", old="x"))
    return bank


def uid(cluster: FakeCluster) -> str:
    return str(cluster.show("ConfigMap", "settings")["metadata"]["uid"])


def test_what_is_released_is_taken_over_with_its_uid_before_the_first_write(
    site: Site, bank: Site, cluster: FakeCluster
) -> None:
    (item,) = bank.journal.inventory.values()
    site.journal.others[BANK] = Held(Hold.FREE, item=item)
    before = uid(cluster)
    result = site.sync(config_map(key="shop"), config_map("fine"))
    assert actions(result) == {"ConfigMap/settings": "configured", "ConfigMap/fine": "created"}
    assert details(result)["ConfigMap/settings"] == "taken over from alpha/bank"
    assert site.journal.taken == {item.object: BANK}
    assert uid(cluster) == before
    shown = cluster.show("ConfigMap", "settings")
    assert shown["data"] == {"key": "shop"}, "what only the former owner had goes"
    assert shown["metadata"]["annotations"]["flotilla.dev/owner"].startswith("acme/alpha/shop:")
    assert set(actions(site.sync(config_map(key="shop"), config_map("fine"))).values()) == {"unchanged"}


def test_an_attempt_that_died_between_the_two_is_taken_up(site: Site, bank: Site, cluster: FakeCluster) -> None:
    (item,) = bank.journal.inventory.values()
    site.journal.inventory[item.object] = item
    assert actions(site.sync(config_map(key="shop"))) == {"ConfigMap/settings": "configured"}
    assert cluster.show("ConfigMap", "settings")["data"] == {"key": "shop"}


@pytest.mark.parametrize("wave", ["", "1"])
def test_while_it_is_not_released_nothing_of_the_wave_is_written_and_what_it_leaves_is_told(
    site: Site, bank: Site, cluster: FakeCluster, wave: str
) -> None:
    del bank
    site.sync(config_map("mine"))
    site.journal.others[BANK] = Held(Hold.LATER, Reason(ObjectReason.OWNER_BEHIND, OWNED))
    wanted: list[dict[str, Any]] = [config_map(key="shop"), config_map("fine")]
    if wave:
        wanted = [annotated(one, flotilla_wave=wave) for one in wanted]
    result = site.sync(*wanted, revision=revision("s", "p"))
    assert result.ending is Ending.WAITING
    assert [one.name for one in result.awaits] == ["settings"]
    assert sentence(result.reason).endswith("settings: alpha/bank owns it and has not run its wanted revision yet")
    assert cluster.names("ConfigMap") == {"settings", "mine"}
    mine = site.journal.inventory[ObjectId("", "ConfigMap", "default", "mine")]
    assert (mine.wanted, mine.left_by) == (False, "s:p")


def test_it_goes_on_once_it_is_released_and_prunes_then(site: Site, bank: Site, cluster: FakeCluster) -> None:
    (item,) = bank.journal.inventory.values()
    site.sync(config_map("mine"))
    site.journal.others[BANK] = Held(Hold.FREE, item=item)
    result = site.sync(config_map(key="shop"), phase=Phase.RESUME, awaited=frozenset({item.object}))
    assert result.ending is Ending.SUCCEEDED
    assert actions(result) == {"ConfigMap/settings": "configured", "ConfigMap/mine": "pruned"}
    assert cluster.names("ConfigMap") == {"settings"}


def test_one_of_another_project_is_asked_for(site: Site, bank: Site, cluster: FakeCluster) -> None:
    del bank
    site.journal.others[BANK] = Held(Hold.ASK, Reason(ObjectReason.OWNER_ASKED, OWNED | {"project": "a"}))
    result = site.sync(config_map(key="shop"), config_map("fine"))
    assert result.ending is Ending.NEEDS_APPROVAL
    assert {one.name: ref for one, ref in result.asks.items()} == {"settings": BANK}
    assert cluster.names("ConfigMap") == {"settings"}


@pytest.mark.parametrize("known", [True, False])
def test_what_its_owner_renders_stays_a_conflict(site: Site, bank: Site, cluster: FakeCluster, *, known: bool) -> None:
    del bank
    if known:
        site.journal.others[BANK] = Held(Hold.RENDERED, Reason(ObjectReason.OWNER_RENDERS, OWNED))
    result = site.sync(config_map(key="shop"), config_map("fine"))
    assert (result.ending, result.error_code) == (Ending.FAILED, "apply.owned")
    assert details(result)["ConfigMap/settings"].startswith("conflict: owned by ")
    assert cluster.names("ConfigMap") == {"settings"}


def test_another_fleet_and_another_cluster_are_never_asked(site: Site, cluster: FakeCluster) -> None:
    Site(cluster, BANK, fleet="other").sync(config_map("a"))
    Site(cluster, PlacementRef("beta", "bank")).sync(config_map("b"))
    site.journal.others[BANK] = Held(Hold.FREE)
    result = site.sync(config_map("a"), config_map("b"))
    assert set(actions(result).values()) == {"conflict"}


def test_what_another_one_takes_over_is_not_removed(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map("moved"), config_map("gone"), config_map("kept"))
    moved = ObjectId("", "ConfigMap", "default", "moved")
    site.journal.claimed = Claims({moved: BANK})
    result = site.sync(config_map("kept"))
    assert details(result)["ConfigMap/moved"] == "not removed: alpha/bank takes it over"
    assert cluster.names("ConfigMap") == {"moved", "kept"}
    assert moved in site.journal.inventory
    with pytest.raises(ClaimedError, match="alpha/bank takes over /ConfigMap:default/moved"):
        site.sync(phase=Phase.REMOVE)


def test_nothing_is_removed_while_others_may_still_want_it(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map("moved"), config_map("kept"))
    site.journal.claimed = Claims({}, WAITS)
    with pytest.raises(ClaimedError, match="nothing is removed yet: alpha/bank has not looked at") as caught:
        site.sync(config_map("kept", key="2"))
    assert caught.value.reason.params["why"] == nested(WAITS)
    assert cluster.show("ConfigMap", "kept")["data"] == {"key": "2"}
    assert cluster.names("ConfigMap") == {"moved", "kept"}


@pytest.mark.parametrize("phase", [Phase.APPLY, Phase.CHECK])
def test_all_that_a_revision_renders_is_told_whatever_comes_of_it(site: Site, bank: Site, phase: Phase) -> None:
    del bank
    site.journal.others[BANK] = Held(Hold.LATER, Reason(ObjectReason.OWNER_BEHIND, OWNED))
    later = config_map("later")
    later["metadata"]["annotations"] = {"flotilla.dev/wave": "1"}
    site.sync(config_map(key="shop"), later, phase=phase)
    assert {one.name for one in site.journal.rendered} == {"settings", "later"}


def test_what_the_former_name_left_is_pruned_with_what_is_ours(site: Site, bank: Site, cluster: FakeCluster) -> None:
    site.sync(config_map("mine"))
    site.journal.former_items = tuple(bank.journal.inventory.values())
    result = site.sync(config_map("mine"), former=BANK)
    assert actions(result) == {"ConfigMap/mine": "unchanged", "ConfigMap/settings": "pruned"}
    assert cluster.names("ConfigMap") == {"mine"}


def test_what_took_the_place_of_what_the_former_name_left_stays(site: Site, bank: Site, cluster: FakeCluster) -> None:
    (item,) = bank.journal.inventory.values()
    site.journal.former_items = (replace(item, uid="another"),)
    site.sync(config_map("mine"), former=BANK)
    assert cluster.names("ConfigMap") == {"mine", "settings"}
