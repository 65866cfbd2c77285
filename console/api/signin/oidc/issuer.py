"""An issuer of signed tokens: what it says of itself, and its keys, asked for rarely whatever strangers send."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from joserfc.jwk import KeySet

from console.api.door.flights import Flights
from console.api.signin.oidc import signed, wire
from console.api.signin.oidc.errors import ProviderSilentError, refused

FRESH = 900.0
"""Seconds that an issuer's word about itself and its keys counts: a key that it withdraws is of no use after it."""
AGAIN = 30.0
"""Seconds after which it is asked again for what it failed to say, or for a key that it had not."""


class Issuer:
    """Knows an issuer by OpenID Connect Discovery 1.0; of one event loop.

    Args:
        url: as it writes it itself.
        clock: monotonic seconds.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._clock = clock
        self._said: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._said_at = self._keys_at = -FRESH
        self._failed_at = self._looked_at = -AGAIN
        self._flights: Flights[str, None] = Flights()

    async def says(self) -> Mapping[str, Any]:
        """Return what it says of itself.

        Raises:
            ProviderSilentError: it does not.
        """
        if self._clock() - self._said_at >= FRESH:
            await self._flights.run("says", self._discover)
        return self._said

    async def address(self, name: str) -> str:
        """Return where it takes requests of a kind.

        Raises:
            ProviderSilentError: it does not say, or nowhere that a secret may be sent to.
        """
        return wire.safe((await self.says()).get(name), issuer=self.url)

    async def verified(self, token: object, *, audience: str, now: float) -> Mapping[str, Any]:
        """Return what it says in a token; see ``signed.verified``. For a new key its keys are asked for once more.

        Raises:
            NotVouchedError: the token proves nothing.
            ProviderSilentError: the issuer does not tell its keys.
        """
        if self._clock() - self._keys_at >= FRESH:
            await self._look()
        for look in (self._look_again, None):
            try:
                return signed.verified(token, self._keys, issuer=self.url, audience=audience, now=now)
            except signed.UnknownKeyError:
                if look is None or not await look():
                    break
        why = "its token is signed by no key of its issuer's"
        raise refused(why)

    async def _look_again(self) -> bool:
        """Return whether the keys were asked for anew; they are not where that was done a moment ago."""
        if self._clock() - self._looked_at < AGAIN:
            return False
        await self._look()
        return True

    async def _look(self) -> None:
        await self._flights.run("keys", self._fetch)

    async def _discover(self) -> None:
        if self._clock() - self._failed_at < AGAIN:
            raise _quiet()
        self._failed_at = self._clock()
        there = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
        said = await wire.ask("GET", wire.safe(there, issuer=self.url))
        if said.get("issuer") != self.url:
            message = "the identity provider calls itself by another name than the hub is told"
            raise ProviderSilentError(message, remedy="write its issuer letter by letter as it does")
        self._said, self._said_at, self._failed_at = said, self._clock(), -AGAIN

    async def _fetch(self) -> None:
        where = await self.address("jwks_uri")
        if self._clock() - self._looked_at < AGAIN and self._clock() - self._keys_at >= FRESH:
            raise _quiet()
        self._looked_at = self._clock()
        keys = signed.keys_of((await wire.ask("GET", where)).get("keys"))
        if not keys:
            message = "the identity provider has no keys that can be read"
            raise ProviderSilentError(message, remedy="ask who runs it")
        self._keys, self._keys_at = keys, self._clock()


def _quiet() -> ProviderSilentError:
    message = "the identity provider did not answer a moment ago"
    return ProviderSilentError(message, remedy=f"try again in {AGAIN:.0f} seconds")
