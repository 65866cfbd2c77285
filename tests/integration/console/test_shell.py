"""The pages' document and files: given to anybody, since nothing of the fleet is in them, and bound by a policy."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from common.settings import Settings
from common.store.engine.session import Database
from console.api import app as hub
from console.api.app import create_app
from console.api.serving.paths import SECTIONS
from console.api.shell.documents import takes_gzip

ROOT = Path(__file__).parents[3]
DOCUMENT = '<meta name="csp-nonce" content="%NONCE%"><script type="module" src="/assets/index-a1.js"></script>'
SCRIPT = b"console.log(1);" * 100
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of built pages, made of a document and two files."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(DOCUMENT)
    (folder / "assets" / "index-a1.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-a1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "icon-b2.svg").write_text("<svg/>")
    monkeypatch.setattr(hub, "BUILT", folder)
    return folder


@pytest.fixture
def app(sqlite_database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), sqlite_database, token="a-token-of-this-test")


@pytest.fixture
async def stranger(built: Path, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001 - built before
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/x", "/placements/eu/web", "/placements/%3Cscript%3E/a%2Fb"])
async def test_every_page_is_the_same_document(stranger: httpx.AsyncClient, path: str) -> None:
    answer = await stranger.get(path)
    assert answer.status_code == httpx.codes.OK
    found = re.fullmatch(re.escape(DOCUMENT).replace("%NONCE%", "([A-Za-z0-9_-]{22})"), answer.text)
    assert found is not None
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'self' 'nonce-{found[1]}';" in policy
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_nonce_comes_twice(stranger: httpx.AsyncClient) -> None:
    assert len({(await stranger.get("/")).headers["content-security-policy"] for _ in range(20)}) == 20


async def test_a_page_takes_no_writes(stranger: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert (await stranger.request(method, "/runs")).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/nosuch", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("/no/such/page", "text/html", "text/html"),
        ("/nosuch", "*/*", "application/problem+json"),
        ("/nosuch", "application/json", "application/problem+json"),
        ("/api/v1/nosuch", "text/html", "application/problem+json"),
    ],
)
async def test_who_is_nowhere_is_told_so_in_their_own_form(
    stranger: httpx.AsyncClient, path: str, accept: str, kind: str
) -> None:
    headers = {"Accept": accept, "Authorization": "Bearer a-token-of-this-test"}
    answer = await stranger.get(path, headers=headers)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.headers["content-type"].partition(";")[0] == kind
    if kind == "text/html":
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    assert (await stranger.post(path, headers=headers)).status_code == httpx.codes.NOT_FOUND


async def test_files_are_kept_for_ever_and_packed_for_who_takes_it(stranger: httpx.AsyncClient) -> None:
    packed = await stranger.get("/assets/index-a1.js", headers={"Accept-Encoding": "br, gzip"})
    plain = await stranger.get("/assets/index-a1.js", headers={"Accept-Encoding": "identity"})
    assert (packed.content, plain.content) == (SCRIPT, SCRIPT)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    for answer in (packed, plain):
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
    icon = await stranger.get("/assets/icon-b2.svg")
    assert icon.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("name", ["index.html", "..%2Findex.html", "index-a1.js.gz", "a/b", ""])
async def test_no_other_file_is_given(stranger: httpx.AsyncClient, name: str) -> None:
    answer = await stranger.get(f"/assets/{name}")
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert "immutable" not in answer.headers["cache-control"]


async def test_a_checkout_without_pages_says_how_to_build_them(
    app: FastAPI, tmp_path: Path, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "BUILT", tmp_path / "none")
    app = create_app(Settings(home=tmp_path), sqlite_database, token="a-token-of-this-test")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as client:
        answer = await client.get("/placements/eu/web")
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "make web" in answer.text
        style = re.findall(r'href="([^"]+)"', answer.text)
        assert [(await client.get(one)).status_code for one in style] == [httpx.codes.OK]


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True), ("GZip, br", True), ("br;q=1, gzip;q=0.5", True), ("gzip; q=0.001", True),
        ("gzip;q=0", False), ("gzip; q=0.000, br", False), ("", False), ("br", False), ("xgzip", False),
        ("a," * 500 + "gzip", False),
    ],
)  # fmt: skip
def test_who_takes_gzip(accepted: str, takes: bool) -> None:  # noqa: FBT001 - a table
    assert takes_gzip(accepted) is takes


def test_the_hub_knows_the_paths_of_all_pages() -> None:
    text = (ROOT / "console" / "web" / "src" / "app" / "router.tsx").read_text()
    assert {path.split("/")[1] for path in re.findall(r"path: '(/[^']*)'", text)} == SECTIONS
