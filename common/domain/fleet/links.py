"""Templates of links to logs and dashboards, as the registry has them: checked once, filled for a placement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from common.domain.addresses import AddressError

FIELDS = ("project", "application", "cluster", "namespace")
"""What a template may name, as ``${cluster}``."""
MOST_LINKS = 20
"""Of one document."""
LONGEST = 1000
"""Characters of a template."""
LONGEST_NAME = 40
_FIELD = re.compile(r"\$\{([a-z]{1,20})\}")
_PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
"""What an address may hold (RFC 3986, section 2)."""
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?")
_DOMAIN = re.compile(r"\.[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Link:
    """A link by the name that people know it by; ``url`` is a template, or, of a placement, an address."""

    name: str
    url: str

    def filled(self, values: Mapping[str, str]) -> Link:
        """Return the link with its fields filled in, percent-encoded, so that a value stays within its place.

        Args:
            values: by the names of ``FIELDS``.
        """
        return Link(self.name, _FIELD.sub(lambda found: quote(values[found[1]], safe=""), self.url))


def check_template(url: str) -> None:
    """Return if a text is a template of an https address with no other fields than ``FIELDS``.

    Raises:
        AddressError: it is none.
    """
    if len(url) > LONGEST:
        what = f"a link of {len(url)} characters"
        raise AddressError(what, f"give at most {LONGEST}")
    if not url.startswith("https://"):
        what = "a link is not an https address"
        raise AddressError(what, "write it as https://HOST/PATH: no other scheme becomes a link")
    unknown = next((name for name in _FIELD.findall(url) if name not in FIELDS), None)
    plain = _FIELD.sub("x", url)
    if unknown is not None or "${" in plain:
        what = f"${{{unknown}}} is no field of a link" if unknown else "a ${ that begins no field"
        raise AddressError(what, "use " + ", ".join(f"${{{name}}}" for name in FIELDS))
    if _PLAIN.fullmatch(plain) is None or _ESCAPES.search(plain):
        what = "a link holds a character that no address may hold"
        raise AddressError(what, "percent-encode it, as %22 for a quote, %7B for a brace and %20 for a space")
    _check_host(url.removeprefix("https://"))


def _check_host(rest: str) -> None:
    """Return if where a link leads is written out, but for a cluster's name in the beginning of its host."""
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    before, cluster, end = host.rpartition("${cluster}")
    fixed = before.replace("${cluster}", "x") + ("x" if cluster else "") + end
    if _HOST.fullmatch(fixed) is None or ".." in fixed:
        what = "a link has no plain host"
        raise AddressError(what, "write it out, without user or password; of fields it may hold ${cluster} alone")
    if cluster and _DOMAIN.search(end) is None:
        what = "who names a cluster would choose where a link leads"
        raise AddressError(what, "end the host with a domain that is written out, as ${cluster}.logs.example.com")
    try:
        _ = urlsplit(f"https://{fixed}").port
    except ValueError as error:
        what = "the port of a link is none"
        raise AddressError(what, "give one up to 65535, or none") from error
