"""The environment and settings every git process gets: nothing inherited but the way to the network.

Credentials go in by environment variables or by files of mode 0600 that live as long as one call; never by argv, which
every user of the machine can read, and never into a repository's configuration.
"""

from __future__ import annotations

import base64
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from common.credentials import Credential, CredentialsRefusedError
from common.destinations import LinkLocal, check_name, resolved
from common.domain.addresses import GitAddress, Transport, is_loopback
from common.sources import ssh_keys
from common.sources.certificates import trust
from common.sources.faults import UnreachableError
from common.sources.proxies import proxy_for
from common.sources.urls import PlainHttp

_HTTPS = 443
_SSH = 22
KEPT = frozenset(
    {
        "PATH",
        "TMPDIR",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
    }
)
"""What a git process inherits from ours; everything else is taken away."""

_HARMLESS_FLAWS = (
    # who made a commit or tag, and when: shown, never acted on
    "badDate", "badDateOverflow", "badEmail", "badName", "badTimezone", "missingAuthor", "missingCommitter",
    "missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "multipleAuthors",
    "zeroPaddedDate", "missingTagEntry", "missingTaggerEntry", "badTagName", "nulInCommit",
    # spellings of a mode, which are read as git reads them (``common.sources.objects``)
    "zeroPaddedFilemode", "badFilemode",
    # a file that git cannot parse lends nothing
    "gitmodulesParse",
)  # fmt: skip
"""Findings of git's check that do not keep an object out: old tools wrote such objects, ``git clone`` takes them, and
nothing here is decided by what they misspell. Whatever else git finds stays fatal, what later versions learn to find
included: names such as ``.git`` or ``..``, entries twice or out of order, null ids, and files that steer git.

Ids: https://git-scm.com/docs/git-fsck, "FSCK MESSAGES". GitLab overlooks badTimezone, missingSpaceBeforeDate and
zeroPaddedFilemode alike: https://gitlab.com/gitlab-org/gitaly.
"""

SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.askPass=/bin/false",
    "core.alternateRefsCommand=/bin/false",
    "protocol.ext.allow=never",
    "protocol.file.allow=never",
    "transfer.fsckObjects=true",
    *(f"fetch.fsck.{flaw}=ignore" for flaw in _HARMLESS_FLAWS),
    "transfer.bundleURI=false",
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "http.followRedirects=false",
    "http.sslVerify=true",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=30",
    "gc.autoDetach=false",
    "gc.pruneExpire=90.days.ago",
    "maintenance.autoDetach=false",
    "pack.threads=1",
    "advice.detachedHead=false",
)
"""Given to each git process by ``-c``. Redirects are not followed: git would send our header to wherever they lead."""

_SSH_OPTIONS = (
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "BatchMode=yes",
    "PasswordAuthentication=no",
    "ForwardAgent=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
)


