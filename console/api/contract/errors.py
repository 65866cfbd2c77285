"""What the API refuses a request for: each class has its code and the status that it is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from common.domain.approvals import Refusal
from common.domain.errors import PermanentError

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class At(NamedTuple):
    """What is wrong with one part of a request.

    Attributes:
        pointer: JSON Pointer (RFC 6901) into the request, whose members are ``path``, ``query``, ``header`` and
            ``body``.
        detail: what is wrong there.
    """

    pointer: str
    detail: str


def pointer(*parts: object) -> str:
    """Return the JSON Pointer to a part of a request; each part is cut to 100 characters."""
    return "".join("/" + str(part)[:100].replace("~", "~0").replace("/", "~1") for part in parts)


class RequestError(PermanentError):
    """A request cannot be answered as it is.

    Args:
        message: what is wrong.
        remedy: what the caller can do about it.
        at: which parts of the request are wrong, where that is known.

    Attributes:
        headers: that the answer has besides.
    """

    code: ClassVar[str] = "request.invalid"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNPROCESSABLE_ENTITY
    headers: Mapping[str, str] = NO_HEADERS

    def __init__(self, message: str, *, remedy: str = "", at: tuple[At, ...] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.at = at


class MalformedError(RequestError):
    """A request has a form that two readers may understand differently, or that names nothing."""

    code: ClassVar[str] = "request.malformed"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class TooLargeError(RequestError):
    """The body of a request is larger than its path takes."""

    code: ClassVar[str] = "request.too-large"
    status: ClassVar[HTTPStatus] = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    headers = MappingProxyType({"Connection": "close"})


class NotFoundError(RequestError):
    """The path of a request names something that does not exist, or that the caller may not read."""

    code: ClassVar[str] = "not-found"
    status: ClassVar[HTTPStatus] = HTTPStatus.NOT_FOUND


class MethodError(RequestError):
    """A path does not take the method of a request."""

    code: ClassVar[str] = "method.unknown"
    status: ClassVar[HTTPStatus] = HTTPStatus.METHOD_NOT_ALLOWED


class UnknownValueError(RequestError):
    """A value of a request is none of those that there are."""

    code: ClassVar[str] = "value.unknown"


class OtherPageError(RequestError):
    """What a request gives as ``after`` ended a page of another list, or of this one with other filters."""

    code: ClassVar[str] = "page.other"

    def __init__(self) -> None:
        remedy = "Begin without after: a page goes on where the one before had the same filters."
        super().__init__("after is of a page of other rows", remedy=remedy)


class ExportsError(RequestError):
    """As many lists are being sent as files as one viewer, or this process, may have."""

    code: ClassVar[str] = "exports.too-many"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS
    headers = MappingProxyType({"Retry-After": "30"})

    def __init__(self) -> None:
        super().__init__("too many lists are being read as files", remedy="Read one to its end, then the next.")


class AmbiguousError(RequestError):
    """A name of a request belongs to several."""

    code: ClassVar[str] = "ambiguous"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class UnauthenticatedError(RequestError):
    """A request does not show who asks, or shows nothing that counts."""

    code: ClassVar[str] = "auth.missing"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})


class ForbiddenError(RequestError):
    """The caller may read it, and lacks the right to what was asked."""

    code: ClassVar[str] = "auth.forbidden"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class SelfApprovalError(ForbiddenError):
    """The project wants a person to approve, and another one than whose request led to it.

    Args:
        project: that wants it.
        why: the caller is refused.
    """

    code: ClassVar[str] = "approval.by-self"

    def __init__(self, project: str, why: Refusal) -> None:
        message, remedy = _NOT_BY_SELF[why]
        super().__init__(message.format(project=project), remedy=remedy)


_NOT_BY_SELF: Mapping[Refusal, tuple[str, str]] = {
    Refusal.OWN: (
        "your own request led to it, and project {project} wants another person to approve",
        "Have somebody else approve it; you may reject it.",
    ),
    Refusal.UNKNOWN: (
        "nobody knows whose request led to it, and project {project} wants another person to approve",
        "Reject it, and sync again: what is asked for then has a name.",
    ),
    Refusal.NO_PERSON: (
        "project {project} wants a person to approve, and your token is nobody's",
        "Have somebody approve it who has signed in, or with a token of their own.",
    ),
}


class OtherSiteError(RequestError):
    """A browser's request to change something did not come from the hub's own pages."""

    code: ClassVar[str] = "auth.other-site"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class ThrottledError(RequestError):
    """The source of a request guessed too often.

    Args:
        wait: seconds after which it may try again.
        message: what there was too much of.
    """

    code: ClassVar[str] = "auth.throttled"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, wait: int, message: str = "too many wrong tokens") -> None:
        super().__init__(message, remedy=f"wait {wait} seconds")
        self.headers = {"Retry-After": str(wait)}


class StaleIntentError(RequestError):
    """A request would do something else by now than what its caller has seen."""

    code: ClassVar[str] = "intent.stale"
    status: ClassVar[HTTPStatus] = HTTPStatus.PRECONDITION_FAILED

    def __init__(self) -> None:
        super().__init__("it would do something else by now", remedy="Look at the preview again.")


class UnseenIntentError(RequestError):
    """A request is about several placements, or removes something, and its caller does not show to have seen what."""

    code: ClassVar[str] = "intent.unseen"
    status: ClassVar[HTTPStatus] = HTTPStatus.PRECONDITION_REQUIRED

    def __init__(self) -> None:
        remedy = "Ask with preview=true, and give the ETag as If-Match."
        super().__init__("this needs the ETag of its preview", remedy=remedy)


class KeyRunningError(RequestError):
    """The same request, by the same Idempotency-Key, was under way."""

    code: ClassVar[str] = "idempotency.running"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("the same request was under way", remedy="Ask again with the same key.")


_LATER_AND_ANEW = MappingProxyType({"Retry-After": "30", "Connection": "close"})
"""A connection that was to be a stream and idles instead would keep a request of the same address out."""


class StreamsError(RequestError):
    """A viewer, or their address, has as many event streams open as it may."""

    code: ClassVar[str] = "streams.too-many"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS
    headers = _LATER_AND_ANEW


class StreamsFullError(RequestError):
    """All together have as many event streams open as this process serves."""

    code: ClassVar[str] = "streams.full"
    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    headers = _LATER_AND_ANEW


class GatewayError(RequestError):
    """A server behind the hub does not answer."""

    code: ClassVar[str] = "gateway.silent"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_GATEWAY


class ServerError(RequestError):
    """The hub failed at a request for a cause that nobody foresaw."""

    code: ClassVar[str] = "server.failed"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
