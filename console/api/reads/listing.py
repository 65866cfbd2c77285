"""How every list is asked for: a page of it from some place on, or all of it as a file; of each row all, or a part.

What a page gives as ``after`` is of one list with its filters: it goes on in no other, which would skip rows without a
word. It keeps nobody from anything: each page is cut to what its reader may read by then.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Query, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from common.domain.names import suggestion
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.reads.page import MAX_PAGE, Page
from console.api.contract.errors import ExportsError, OtherPageError, UnknownValueError
from console.api.door.viewer import Asking
from console.api.reads.files import CSV_TYPE, NDJSON_TYPE, as_csv, as_ndjson

T = TypeVar("T")
Read = Callable[[Connection, str, int], Page[T]]
"""Reads a page by where the one before ended, empty for the first, and how many rows it has at most."""
_PAGING = frozenset({"after", "limit", "format", "fields"})
"""Parameters that say how, not what."""
_BOUND = 6
"""Bytes that tell one list with its filters from another."""
_LONGEST = 1_500


class Form(StrEnum):
    """How a list comes."""

    JSON = "json"
    """A page of it."""
    NDJSON = "ndjson"
    """All of it, with a row of JSON a line."""
    CSV = "csv"
    """All of it, for a spreadsheet."""


_TYPES = {Form.NDJSON: NDJSON_TYPE, Form.CSV: CSV_TYPE}
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page, or all rows as a file.",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in _TYPES.values()},
    }
}
"""What a list answers besides a page, for its description."""


class Exports:
    """How many lists one process sends as files at a time: whoever reads slowly keeps one of few, and no thread.

    Args:
        in_all: of everybody.
        of_viewer: of one viewer.
    """

    def __init__(self, in_all: int = 8, of_viewer: int = 2) -> None:
        self._in_all, self._of_viewer = in_all, of_viewer
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}

    def take(self, actor: str) -> None:
        """Count one more of a viewer; whoever counts one says ``give_back`` in the end.

        Raises:
            ExportsError: the viewer has too many, or all together have.
        """
        with self._lock:
            mine = self._open.get(actor, 0)
            is_full = mine >= self._of_viewer or sum(self._open.values()) >= self._in_all
            if not is_full:
                self._open[actor] = mine + 1
        if is_full:
            raise ExportsError

    def give_back(self, actor: str) -> None:
        """Count one less."""
        with self._lock:
            left = self._open.pop(actor) - 1
            if left:
                self._open[actor] = left


class _File(StreamingResponse):
    """A file that gives its place back however it ends."""

    def __init__(self, content: Iterator[bytes], give_back: Callable[[], None], **how: Any) -> None:
        super().__init__(content, **how)
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


class Listing:
    """How a list is asked for; a FastAPI dependency."""

    def __init__(
        self,
        request: Request,
        who: Asking,
        after: Annotated[str, Query(max_length=_LONGEST, description="What the page before gave as `after`.")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Rows of a page.")] = 100,
        form: Annotated[
            Form | None,
            Query(alias="format", description="A page (json), or all of it as ndjson or csv; else Accept says it."),
        ] = None,
        fields: Annotated[
            str, Query(max_length=_LONGEST, description="Of each row these alone, separated by commas.")
        ] = "",
    ) -> None:
        self._request, self._actor, self._limit = request, who.actor, limit
        self._form = form or _accepted(request.headers.get("accept", ""))
        self._fields = tuple(dict.fromkeys(name.strip() for name in fields.split(",") if name.strip()))
        self._bound = _bound(request)
        self._after, self._key = after, _opened(after, self._bound)

    def answer(self, row: type[T], read: Read[T]) -> Page[T] | Response:
        """Return a page of a list, or the whole list as a file.

        Args:
            row: dataclass of the rows.
            read: a page; each is read in a transaction of its own, so that no slow reader holds one open.

        Raises:
            UnknownValueError: ``after`` ended no page, or a row has no such field.
            ExportsError: too many files are sent already.
        """
        names = self._named(row)
        first = self._page(read, self._key, MAX_PAGE if self._form in _TYPES else self._limit)
        if self._form in _TYPES:
            return self._file(names, first, read)
        page = replace(first, after=_opaque(first.after, self._bound))
        if not self._fields:
            return page
        rows = [_part(one, names) for one in page.items]
        return Response(orjson.dumps({"items": rows, "after": page.after}), media_type="application/json")

    def _named(self, row: type[Any]) -> Sequence[str]:
        known = tuple(one.name for one in fields_of(row))
        for name in self._fields:
            if name not in known:
                message = f"a row has no field {name[:100]!r}"
                raise UnknownValueError(message, remedy=suggestion(name, known, ""))
        return self._fields or known

    def _page(self, read: Read[T], key: str, limit: int) -> Page[T]:
        database: Database = self._request.app.state.database
        try:
            with database.read() as connection:
                return read(connection, key, limit)
        except ValueError as error:
            if not key:
                raise
            raise _no_page(self._after) from error

    def _file(self, names: Sequence[str], first: Page[T], read: Read[T]) -> Response:
        exports: Exports = self._request.app.state.exports
        exports.take(self._actor)
        rows = (_part(one, names) for one in self._rows(first, read))
        body = as_csv(names, rows) if self._form is Form.CSV else as_ndjson(rows)
        name = self._request.url.path.rpartition("/")[2]
        headers = {"Content-Disposition": f'attachment; filename="{name}.{self._form.value}"', "Vary": "Accept"}
        return _File(body, lambda: exports.give_back(self._actor), media_type=_TYPES[self._form], headers=headers)

    def _rows(self, page: Page[T], read: Read[T]) -> Iterator[T]:
        yield from page.items
        while page.after:
            page = self._page(read, page.after, MAX_PAGE)
            yield from page.items


def _part(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _accepted(accept: str) -> Form:
    """Return the form that a header asks for first; what it does not name is a page."""
    for part in accept.split(","):
        wanted = part.partition(";")[0].strip().lower()
        for form, kind in _TYPES.items():
            if wanted == kind.partition(";")[0]:
                return form
        if wanted in {"application/json", "*/*"}:
            break
    return Form.JSON


def _bound(request: Request) -> bytes:
    """Return what a list with its filters is known by."""
    filters = sorted(
        (name, value) for name, value in request.query_params.multi_items() if name not in _PAGING and value
    )
    return hashlib.sha256(orjson.dumps([request.url.path, filters])).digest()[:_BOUND]


def _opaque(key: str, bound: bytes) -> str:
    return base64.urlsafe_b64encode(bound + key.encode()).decode().rstrip("=") if key else ""


def _opened(after: str, bound: bytes) -> str:
    if not after:
        return ""
    try:
        raw = base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True)
        of, key = raw[:_BOUND], raw[_BOUND:].decode()
    except (binascii.Error, ValueError) as error:
        raise _no_page(after) from error
    if not key or "\x00" in key:
        raise _no_page(after)
    if of != bound:
        raise OtherPageError
    return key


def _no_page(after: str) -> UnknownValueError:
    message = f"after is {after[:100]!r}, which ended no page"
    return UnknownValueError(message, remedy="give what the page before gave as after, or begin without it")


Listed = Annotated[Listing, Depends()]
