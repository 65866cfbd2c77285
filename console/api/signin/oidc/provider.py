"""The identity provider: where it takes a browser, and whom it vouches for, at first and later."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from common.store.state.users import Vouched
from console.api.contract.errors import ThrottledError
from console.api.signin.oidc import wire
from console.api.signin.oidc.errors import ProviderSilentError, refused
from console.api.signin.oidc.groups import groups_of, moved_away
from console.api.signin.oidc.issuer import Issuer

AT_ONCE = 4
OFFLINE = "offline_access"
"""The scope for which a provider gives what it is asked with later (OpenID Connect Core 1.0, section 11)."""
_LONGEST_SHOWN = 200
_LONGEST_REFRESH = 4096
_NAMES = ("preferred_username", "name")
_OVER = "invalid_grant"
"""That a code or a refresh token does not count: RFC 6749, section 5.2."""


@dataclass(frozen=True, slots=True)
class Client:
    """The hub, as the provider knows it.

    Attributes:
        secret: empty for a client that has none, which PKCE alone protects.
        scopes: that are asked for.
        groups_claim: which claim has somebody's groups.
    """

    issuer: str
    id: str
    secret: str = field(repr=False)
    scopes: str
    groups_claim: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser that goes to the provider takes along, and what has to come back with it."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider told.

    Attributes:
        who: it vouches for.
        refresh: with which it is asked again; empty where it gave nothing for that.
    """

    who: Vouched
    refresh: str = field(repr=False)


class Provider:
    """Speaks to the identity provider.

    Args:
        client: the hub.
        clock: monotonic seconds.
    """

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self.issuer = Issuer(client.issuer, clock)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def authorization_url(self, attempt: Attempt) -> str:
        """Return where a browser goes to sign in.

        Raises:
            ProviderSilentError: the provider does not say.
        """
        said = await self.issuer.says()
        scopes, offered = self.client.scopes, said.get("scopes_supported")
        if isinstance(offered, list) and OFFLINE in offered and OFFLINE not in scopes.split():
            scopes = f"{scopes} {OFFLINE}"
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": attempt.redirect_uri,
            "scope": scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        there = await self.issuer.address("authorization_endpoint")
        return f"{there}{'&' if '?' in there else '?'}{urlencode(query)}"

    async def vouched(self, attempt: Attempt, code: str, *, issuer: str | None, now: float) -> Told:
        """Return whom the provider vouches for.

        Args:
            attempt: that the browser began.
            code: with which it came back.
            issuer: that the answer named (RFC 9207); None where it named none.
            now: seconds since 1970, by the hub's clock.

        Raises:
            NotVouchedError: the answer proves nothing.
            ProviderSilentError: the provider does not answer.
            ThrottledError: others are signing in.
        """
        async with self._slot():
            said = await self.issuer.says()
            needed = said.get("authorization_response_iss_parameter_supported") is True
            if (issuer is None and needed) or (issuer is not None and issuer != self.client.issuer):
                why = "it is another provider's"
                raise refused(why)
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": attempt.redirect_uri}
            tokens = await self._asked({**form, "code_verifier": attempt.verifier})
            claims = await self._claims(tokens, now=now)
            if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
                why = "it belongs to another sign-in"
                raise refused(why)
            return await self._told(claims, tokens)

    async def refreshed(self, refresh: str, subject: str, *, now: float) -> Told:
        """Return what the provider says now of somebody that it vouched for before.

        Args:
            refresh: what it gave for that; it may give another, which takes its place.
            subject: whom it vouched for.
            now: seconds since 1970, by the hub's clock.

        Raises:
            NotVouchedError: it vouches for them no more.
            ProviderSilentError: it does not answer.
        """
        tokens = await self._asked({"grant_type": "refresh_token", "refresh_token": refresh})
        # It need not make an ID token again (OpenID Connect Core 1.0, section 12.2): then its user information counts.
        claims = await self._claims(tokens, now=now) if "id_token" in tokens else {"sub": subject}
        if claims["sub"] != subject:
            why = "it is about somebody else than before"
            raise refused(why)
        found = await self._told(claims, tokens)
        return found if found.refresh else Told(found.who, refresh)

    async def _asked(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Return what the token endpoint answers: RFC 6749, sections 2.3.1 and 4.1.3."""
        form = {**form, "client_id": self.client.id}
        methods = (await self.issuer.says()).get("token_endpoint_auth_methods_supported")
        by_form = isinstance(methods, list) and "client_secret_basic" not in methods
        headers = {}
        if self.client.secret and by_form:
            form["client_secret"] = self.client.secret
        elif self.client.secret:
            pair = f"{quote_plus(self.client.id)}:{quote_plus(self.client.secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        try:
            return await wire.ask("POST", await self.issuer.address("token_endpoint"), data=form, headers=headers)
        except ProviderSilentError as error:
            if error.said == _OVER:
                why = "what was shown for it does not count, or no more"
                raise refused(why) from error
            raise

    async def _claims(self, tokens: Mapping[str, Any], *, now: float) -> Mapping[str, Any]:
        """Return what an ID token says: OpenID Connect Core 1.0, section 3.1.3.7."""
        claims = await self.issuer.verified(tokens.get("id_token"), audience=self.client.id, now=now)
        audience, party = claims["aud"], claims.get("azp")
        if (party is None and isinstance(audience, list) and len(audience) > 1) or party not in (None, self.client.id):
            why = "it was made for another client"
            raise refused(why)
        return claims

    async def _told(self, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> Told:
        """Return what the claims say, with those that the provider tells apart from its ID token."""
        name, subject = self.client.groups_claim, claims["sub"]
        if name not in claims and not moved_away(claims, name) and "userinfo_endpoint" in await self.issuer.says():
            access = tokens.get("access_token")
            bearer = {"Authorization": f"Bearer {access}"} if isinstance(access, str) and access.isascii() else {}
            more = await wire.ask("GET", await self.issuer.address("userinfo_endpoint"), headers=bearer)
            if more.get("sub") != subject:
                why = "its ID token and its user information are about two people"
                raise refused(why)
            claims = {**more, **claims}
        groups, ungrouped = groups_of(claims, name)
        shown = next((one for key in _NAMES if isinstance(one := claims.get(key), str) and one.isprintable()), "")
        refresh = tokens.get("refresh_token")
        usable = isinstance(refresh, str) and len(refresh) <= _LONGEST_REFRESH
        who = Vouched(self.client.issuer, subject, shown[:_LONGEST_SHOWN], groups, ungrouped)
        return Told(who, str(refresh) if usable else "")

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Bound how many wait for the provider: strangers begin to sign in too."""
        if self._slots.locked():
            raise ThrottledError(1, "too many sign in at once")
        async with self._slots:
            yield
