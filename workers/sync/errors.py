"""The errors of a cluster and of a placement's manifests, by what can be done about them.

The adapter raises the first group and nothing else; the engine adds the second. Whether a retry can help is the base
class: transient ones leave the engine at once, permanent ones of a single object become that object's outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from common.domain.errors import FlotillaError, PermanentError, TransientError, sentences
from common.domain.names import nearest
from common.domain.reasons import nested, sentence
from common.domain.refs import ObjectId
from common.domain.status import UNKNOWN_KINDS, Reason

_NOT_SHOWN = "its words may quote values and are not shown"
_OWN_KUBECONFIG = (
    "Make one with `flotilla cluster add`, or write a kubeconfig with inline certificate and token data only."
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of ``details.causes`` of a refusal.

    Attributes:
        reason: ``FieldManagerConflict``, ``FieldValueInvalid``, ….
        field: path in Kubernetes' notation, ``.spec.template.spec.containers[name="web"].image``.
        message: in words; of a conflict it names the other manager.
    """

    reason: str
    field: str
    message: str


class UnreachableError(TransientError):
    """No connection, a refused one, or one that broke."""

    code: ClassVar[str] = "cluster.unreachable"


class ProxyRefusedError(PermanentError):
    """The proxy on the way does not let us through: it refuses our credentials, or where we want to go."""

    code: ClassVar[str] = "cluster.proxy-refused"


class TimedOutError(TransientError):
    """No answer in time; a write may or may not have happened."""

    code: ClassVar[str] = "cluster.timeout"


class ThrottledError(TransientError):
    """The API server asked to wait (429)."""

    code: ClassVar[str] = "cluster.throttled"


class ServerError(TransientError):
    """The API server failed (5xx)."""

    code: ClassVar[str] = "cluster.server-error"


class GoneError(TransientError):
    """What a request went on from has expired (410); beginning again helps."""

    code: ClassVar[str] = "cluster.gone"


class GarbageError(TransientError):
    """Something answered that does not speak Kubernetes, or broke off in the middle."""

    code: ClassVar[str] = "cluster.garbage"


class TooMuchError(TransientError):
    """A cluster answers with more than any needs: bytes, values, objects, pages, or seconds.

    Args:
        what: the request, or whose answers.
        most: what it went beyond, in words.
    """

    code: ClassVar[str] = "cluster.too-much"

    def __init__(self, what: str, most: str) -> None:
        remedy = "See what answers at the cluster's address, and what it holds: a fleet's cluster needs far less."
        super().__init__(f"{what}: {most}", remedy=remedy)


class AnswerTooLargeError(TooMuchError):
    """One answer is more than any cluster needs; a LIST may be asked for in smaller pages."""


class TerminatingError(TransientError):
    """The namespace is being deleted; what belongs in it can be written once it is gone."""

    code: ClassVar[str] = "cluster.namespace-terminating"


class UnsettledError(TransientError):
    """The object kept changing while it was compared."""

    code: ClassVar[str] = "apply.unsettled"


class UnboundError(UnsettledError):
    """A claim for storage is resized before it is bound: it, and what follows it in order, waits for that alone."""


class ClaimedError(TransientError):
    """Others may take over what is about to be removed: they look at their wanted revision first.

    Args:
        why: who, and what of.
        until: how long that is waited for at most; None for as long as it takes.
    """

    code: ClassVar[str] = "prune.claimed"

    def __init__(self, why: Reason, *, until: datetime | None = None) -> None:
        bound = f"; this waits until {until:%H:%M:%S} UTC at most" if until is not None else ""
        super().__init__(f"nothing is removed yet: {sentence(why)}{bound}")
        self.params = {"why": nested(why), "until": until.isoformat() if until is not None else None}


class UnauthorisedError(PermanentError):
    """The API server does not know who we are: the token expired or was revoked."""

    code: ClassVar[str] = "cluster.unauthorised"


class ForbiddenError(PermanentError):
    """The account may not do this, or an admission policy refused it."""

    code: ClassVar[str] = "cluster.forbidden"


