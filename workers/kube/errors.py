"""From what an API server, or whatever answered in its place, said to the errors of the port."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

import msgspec
import urllib3
from kubernetes.client.exceptions import ApiException

from common.clock import SystemClock
from common.domain.errors import FlotillaError, PermanentError, TransientError
from common.domain.foreign import said
from common.domain.redact import cut
from workers.sync.errors import (
    Cause,
    ConflictError,
    DeniedError,
    DryRunUnsupportedError,
    ForbiddenError,
    GarbageError,
    GoneError,
    InvalidError,
    NotFoundError,
    ProxyRefusedError,
    ServerError,
    TerminatingError,
    ThrottledError,
    TimedOutError,
    UnauthorisedError,
    UnreachableError,
)

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises where the answer is not what it should be; nested deep enough, it fails as a recursion does."""
_MOST_CAUSES = 1_000
LONGEST_WAIT = timedelta(minutes=5)
"""No server makes us wait longer than this."""
_DENIED = re.compile(
    r"""^(?P<webhook>admission webhook "[^"]+") denied the request"""
    r"""|(?P<policy>ValidatingAdmissionPolicy '[^']+') with binding '[^']+' denied request"""
)
_PROXY_REFUSES = re.compile(
    r"Tunnel connection failed: 40[37]|SOCKS5 authentication failed|SOCKS5 authentication methods were rejected"
)
_ABSENT = re.compile(r" not found\b|\bno \w+ with name \S+ was found")
_BINDING = re.compile(r'(?:cluster)?rolebindings\.rbac\.authorization\.k8s\.io "')
_WEBHOOK_FAILS = "See whether what is behind that webhook runs: until it does, nothing that it guards can be written."


class _Cause(msgspec.Struct, frozen=True):
    reason: str = ""
    field: str = ""
    message: str = ""


class _Details(msgspec.Struct, frozen=True):
    name: str = ""
    causes: list[_Cause] | None = None


