"""The refusals of a Kubernetes API server, word for word as it gives them: each is a ``Status`` object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of ``details.causes``."""

    reason: str
    message: str
    field: str

    def as_json(self) -> Json:
        """Return the entry as it goes over the wire."""
        return {"reason": self.reason, "message": self.message, "field": self.field}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a refusal is about: an object of a resource, or the resource alone (empty name)."""

    group: str
    resource: str
    kind: str
    name: str

    @property
    def qualified_resource(self) -> str:
        """``deployments.apps``, or ``services`` in the core group."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def qualified_kind(self) -> str:
        """``Deployment.apps``, or ``Service`` in the core group."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def details(self, kind: str) -> Json:
        """Return the ``details`` that name this subject; ``kind`` is the resource or the kind, as the case wants."""
        named = {"name": self.name} if self.name else {}
        grouped = {"group": self.group} if self.group else {}
        return {**named, **grouped, "kind": kind}


class ApiError(Exception):
    """An answer other than success.

    Args:
        code: HTTP status.
        reason: machine-readable, from the API's own list.
        message: what kubectl prints.
        details: who and what; absent when None.
        headers: added to the answer (Retry-After).
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def body(self) -> Json:
        """Return the ``Status`` object."""
        status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        if self.message:
            status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = dict(self.details)
        return {**status, "code": self.code}


def not_found(subject: Subject) -> ApiError:
    """Return the 404 for an object that is not there."""
    message = f'{subject.qualified_resource} "{subject.name}" not found'
    return ApiError(404, "NotFound", message, subject.details(subject.resource))


def no_such_page() -> ApiError:
    """Return the 404 for a resource the server does not serve."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(subject: Subject) -> ApiError:
    """Return the 409 for a create of what exists."""
    message = f'{subject.qualified_resource} "{subject.name}" already exists'
    return ApiError(409, "AlreadyExists", message, subject.details(subject.resource))


def conflict(subject: Subject, why: str) -> ApiError:
    """Return the 409 for a write that met another state than it expected."""
    message = f'Operation cannot be fulfilled on {subject.qualified_resource} "{subject.name}": {why}'
    return ApiError(409, "Conflict", message, subject.details(subject.resource))


def modified(subject: Subject) -> ApiError:
    """Return the 409 for a resourceVersion that is no longer the object's."""
    return conflict(
        subject, "the object has been modified; please apply your changes to the latest version and try again"
    )


def invalid(subject: Subject, causes: Sequence[Cause]) -> ApiError:
    """Return the 422 that lists every faulty field."""
    listed = str(causes[0]) if len(causes) == 1 else "[" + ", ".join(str(cause) for cause in causes) + "]"
    message = f'{subject.qualified_kind} "{subject.name}" is invalid: {listed}'
    details = {**subject.details(subject.kind), "causes": [cause.as_json() for cause in causes]}
    return ApiError(422, "Invalid", message, details)


def apply_conflict(message: str, causes: Sequence[Cause]) -> ApiError:
    """Return the 409 of a server-side apply that would take fields of other managers."""
    return ApiError(409, "Conflict", message, {"causes": [cause.as_json() for cause in causes]})


def bad_request(message: str) -> ApiError:
    """Return the 400 for a request that makes no sense."""
    return ApiError(400, "BadRequest", message)


def internal(message: str) -> ApiError:
    """Return the bare 500 a handler gives when an error is not one of the API's own."""
    return ApiError(500, "", message)


def forbidden(subject: Subject, why: str) -> ApiError:
    """Return the 403 for what policy does not allow."""
    message = f'{subject.qualified_resource} "{subject.name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, subject.details(subject.resource))


def unauthorized() -> ApiError:
    """Return the 401 for a missing or wrong token."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiError:
    """Return the 405 for a verb the resource does not have."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def required(field: str, what: str = "Required value") -> Cause:
    """Return the cause for a field that must be set."""
    return Cause("FieldValueRequired", what, field)


def immutable(field: str, value: object, why: str = "field is immutable") -> Cause:
    """Return the cause for a field that may not change."""
    return Cause("FieldValueInvalid", f"Invalid value: {rendered(value)}: {why}", field)


def invalid_value(field: str, value: object, why: str) -> Cause:
    """Return the cause for a field whose value is wrong."""
    return immutable(field, value, why)


def unsupported(field: str, value: object, allowed: Sequence[str]) -> Cause:
    """Return the cause for a field outside its enumeration."""
    listed = ", ".join(f'"{each}"' for each in allowed)
    return Cause("FieldValueNotSupported", f"Unsupported value: {rendered(value)}: supported values: {listed}", field)


def forbidden_field(field: str, why: str) -> Cause:
    """Return the cause for a field that may not be set or changed here."""
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def rendered(value: object) -> str:
    """Return a value as the API server's messages show it (scalars only are to the letter)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return str(value)
