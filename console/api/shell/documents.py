"""The pages as they are sent: one document for all of them, without data, and the files that it names.

Whoever asks gets them: what is in them is the same for everybody, and data come from ``/api/v1`` alone. So a link from
another site opens here although its request carries no session of ours.
"""

from __future__ import annotations

import mimetypes
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from console.api.contract.errors import NotFoundError
from console.api.serving.paths import ASSETS, SECTIONS

_PLACE = "%NONCE%"
_FOREVER = "public, max-age=31536000, immutable"
"""A file's name has a digest of its content."""
MOST_READ = 200
"""Characters of a header that are looked at."""
UNBUILT = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Flotilla</title><link rel="stylesheet" href="/static/style.css"></head>
<body><main>
<h1>The console's pages are not built</h1>
<p>This is a checkout. Build them, then start the hub again:</p>
<pre>make web</pre>
<p>Until then, <code>flotilla status</code> says in a terminal what they would show.</p>
</main></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, as it is and compressed; ``packed`` is empty where that saves nothing."""

    content: bytes
    packed: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Built:
    """The pages that were built.

    Attributes:
        document: with a place for the nonce; empty where nothing was built.
        assets: by their names.
    """

    document: str
    assets: dict[str, Asset]


def load(folder: Path) -> Built:
    """Return what was built into a folder; nothing where there is none."""
    document = folder / "index.html"
    if not document.is_file():
        return Built("", {})
    files = {one.name: one for one in (folder / "assets").iterdir()}
    assets = {name: _asset(one, files.get(f"{name}.gz")) for name, one in files.items() if one.suffix != ".gz"}
    return Built(document.read_text(), assets)


def _asset(path: Path, packed: Path | None) -> Asset:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(path.read_bytes(), b"" if packed is None else packed.read_bytes(), media_type)


def takes_gzip(accepted: str) -> bool:
    """Return whether a header ``Accept-Encoding`` takes gzip: named, and not with a weight of 0."""
    for one in accepted[:MOST_READ].lower().split(","):
        name, _, weight = one.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def policy(nonce: str) -> str:
    """Return what a page may load: scripts from here alone, style elements by the nonce of this very answer."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def page(built: Built, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return the document of all pages."""
    if not built.document:
        return Response(UNBUILT, HTTPStatus.SERVICE_UNAVAILABLE, media_type="text/html; charset=utf-8")
    nonce = secrets.token_urlsafe(16)
    headers = {"Content-Security-Policy": policy(nonce)}
    return Response(built.document.replace(_PLACE, nonce), status, headers, "text/html; charset=utf-8")


def is_read_by_people(scope: Scope) -> bool:
    """Return whether a browser shows the answer to somebody: it takes HTML, and asks for nothing of the API."""
    accepted = Headers(scope=scope).get("accept", "")[:MOST_READ].lower()
    return scope["method"] in {"GET", "HEAD"} and not scope["path"].startswith("/api/") and "text/html" in accepted


def otherwise(built: Built, refuse: ASGIApp) -> ASGIApp:
    """Return what answers where no route is: the page that says so, and to programs what ``refuse`` says."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        shown = scope["type"] == "http" and is_read_by_people(scope)
        await (page(built, HTTPStatus.NOT_FOUND) if shown else refuse)(scope, receive, send)

    return answer


def routes(built: Built) -> list[BaseRoute]:
    """Return the routes of all pages and their files; they are no part of the API."""

    async def get_page(request: Request) -> Response:  # noqa: ARG001 - the framework's signature
        return page(built)

    async def get_asset(request: Request) -> Response:
        asset = built.assets.get(request.path_params["name"])
        if asset is None:
            message = "there is no such file"
            raise NotFoundError(message)
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        if asset.packed and takes_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.packed, headers=headers, media_type=asset.media_type)
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    below = [f"/{section}/{{rest:path}}" for section in sorted(SECTIONS) if section]
    pages = [*(f"/{section}" for section in sorted(SECTIONS)), *below]
    return [Route(f"{ASSETS}{{name}}", get_asset), *(Route(path, get_page) for path in pages)]