class Status(msgspec.Struct, frozen=True):
    """A ``Status`` object: how an API server refuses."""

    kind: str = ""
    reason: str = ""
    message: str = ""
    details: _Details | None = None

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The details, one by one."""
        found = self.details.causes if self.details is not None else None
        return tuple(Cause(each.reason, each.field, each.message) for each in found or ())


_DECODER: msgspec.json.Decoder[Status] = msgspec.json.Decoder(Status)


class UntrustedError(PermanentError):
    """The server's certificate is not the one that the kubeconfig's authority vouches for."""

    code = "cluster.untrusted"


def from_transport(error: Exception, what: str) -> FlotillaError:
    """Return the error for a request that got no answer.

    Args:
        error: what the client library raised.
        what: the request, for messages: verb and path.
    """
    match error:
        case _ if _PROXY_REFUSES.search(cut(str(error))):
            remedy = "Store the username and password that it wants under its credentials reference, or see its rules."
            return ProxyRefusedError(f"{what}: the proxy does not let us through ({said(error)})", remedy=remedy)
        case urllib3.exceptions.NewConnectionError():  # a kind of ConnectTimeoutError, whatever the reason
            return UnreachableError(f"{what}: {said(error)}")
        case urllib3.exceptions.ReadTimeoutError() | urllib3.exceptions.ConnectTimeoutError() | TimeoutError():
            return TimedOutError(f"{what}: no answer in time")
        case ApiException() | urllib3.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            remedy = "Check certificate-authority-data and the server's name in the kubeconfig."
            return UntrustedError(f"{what}: the server's certificate is not trusted", remedy=remedy)
        case _:
            return UnreachableError(f"{what}: {said(error)}")


def status_of(body: bytes) -> Status | None:
    """Return the Status that ``body`` is, its texts cut; None when it is something else."""
    try:
        status = _DECODER.decode(body)
    except NOT_JSON:
        return None
    many = status.details is not None and len(status.details.causes or ()) > _MOST_CAUSES
    return _shortened(status) if status.kind == "Status" and not many else None


def _shortened(status: Status) -> Status:
    """Return ``status`` with the beginnings of its texts: patterns look at them, and a webhook wrote them."""
    details = status.details
    if details is not None:
        causes = [_Cause(cut(each.reason), cut(each.field), cut(each.message)) for each in details.causes or ()]
        details = _Details(cut(details.name), causes)
    return Status(status.kind, cut(status.reason), cut(status.message), details)


def from_answer(code: int, headers: Mapping[str, str], body: bytes, what: str) -> FlotillaError:
    """Return the error for an answer that is not a success.

    Args:
        code: HTTP status.
        headers: of the answer.
        body: of the answer; a Status where an API server speaks.
        what: the request, for messages.
    """
    status = status_of(body)
    if status is not None and 400 <= code < 500 and (by := _denier(status)):
        # Before all else: it chose the code, and a 401 or 409 of its own says nothing of us or of the object's state.
        return DeniedError(f"{what}: {status.message}", by=by, causes=status.causes)
    if code == 429:
        return ThrottledError(f"{what}: the API server asks to wait", retry_after=retry_after(headers))
    if code == 401:
        remedy = "Renew the token with `flotilla cluster rotate`."
        return UnauthorisedError(f"{what}: the API server does not accept our credentials", remedy=remedy)
    if status is None:
        return _unspoken(code, headers, what)
    return _spoken(code, headers, status, what)


def _denier(status: Status) -> str:
    """Return which webhook or policy refused the object; empty where none did."""
    found = _DENIED.search(status.message)
    return (found["webhook"] or found["policy"]) if found is not None else ""


def _unspoken(code: int, headers: Mapping[str, str], what: str) -> TransientError:
    if code >= 500:
        return ServerError(f"{what}: {code}", retry_after=retry_after(headers))
    return GarbageError(f"{what}: {code}, and not an answer of Kubernetes")


def _spoken(code: int, headers: Mapping[str, str], status: Status, what: str) -> FlotillaError:
    message, causes = f"{what}: {status.message}", status.causes
    match code:
        case 403:
            return _forbidden(message, causes)
        case 404:
            return NotFoundError(message, remedy=_remedy_of_absence(status))
        case 409:
            return ConflictError(message, causes=causes)
        case 410:
            return GoneError(message)
        case 400 | 413 | 415 | 422:
            return _invalid(message, causes)
        case 500 if "failed to create typed patch object" in status.message:
            # An unknown field in an apply: the API server takes the blame, but no retry helps.
            return InvalidError(message, causes=causes)
        case _ if code >= 500:
            remedy = _WEBHOOK_FAILS if "failed calling webhook" in message or _denier(status) else ""
            return ServerError(message, remedy=remedy, retry_after=retry_after(headers))
    return GarbageError(f"{what}: {code}: {status.message}")


def _forbidden(message: str, causes: tuple[Cause, ...]) -> FlotillaError:
    if any(cause.reason == "NamespaceTerminating" for cause in causes):
        remedy = "See what its deletion waits for: its finalizers, and the conditions in its status."
        return TerminatingError(message, remedy=remedy)
    remedy = "Grant the account this right, or see the policy that it names."
    if " cannot impersonate " in message:
        remedy = "Grant the hub's account `impersonate` on that service account."
    elif "exceeded quota: " in message:
        remedy = "Raise that quota, or ask for less."
    elif " attempting to grant RBAC permissions not currently held" in message:
        remedy = "Grant the account these rights, or `escalate` on roles and `bind` on the role."
    elif _ABSENT.search(message):
        remedy = "Create what it names, or correct the name."
    return ForbiddenError(message, remedy=remedy)


def _remedy_of_absence(status: Status) -> str:
    if status.message.startswith('namespaces "'):
        return "Create the namespace, or set `createNamespace: true`."
    if _BINDING.match(status.message):
        # The API server names the binding that was to be made where it misses the role.
        return "Create the role that its roleRef names, or correct the name."
    return ""


def _invalid(message: str, causes: tuple[Cause, ...]) -> PermanentError:
    if any(cause.field == "metadata.uid" for cause in causes):
        return ConflictError(message)
    if "does not support dry run" in message:
        return DryRunUnsupportedError(message, causes=causes)
    return InvalidError(message, causes=causes)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return what Retry-After asks for (seconds or a date, RFC 9110), bounded; None when it says nothing usable."""
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        wanted = timedelta(seconds=min(int(text), LONGEST_WAIT.total_seconds()))
    else:
        try:
            wanted = parsedate_to_datetime(text) - SystemClock().now()
        except (ValueError, TypeError):
            return None
    return min(max(wanted, timedelta(0)), LONGEST_WAIT)
