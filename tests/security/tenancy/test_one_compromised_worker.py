"""One compromised worker: whoever may write to the database has nothing removed, or run, in another's name.

Class "one compromised worker": the attacker has the database and no key, or another pool's; the marker is a hook of the
removal, or a removal, that the tenant did not write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from sqlalchemy import select, update

from common.domain.refs import PlacementRef
from common.domain.tenant import Signer, Tenant
from common.store.schema.tables import AuditRow, PlacementRow
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map, job
from tests.harness.seen import jobs, live, until_ended
from tests.security.tenancy.conftest import Sent
from tests.security.tenancy.test_hubs_rights_by_default import drained, in_whose_name, placed

TEAM = Tenant("team", "system:serviceaccount:web:deployer")
OTHER = Tenant("others", "system:serviceaccount:web:mighty")
PLANTED: dict[str, Any] = yaml.safe_load(job("planted", hook="pre-delete", image="example.com/evil:1").rstrip("-\n"))
Kept = Mapping[str, Any]


def kept(hub: StepHub, application: str = "web") -> dict[str, Any]:
    """Return what is kept for the removal of a placement."""
    names = ("delete_hooks", "tenant_project", "tenant_account", "removal_signature", "mark")
    with hub.database.read() as connection:
        found = select(*(PlacementRow.__table__.c[name] for name in names))
        return dict(connection.execute(found.where(PlacementRow.application == application)).mappings().one())


def rewrite(hub: StepHub, **columns: Any) -> None:
    with hub.database.write() as connection:
        connection.execute(update(PlacementRow).where(PlacementRow.application == "web").values(columns))


def mark_of(hub: StepHub) -> str:
    return str(kept(hub)["mark"])


def _changed_hook(hub: StepHub) -> Kept:
    text = json.dumps(kept(hub)["delete_hooks"]).replace("example.com/a:1", "example.com/evil:1")
    return {"delete_hooks": json.loads(text)}


def _another_placements(hub: StepHub) -> Kept:
    """Take what is kept of a placement whose hooks the attacker wrote, the signature with it."""
    hub.git.commit(APPS, {"other/a.yaml": config_map("other", v="1") + job("planted", hook="pre-delete")})
    hub.application("other", more="  project: others\n")
    hub.settle()
    found = kept(hub, "other")
    assert found["removal_signature"]
    return {name: value for name, value in found.items() if name != "mark"}


def _signed_by(key: bytes, tenant: Tenant = TEAM, **of: str) -> Callable[[StepHub], Kept]:
    def made(hub: StepHub) -> Kept:
        signer = Signer(key, PlacementRef("eu", of.get("application", "web")), of.get("mark", mark_of(hub)))
        values = {"delete_hooks": [PLANTED], "tenant_project": tenant.project, "tenant_account": tenant.account}
        return {**values, "removal_signature": signer.sign(tenant, [PLANTED])}

    return made


ATTACKS: dict[str, Callable[[StepHub], Kept]] = {
    "a hook is planted": lambda hub: {"delete_hooks": [*kept(hub)["delete_hooks"], PLANTED]},
    "a hook is another": _changed_hook,
    "a hook is taken away": lambda hub: {"delete_hooks": kept(hub)["delete_hooks"][1:]},
    "all hooks are taken away": lambda _: {"delete_hooks": None},
    "they change places": lambda hub: {"delete_hooks": kept(hub)["delete_hooks"][::-1]},
    "the hub's own account": lambda _: {"tenant_account": ""},
    "another's account": lambda _: {"tenant_account": OTHER.account},
    "another project": lambda _: {"tenant_project": OTHER.project},
    "another project and account": lambda _: {"tenant_project": OTHER.project, "tenant_account": OTHER.account},
    "no signature": lambda _: {"removal_signature": None, "delete_hooks": [PLANTED]},
    "a signature of nothing": lambda _: {"removal_signature": "", "delete_hooks": [PLANTED]},
    "a signature that is no hex": lambda _: {"removal_signature": "é" * 64},
    "another placement's": _another_placements,
    "signed with another pool's key": _signed_by(b"x" * 32),
    "signed for another placement": _signed_by(b"k" * 32, application="other"),
    "signed for another mark": _signed_by(b"k" * 32, mark="m" * 20),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_removed_by_what_no_run_left(hub: StepHub, sent: list[Sent], attack: str) -> None:
    with_hooks(hub)
    hub.git.commit(REGISTRY.repo, {"web.yaml": None})
    hub.settle(2)
    rewrite(hub, **ATTACKS[attack](hub))
    refused(hub, sent)


def with_hooks(hub: StepHub) -> None:
    placed(hub)
    hub.git.commit(APPS, {"web/b.yaml": job("more", hook="pre-delete")})
    hub.settle()
    assert len(kept(hub)["delete_hooks"]) == 2


def refused(hub: StepHub, sent: list[Sent]) -> None:
    """Have the placement removed, and see it refused, told and written down."""
    sent.clear()
    drained(hub)
    of_web = [one for one in sent if one.of_a_run and "/namespaces/web" in one.path]
    assert of_web == []
    failed = next(run for run in hub.runs("eu/web") if run.outcome == "failed")
    assert failed.error_code == "tenant.unproven"
    assert "who can write to the database" in failed.error
    assert live(hub, "eu", "web", "web") is not None
    assert jobs(hub) == {}
    with hub.database.read() as connection:
        (noted,) = connection.execute(select(AuditRow).where(AuditRow.action == "removal.refused")).all()[:1]
    assert noted.subject == "eu/web"
    assert "nothing of eu/web is removed" in noted.detail["why"]


def test_what_was_left_by_a_run_is_carried_out(hub: StepHub, sent: list[Sent]) -> None:
    with_hooks(hub)
    hub.git.commit(REGISTRY.repo, {"web.yaml": None})
    hub.settle(2)
    sent.clear()
    drained(hub)
    assert hub.placement("eu/web").state == "left"
    assert in_whose_name(sent) == {TEAM.account}
    assert {name for name, value in kept(hub).items() if value} == {"mark"}, "nothing stays for a later one"


# -- what was there before signatures, or has another key --------------------------------------------------------------


@pytest.mark.parametrize("signature", [None, "0" * 64], ids=["unsigned", "another key"])
def test_the_next_sync_signs_what_it_leaves(hub: StepHub, signature: str | None) -> None:
    with_hooks(hub)
    rewrite(hub, removal_signature=signature)
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle()
    hub.git.commit(REGISTRY.repo, {"web.yaml": None})
    hub.settle(2)
    drained(hub)
    assert hub.placement("eu/web").state == "left"


def test_the_one_sync_a_day_signs_it_by_itself(hub: StepHub) -> None:
    with_hooks(hub)
    rewrite(hub, removal_signature=None, full_check_due_at=datetime(2020, 1, 1, tzinfo=UTC))
    hub.make_due()
    hub.settle()
    assert kept(hub)["removal_signature"]
    assert next(run.outcome for run in hub.runs("eu/web")) == "succeeded"


def test_a_run_that_fails_signs_nothing_that_it_did_not_leave(hub: StepHub) -> None:
    with_hooks(hub)
    rewrite(hub, delete_hooks=[PLANTED], tenant_account=OTHER.account)
    before = kept(hub)
    hub.git.commit(APPS, {"web/c.yaml": job("break", hook="pre-sync", image="example.com/a:broken")})
    hub.settle()
    assert until_ended(hub).error_code.startswith("hook.")
    assert kept(hub) == before


# -- the signature -----------------------------------------------------------------------------------------------------

SIGNER = Signer(b"k" * 32, PlacementRef("eu", "web"), "m" * 20)


def test_a_signature_covers_each_of_what_it_is_over_and_where_one_ends() -> None:
    hooks = [PLANTED]
    signed = SIGNER.sign(TEAM, hooks)
    others = [
        replace(SIGNER, key=b"l" * 32).sign(TEAM, hooks),
        replace(SIGNER, ref=PlacementRef("us", "web")).sign(TEAM, hooks),
        replace(SIGNER, ref=PlacementRef("eu", "web2")).sign(TEAM, hooks),
        replace(SIGNER, mark="n" * 20).sign(TEAM, hooks),
        SIGNER.sign(OTHER, hooks),
        SIGNER.sign(Tenant("teams", "ystem:serviceaccount:web:deployer"), hooks),
        SIGNER.sign(replace(TEAM, account=""), hooks),
        SIGNER.sign(TEAM, []),
        SIGNER.sign(TEAM, [PLANTED, PLANTED]),
        SIGNER.sign(TEAM, [{**PLANTED, "kind": "CronJob"}]),
    ]
    assert len({signed, *others}) == len(others) + 1
    assert SIGNER.proves(signed, TEAM, tuple(hooks))
    assert not SIGNER.proves("é", TEAM, hooks)
