"""How long the reaper waits after it could not look."""

from __future__ import annotations

from datetime import timedelta

from common.store.queue.reaper import Patience

LEASE = timedelta(seconds=20)


def _after(*contacts: float) -> Patience:
    state = Patience()
    for contact in contacts:
        state = state.reached(contact, lease=LEASE)
    return state


def test_the_reaper_waits_for_one_whole_lease_of_contact() -> None:
    assert not Patience().suffices(lease=LEASE)
    assert not _after(100.0).suffices(lease=LEASE)
    assert not _after(100, 109, 118, 119.9).suffices(lease=LEASE)
    assert _after(100, 109, 118, 120).suffices(lease=LEASE)


def test_an_outage_makes_it_begin_anew() -> None:
    patient = _after(100, 110, 120)
    assert patient.suffices(lease=LEASE)
    assert not patient.lost().reached(121, lease=LEASE).suffices(lease=LEASE)


def test_a_pause_of_its_own_makes_it_begin_anew() -> None:
    assert not _after(100, 110, 120, 131).suffices(lease=LEASE)
    assert _after(100, 110, 120, 130).suffices(lease=LEASE)