class AddressError(PermanentError):
    """A request would go elsewhere than to the object that it is for: it is not sent."""

    code: ClassVar[str] = "cluster.address"

    def __init__(self, why: str) -> None:
        super().__init__(why, remedy="Nothing was sent. See who wrote the definition or the API of that kind.")


class NotFoundError(PermanentError):
    """What the request names, or its namespace, does not exist."""

    code: ClassVar[str] = "cluster.not-found"


_IMMUTABLE = ("immutable", "updates to statefulset spec for fields other than")


class InvalidError(PermanentError):
    """The API server refused the object itself (400, 413, 415, 422).

    Args:
        message: what the API server said.
        causes: the fields at fault.
    """

    code: ClassVar[str] = "cluster.invalid"

    def __init__(self, message: str, *, causes: Sequence[Cause] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.causes = tuple(causes)

    @property
    def immutable(self) -> bool:
        """Whether a field that cannot change was to be changed."""
        said = (self.message, *(cause.message for cause in self.causes))
        return any(sign in text for text in said for sign in _IMMUTABLE)


class DryRunUnsupportedError(InvalidError):
    """An admission webhook has side effects, so the API server does not call it for a dry-run."""

    code: ClassVar[str] = "cluster.dry-run-unsupported"


class DeniedError(InvalidError):
    """An admission webhook or policy refused the object, whatever code it chose for that.

    Args:
        message: what it said.
        by: who refused, in words.
        causes: the fields at fault.
    """

    code: ClassVar[str] = "cluster.denied"

    def __init__(self, message: str, *, by: str, causes: Sequence[Cause] = ()) -> None:
        remedy = f"Change the object as {by} asks, or have those who run it admit the object."
        super().__init__(message, causes=causes, remedy=remedy)
        self.by = by


class ConflictError(PermanentError):
    """The object is not what the request took it for, or others own fields of it (409).

    Args:
        message: what the API server said.
        causes: the fields in conflict; empty when the uid or the resourceVersion did not match.
    """

    code: ClassVar[str] = "cluster.conflict"

    def __init__(self, message: str, *, causes: Sequence[Cause] = ()) -> None:
        super().__init__(message)
        self.causes = tuple(causes)

    @property
    def fields(self) -> tuple[Cause, ...]:
        """The fields that other managers own."""
        return tuple(cause for cause in self.causes if cause.reason == "FieldManagerConflict")


class SilentGroupError(TransientError):
    """An API group is registered and its server does not answer: which kinds it has is not known.

    Args:
        group: its name.
    """

    code: ClassVar[str] = "cluster.group-silent"

    def __init__(self, group: str) -> None:
        super().__init__(
            f"the API group {group} does not answer, so its kinds are not known",
            remedy="See its APIService, and whether what is behind it runs; remove it if nothing is to.",
        )


class NotEstablishedError(PermanentError):
    """The cluster does not take the names of a CustomResourceDefinition, so that it never serves its kind.

    Args:
        name: of the definition.
        waited: how long for.
        reason: as the cluster says it.
    """

    code: ClassVar[str] = "cluster.not-established"

    def __init__(self, name: str, waited: timedelta, reason: str) -> None:
        super().__init__(
            f"CustomResourceDefinition {name} was not Established within {waited.total_seconds():.0f} s: {reason}",
            remedy="Rename what is taken in spec.names, or remove the definition that has it.",
        )


class UnknownKindError(PermanentError):
    """The cluster does not serve this kind, as a complete discovery says.

    Args:
        served: API versions in which it serves a kind of that name, best first.
        known: names of the kinds that it serves: the nearest one is suggested.
    """

    code: ClassVar[str] = "cluster.unknown-kind"

    def __init__(
        self, group: str, version: str, kind: str, served: Sequence[str] = (), *, known: Iterable[str] = ()
    ) -> None:
        api = f"{group}/{version}" if group else version
        message = f"the cluster serves no kind {kind} in {api}"
        remedy = "Install its CustomResourceDefinition first, or correct apiVersion and kind."
        close = nearest(kind, known)
        if close:
            remedy = f"Did you mean {close[0]}? Else install its CustomResourceDefinition first."
        if served:
            message += f", but in {', '.join(served)}"
            remedy = f"Write `apiVersion: {served[0]}`, and see which fields differ there."
        super().__init__(message, remedy=remedy)
        self.in_group = any(each.rpartition("/")[0] == group for each in served)
        """Whether its group serves the kind in another version."""
        self.params = {UNKNOWN_KINDS: [[group, version, kind]]}


def unknown_kinds(errors: Iterable[FlotillaError]) -> tuple[Sequence[str], ...]:
    """Return the kinds that errors say are not served, each group, version and kind."""
    return tuple(kind for error in errors for kind in error.params.get(UNKNOWN_KINDS, ()))


class Forbidden(StrEnum):
    """What a kubeconfig may not be, or not contain; the last part of the error's code."""

    ABSENT = "absent"
    UNREADABLE = "unreadable"
    INCOMPLETE = "incomplete"
    NOBODY = "nobody"
    SERVER = "server"
    OTHER_SERVER = "other-server"
    EXEC = "exec"
    AUTH_PROVIDER = "auth-provider"
    FILE = "file"
    INSECURE = "insecure"
    PROXY = "proxy"
    PASSWORD = "password"  # noqa: S105  # the name of a rule
    IMPERSONATION = "impersonation"
    UNKNOWN_KEY = "unknown-key"


class CredentialsError(PermanentError):
    """A kubeconfig that is absent, unreadable, or asks for what is not allowed.

    Args:
        what: which rule it breaks.
        message: what is wrong and where; never a value of it.
        remedy: what to do instead.
    """

    def __init__(self, what: Forbidden, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy or _OWN_KUBECONFIG)
        self.what = what
        self.code = f"credentials.{what}"  # type: ignore[misc]  # one class, a code for each rule


class ManifestsError(PermanentError):
    """The rendered manifests are not what an API server could take; names every fault.

    Args:
        faults: in words.
        unknown: kinds among them that the cluster does not serve, each group, version and kind.
    """

    code: ClassVar[str] = "manifests.invalid"

    def __init__(self, faults: Iterable[str], *, unknown: Iterable[Sequence[str]] = ()) -> None:
        super().__init__(sentences(*faults), remedy="Correct the manifests and commit.")
        kinds = [list(kind) for kind in unknown]
        self.params = {UNKNOWN_KINDS: kinds} if kinds else {}


class PolicyError(PermanentError):
    """The project does not allow some of the objects; names every one."""

    code: ClassVar[str] = "policy.denied"

    def __init__(self, project: str, denials: Iterable[str]) -> None:
        super().__init__(
            f"project {project} does not allow: {'; '.join(denials)}",
            remedy="Remove these objects, or widen the project's rules in the registry.",
        )


def told(error: PermanentError, object_id: ObjectId) -> Reason:
    """Return what may be shown of a refusal of one object.

    Of a Secret that is invalid only the fields are named: API servers quote the values they refuse.
    """
    if not isinstance(error, InvalidError) or (object_id.group, object_id.kind) != ("", "Secret"):
        return error.reason
    if isinstance(error, DeniedError):
        return Reason(error.code, {"message": f"{error.by} refused the Secret; {_NOT_SHOWN}"})
    fields = ", ".join(cause.field for cause in error.causes if cause.field) or "not said which field"
    message = f"the API server refused the Secret as invalid ({fields}); {_NOT_SHOWN}"
    return Reason(error.code, {"message": message})


def briefly(error: PermanentError | TransientError) -> Reason:
    """Return an error as a part of a sentence: without its remedy."""
    return Reason(error.code, {"message": error.message})


def establishing_timed_out(name: str, waited: timedelta) -> TransientError:
    """Return the error for a CRD that did not become Established within ``waited``, without a reason."""
    return ServerError(f"CustomResourceDefinition {name} was not Established within {waited.total_seconds():.0f} s")