def base_environment(plain_http: PlainHttp) -> dict[str, str]:
    """Return the variables of every git process, credentials not included."""
    no_proxy = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    no_proxy = ",".join(filter(None, (no_proxy, "localhost,127.0.0.1,::1")))
    return {
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "LANGUAGE": "C",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_COUNT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_ALLOW_PROTOCOL": "https:ssh:http" if plain_http is PlainHttp.LOOPBACK else "https:ssh",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


@contextmanager
def authorised(url: GitAddress, credential: Credential, link_local: LinkLocal) -> Iterator[Mapping[str, str]]:
    """Give the variables that let one git call use ``credential`` at ``url``; what they name is gone afterwards.

    Over http git connects to the very addresses that were looked at here. Over ssh it asks the resolver again: whoever
    is there by then has to prove to be one of the known hosts.

    Raises:
        CredentialsRefusedError: the credential does not fit the URL's transport.
        DestinationRefusedError: the URL leads to a link-local or metadata address.
        UnreachableError: its name cannot be resolved.
    """
    addresses = _addresses(url, link_local)
    with tempfile.TemporaryDirectory(prefix="flotilla-git-") as folder:  # mode 0700
        if url.transport is Transport.SSH:
            yield _over_ssh(url, credential, Path(folder))
        else:
            yield _over_http(url, credential, Path(folder), _pinned(url, addresses))


def _addresses(url: GitAddress, link_local: LinkLocal) -> tuple[str, ...]:
    """Return what the URL's host resolves to; nothing where a proxy on the way resolves it."""
    check_name(url.host, link_local)
    if is_loopback(url.host) or (url.transport is not Transport.SSH and proxy_for(url.host, _port(url))):
        return ()
    try:
        return resolved(url.host, _port(url), link_local)
    except OSError as error:
        message = f"{url}: its name cannot be resolved"
        raise UnreachableError(message, remedy="Check the URL's host, and the resolver of this machine.") from error


def _port(url: GitAddress) -> int:
    return urlsplit(url.origin).port or (_SSH if url.transport is Transport.SSH else _HTTPS)


def _pinned(url: GitAddress, addresses: tuple[str, ...]) -> dict[str, str]:
    """Return the settings that has git connect to these addresses: CURLOPT_RESOLVE, by way of git 2.37 or later."""
    if not addresses or ":" in url.host or url.host in addresses:
        return {}
    listed = ",".join(f"[{each}]" if ":" in each else each for each in addresses)
    return {"http.curloptResolve": f"{url.host}:{_port(url)}:{listed}"}


def _over_http(url: GitAddress, credential: Credential, folder: Path, pinned: Mapping[str, str]) -> dict[str, str]:
    settings = dict(pinned)
    basic = authorization(url, credential)
    if basic:
        # bound to scheme, host and port: a request to elsewhere goes without
        settings[f"http.{url.origin}.extraHeader"] = f"Authorization: {basic}"
    elif credential and "ca.crt" not in credential:
        message = f"the credentials for {url} have neither token nor password"
        raise CredentialsRefusedError(message, remedy="Store username and token under the reference.")
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    if "ca.crt" in credential:
        trust(credential)  # git would call a broken one an unreachable server
        # as a variable, since one of that name in our own environment would win over a setting
        variables["GIT_SSL_CAINFO"] = str(_file(folder / "ca.crt", credential["ca.crt"]))
    return variables


def authorization(url: GitAddress, credential: Credential) -> str:
    """Return the header's value that signs in at ``url`` over http; empty where a credential holds no password.

    Raises:
        CredentialsRefusedError: it holds a line break.
    """
    password = credential.get("token") or credential.get("password")
    if password is None:
        return ""
    text = credential.get("username", b"git").strip() + b":" + password.strip()
    if b"\n" in text or b"\r" in text:
        message = f"the credentials for {url} hold a line break"
        raise CredentialsRefusedError(message, remedy="Store username and token as one line each.")
    return f"Basic {base64.b64encode(text).decode()}"


def _over_ssh(url: GitAddress, credential: Credential, folder: Path) -> dict[str, str]:
    missing = [key for key in ("ssh-privatekey", "known_hosts") if not credential.get(key, b"").strip()]
    if missing:
        message = f"the credentials for {url} lack {' and '.join(missing)}"
        raise CredentialsRefusedError(message, remedy="Store ssh-privatekey and known_hosts under the reference.")
    what = f"the credentials for {url}"
    key = _file(folder / "key", ssh_keys.private_key(credential["ssh-privatekey"], what=what))
    hosts = _file(folder / "known_hosts", ssh_keys.known_hosts(credential["known_hosts"]))
    options = (*_SSH_OPTIONS, f"UserKnownHostsFile={hosts}", f"IdentityFile={key}")
    command = ["ssh", "-F", "none", *(part for option in options for part in ("-o", option))]
    return {"GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"}


def _file(path: Path, content: bytes) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return path
