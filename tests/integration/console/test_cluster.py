"""Taking a real cluster in from the command line, renewing its token, and looking at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from common.credentials import DirectoryProvider
from common.registry import validate_directory
from common.settings import settings
from console.cli.cluster import AlreadyTakenInError
from console.cli.main import app
from tests.controlplane.runner import ControlPlane
from tests.fakes.proxies import Speaks, proxy
from workers.kube.credentials import parse_kubeconfig

SECRETS = "/api/v1/namespaces/flotilla-system/secrets"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FLOTILLA_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def operator(live_cluster: ControlPlane, tmp_path: Path) -> str:
    return str(live_cluster.write_kubeconfig(tmp_path / "config"))


def flotilla(*words: str, answer: str = "") -> Result:
    result = CliRunner().invoke(app, ["cluster", *words], input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def stored(home: Path) -> str:
    return parse_kubeconfig((home / "credentials/clusters/one/kubeconfig").read_bytes(), "clusters/one").token


def namespaces(cluster: ControlPlane) -> set[str]:
    with cluster.client() as client:
        return {each["metadata"]["name"] for each in client.get("/api/v1/namespaces").json()["items"]}


def test_a_dry_run_prints_the_account_and_does_nothing(live_cluster: ControlPlane, operator: str, home: Path) -> None:
    said = flotilla("add", "one", "--kubeconfig", operator, "--namespaces", "default", "--dry-run").output
    assert "kind: RoleBinding" in said
    assert "What will not work" in said
    assert "flotilla-system" not in namespaces(live_cluster)
    assert not home.exists()


def test_who_says_no_changes_nothing(live_cluster: ControlPlane, operator: str, home: Path) -> None:
    assert flotilla("add", "one", "--kubeconfig", operator, answer="n\n").exit_code == 1
    assert "flotilla-system" not in namespaces(live_cluster)
    assert not (home / "credentials").exists()


def test_a_cluster_taken_in_is_declared_and_checks_out(operator: str, home: Path, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    words = ("add", "one", "--kubeconfig", operator, "--registry", str(fleet), "--label", "env=prod", "--yes")
    said = flotilla(*words).output
    assert stored(home) not in said
    document = yaml.safe_load((fleet / "clusters/one.yaml").read_text())
    assert document["metadata"] == {"name": "one", "labels": {"env": "prod"}}
    assert not [fault for fault in validate_directory(fleet) if fault.file == "clusters/one.yaml"]
    checked = flotilla("check", "one")
    assert checked.exit_code == 0, checked.output
    assert "all that was asked for" in checked.output


def test_a_cluster_is_not_taken_in_twice(operator: str, home: Path) -> None:
    flotilla("add", "one", "--kubeconfig", operator, "--yes")
    before = stored(home)
    with pytest.raises(AlreadyTakenInError, match="already"):
        flotilla("add", "one", "--kubeconfig", operator, "--yes")
    assert stored(home) == before


@pytest.mark.usefixtures("home")
def test_an_account_of_one_namespace_checks_out_there_alone(operator: str) -> None:
    flotilla("add", "one", "--kubeconfig", operator, "--namespaces", "default", "--yes")
    assert flotilla("check", "one", "--namespaces", "default").exit_code == 0
    assert flotilla("check", "one").exit_code == 1


@pytest.mark.parametrize("scope", [(), ("--namespaces", "default")])
def test_rotating_stores_a_token_that_works_and_revokes_the_old(
    live_cluster: ControlPlane, operator: str, home: Path, scope: tuple[str, ...]
) -> None:
    flotilla("add", "one", "--kubeconfig", operator, *scope, "--yes")
    old = stored(home)
    said = flotilla("rotate", "one", "--kubeconfig", operator, "--yes").output
    assert "revoked 1" in said
    assert stored(home) != old
    assert flotilla("check", "one", "--namespaces", "default").exit_code == 0
    with live_cluster.client() as client:
        assert len(client.get(SECRETS).json()["items"]) == 1


def test_a_cluster_behind_a_bastion_is_taken_in_through_its_proxy(operator: str, home: Path, tmp_path: Path) -> None:
    DirectoryProvider(home / "credentials").store("proxies/eu", {"username": b"robot", "password": b"canary"})
    with proxy(Speaks.SOCKS5, user=("robot", "canary")) as through:
        way = ("--proxy", through.url(), "--proxy-credentials", "proxies/eu")
        done = flotilla("add", "one", "--kubeconfig", operator, "--registry", str(tmp_path), *way, "--yes")
        assert "canary" not in done.output
        document = yaml.safe_load((tmp_path / "clusters/one.yaml").read_text())
        assert document["spec"]["proxy"] == {"url": through.url(), "credentials": {"secretRef": "proxies/eu"}}
        assert through.asked, "the new token was tried as the hub will use it"
        through.asked.clear()
        assert flotilla("check", "one", *way).exit_code == 0
        assert through.asked
        assert flotilla("rotate", "one", "--kubeconfig", operator, *way, "--yes").exit_code == 0
    assert flotilla("add", "two", "--kubeconfig", operator, "--proxy", "socks4://b:1", "--yes").exit_code == 2
    assert flotilla("add", "two", "--kubeconfig", operator, "--proxy-credentials", "a", "--yes").exit_code == 2


@pytest.mark.usefixtures("home")
def test_a_person_whose_own_way_leads_through_a_proxy_is_told_to_name_the_hubs(
    live_cluster: ControlPlane, tmp_path: Path
) -> None:
    config = live_cluster.kubeconfig()
    with proxy(Speaks.HTTP) as through:
        config["clusters"][0]["cluster"]["proxy-url"] = through.url()
        (tmp_path / "own").write_text(yaml.safe_dump(config))
        said = flotilla("add", "one", "--kubeconfig", str(tmp_path / "own"), "--dry-run").output
        assert f"You reach it through {through.url()}; give --proxy" in said
        flotilla("add", "one", "--kubeconfig", str(tmp_path / "own"), "--yes")
        assert through.asked, "the person's requests went that way"
