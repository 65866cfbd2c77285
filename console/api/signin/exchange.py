"""``/api/v1/token/exchange``: the token that a CI signs for a pipeline, for a quarter of an hour of ours (RFC 8693).

Nothing is kept in the CI's settings that could leak from there: whose a pipeline is, its CI says at each run, and what
it may do is written in a Project, as what people may do is.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from fastapi import Depends, Request

from common.domain.pipelines import grants_of_pipeline
from common.domain.rights import Grants
from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Asked, Deed, Way
from common.store.state import tokens
from common.store.state.sessions import digest_of
from console.api.contract.errors import NotFoundError, RequestError, ThrottledError
from console.api.contract.routing import api_router
from console.api.contract.strict import strict
from console.api.door import token_format
from console.api.door.door import source_of_request
from console.api.door.gate import Gate
from console.api.door.refusals import Refusals
from console.api.door.throttle import Throttle
from console.api.serving.sources import UNKNOWN
from console.api.signin.oidc.errors import NotVouchedError, ProviderSilentError
from console.api.signin.oidc.issuer import Issuer

door = api_router("access")
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
OURS = "urn:ietf:params:oauth:token-type:access_token"
THEIRS = frozenset({"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"})
LASTS = timedelta(minutes=15)
MOST_AT_ONCE = 100
"""Tokens of one pipeline that hold at the same time."""
KEPT = timedelta(hours=1)
"""That one of them can be looked at after its end."""
LONGEST = 16_384
"""Characters of a CI's token."""
TOLD = (
    "jti", "repository", "project_path", "ref", "sha", "workflow_ref", "job_workflow_ref", "run_id", "pipeline_id",
    "job_id", "environment", "user_login",
)  # fmt: skip
"""Claims of GitHub and GitLab that the audit keeps of a token: which pipeline it was, and of what."""
_NAME = "pipeline"
_LONGEST_ACTOR = 200
_FORM: Mapping[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "subject_token", "subject_token_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": [GRANT]},
                        "subject_token": {"type": "string", "maxLength": LONGEST},
                        "subject_token_type": {"type": "string", "enum": sorted(THEIRS)},
                    },
                }
            }
        },
    }
}


class ExchangeError(RequestError):
    """A CI's token is exchanged for nothing."""

    code: ClassVar[str] = "exchange.refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class Pipelines:
    """Believes the issuers that the hub's operator allows; a token of another one makes no request anywhere.

    Args:
        audience: for whom a token has to be made: the hub's own URL, so that what is for others is of no use here.
        issuers: URLs.
    """

    def __init__(self, audience: str, issuers: Sequence[str]) -> None:
        self._audience = audience
        self._issuers = {url: Issuer(url) for url in issuers} if audience else {}

    def ask(self) -> None:
        """Ask whether any token is exchanged here.

        Raises:
            NotFoundError: none is.
        """
        if not self._issuers:
            message = "this hub takes no tokens of pipelines"
            raise NotFoundError(message, remedy="FLOTILLA_CI_ISSUERS and FLOTILLA_PUBLIC_URL make it")

    def issuer(self, token: str) -> Issuer:
        """Return the issuer whose a token claims to be, which proves nothing yet.

        Raises:
            ExchangeError: the token is of none of the issuers.
        """
        issuer = self._issuers.get(_issuer_of(token))
        if issuer is None:
            message = "the token is of no issuer that this hub's operator allows"
            raise ExchangeError(message, remedy="FLOTILLA_CI_ISSUERS lists them, letter by letter as `iss` has them")
        return issuer

    async def claims(self, token: str, issuer: Issuer, *, now: float) -> Mapping[str, Any]:
        """Return what a token says.

        Raises:
            ExchangeError: it proves nothing.
            ProviderSilentError: its issuer does not tell its keys.
        """
        try:
            return await issuer.verified(token, audience=self._audience, now=now)
        except NotVouchedError as error:
            remedy = f"have the CI make one for each job, for the audience {self._audience}"
            raise ExchangeError(error.message, remedy=remedy) from error


