"""Which repository URLs and refs may be given to git: the format's own rules, and what this hub allows. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from common.domain.addresses import AddressError, GitAddress, Transport, git_address
from common.domain.refs import is_commit, is_ref_name
from common.sources.faults import RefRefusedError, UrlRefusedError

_NAMESPACE = re.compile(r"refs/(heads|tags)/")


class PlainHttp(StrEnum):
    """Whether plain http is allowed."""

    REFUSED = "refused"
    LOOPBACK = "loopback"


def checked_url(text: str, *, plain_http: PlainHttp = PlainHttp.REFUSED) -> GitAddress:
    """Return ``text`` as a URL that git may have.

    Raises:
        UrlRefusedError: another transport (``ext::``, ``file://``, a path), credentials in it, or an odd form.
    """
    try:
        found = git_address(text)
    except AddressError as error:
        raise _refused(text, error.what, error.advice) from error
    if found.transport is Transport.HTTP and plain_http is PlainHttp.REFUSED:
        remedy = "Use https; FLOTILLA_ALLOW_LOOPBACK_HTTP=true allows it for a demo on this machine."
        raise _refused(text, "plain http would show what is sent", remedy)
    return found


def checked_ref(text: str) -> str:
    """Return ``text`` if it is ``refs/heads/…``, ``refs/tags/…`` or a full commit id.

    Raises:
        RefRefusedError: it is something else.
    """
    if is_commit(text):
        return text
    namespace = _NAMESPACE.match(text)
    if namespace is None or not is_ref_name(text[namespace.end() :]):
        message = f"{text[:80]!r} is not a ref"
        raise RefRefusedError(message, remedy="Give a branch, a tag, or a full commit id in lower case.")
    return text


def _refused(text: str, what: str, remedy: str) -> UrlRefusedError:
    # the text may hold a password in a place where no pattern looks for one: only its start is shown
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)?", text)
    shown = f" {scheme[0][:20]!r}…" if scheme else ""
    return UrlRefusedError(f"the repository's URL{shown} is refused: {what}", remedy=remedy)
