"""The proxy on the way to a server, as the environment names it: by the rules that git and curl follow."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping

from common.domain.addresses import is_loopback


def proxy_for(host: str, port: int, environment: Mapping[str, str] | None = None) -> str:
    """Return the URL of the proxy for an https server; empty for none. It may hold a password: never show it.

    Args:
        host: name or address, without brackets.
        port: of the server.
        environment: in place of this process's: ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in small letters too.
    """
    variables = os.environ if environment is None else environment

    def said(name: str) -> str:
        return (variables.get(name.lower()) or variables.get(name) or "").strip()

    proxy = said("HTTPS_PROXY") or said("ALL_PROXY")
    if not proxy or is_loopback(host) or any(_spares(rule, host.lower(), port) for rule in said("NO_PROXY").split(",")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _spares(rule: str, host: str, port: int) -> bool:
    """Tell whether a rule of ``NO_PROXY`` names a server: ``*``, a domain with all below it, an address or a range."""
    rule = rule.strip().lower()
    name, colon, number = rule.rpartition(":")
    if colon and number.isdigit() and ("[" in name or ":" not in name):
        if int(number) != port:
            return False
        rule = name
    rule = rule.strip("[]").lstrip(".")
    if rule == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return bool(rule) and (host == rule or host.endswith(f".{rule}"))