def _issuer_of(token: str) -> str:
    """Return whose a token claims to be, which is nothing but where to look for the key."""
    parts = token.split(".")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return ""
    issuer = found.get("iss") if isinstance(found, dict) else None
    return issuer if isinstance(issuer, str) else ""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What a pipeline shows from now on: RFC 8693, section 2.2.1.

    Attributes:
        expires_in: seconds.
        scope: what it may do, as words of the form ``PROJECT:VERB``.
    """

    access_token: str
    issued_token_type: str
    token_type: str
    expires_in: int
    scope: str


@door.post("/token/exchange", openapi_extra=dict(_FORM), dependencies=[Depends(strict)])
async def post_exchange(request: Request) -> Exchanged:
    """Give a pipeline a token for 15 minutes, for the one that its CI signed, with what Projects let it do."""
    address = source_of_request(request)
    pipelines: Pipelines = request.app.state.pipelines
    throttle: Throttle = request.app.state.exchanges
    gate: Gate = request.app.state.gate
    # Strangers come this far: what costs nothing is asked first, and the database last.
    pipelines.ask()
    if not throttle.allows(address):
        raise ThrottledError(throttle.wait, "too many tokens that prove nothing")
    try:
        given = _given(await request.body())
        issuer = pipelines.issuer(given)
        now = await gate.moment()
        claims = await pipelines.claims(given, issuer, now=now)
        return await to_thread.run_sync(_exchanged, request, issuer.url, claims, address)
    except (ExchangeError, ProviderSilentError) as error:
        throttle.failed(address)
        refusals: Refusals = request.app.state.refusals
        detail = {"code": error.code}
        deed = Deed(UNKNOWN, "token.exchange", "*", "", detail, way=Way(Asked.REFUSED, address=address))
        await to_thread.run_sync(refusals.note, deed)
        raise


def _given(body: bytes) -> str:
    """Return the token of a form.

    Raises:
        ExchangeError: the form is another.
    """
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=10)
    except ValueError:
        form = {}
    one = {name: values[0] for name, values in form.items() if len(values) == 1}
    if one.get("grant_type") != GRANT or one.get("subject_token_type") not in THEIRS:
        message = "the form is not one of RFC 8693, or asks for something else than this hub gives"
        raise ExchangeError(message, remedy=f"send grant_type={GRANT}, subject_token and subject_token_type")
    token = one.get("subject_token", "")
    if not 0 < len(token) <= LONGEST:
        message = f"subject_token is missing, or has more than {LONGEST} characters"
        raise ExchangeError(message, remedy="send the token that the CI made for this job")
    return token


def _exchanged(request: Request, issuer: str, claims: Mapping[str, Any], address: str) -> Exchanged:
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    fleet = gate.rights.fleet()
    grants = Grants() if fleet is None else grants_of_pipeline(issuer, claims, fleet)
    if not grants.held:
        message = "no Project lets this pipeline do anything"
        raise ExchangeError(message, remedy="spec.ci of a Project says by which claims; the token has to have them all")
    scope = " ".join(sorted(f"{project}:{verb.value}" for verb, project in grants.held))
    actor, secret = actor_of_pipeline(issuer, str(claims["sub"])), token_format.new_token()
    with database.write() as connection:
        now = database.now(connection)
        tokens.forget_pipelines(connection, now - KEPT)
        if tokens.in_force(connection, tokens.Maker(actor=actor), now=now) >= MOST_AT_ONCE:
            raise ThrottledError(int(LASTS.total_seconds()), "this pipeline has too many tokens that still hold")
        made = tokens.add(connection, secret, tokens.New(_NAME, None, None, grants, LASTS, actor), now=now)
        way = Way(Asked.ASKED, credential=f"token:{made.id}", address=address)
        detail = {"issuer": issuer, "token": made.id, "rights": scope, "claims": _told(claims)}
        audit.append(connection, Deed(actor, "token.exchange", actor, "", detail, way), now=now)
    return Exchanged(secret, OURS, "Bearer", int(LASTS.total_seconds()), scope)


def _told(claims: Mapping[str, Any]) -> Mapping[str, str]:
    """Return which pipeline it was, as its CI says, in few words: texts alone, which hold no secret."""
    return {name: found[:_LONGEST_ACTOR] for name in TOLD if isinstance(found := claims.get(name), str)}


def actor_of_pipeline(issuer: str, subject: str) -> str:
    """Return how runs and the audit name a pipeline: unlike every user, and unlike the same words of another CI."""
    host = urlsplit(issuer).netloc
    named = f"ci:{host}:{subject}"
    return named if len(named) <= _LONGEST_ACTOR else f"ci:{host[:100]}:{digest_of(named)}"
