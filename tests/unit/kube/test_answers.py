"""Every way in which a cluster can fail has a name, and the name says whether to try again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest
import urllib3
from kubernetes.client.exceptions import ApiException

from common.domain.errors import FlotillaError, PermanentError, TransientError
from workers.kube.discovery import decode
from workers.kube.errors import UntrustedError, from_answer, from_transport, retry_after
from workers.kube.listing import decode_metadata, decode_objects
from workers.kube.paths import collection, item, with_query
from workers.sync import errors
from workers.sync.objects.live import Kind
from workers.sync.ports import Target

WHAT = "PATCH /x"


def status(message: str = "because", **more: Any) -> bytes:
    return orjson.dumps({"kind": "Status", "apiVersion": "v1", "message": message, **more})


def causes(**cause: str) -> dict[str, Any]:
    return {"details": {"causes": [cause]}}


@pytest.mark.parametrize(
    ("code", "body", "expected", "base"),
    [
        (401, status(), errors.UnauthorisedError, PermanentError),
        (401, b"<html>", errors.UnauthorisedError, PermanentError),
        (403, status(), errors.ForbiddenError, PermanentError),
        (403, status(**causes(reason="NamespaceTerminating")), errors.TerminatingError, TransientError),
        (404, status(), errors.NotFoundError, PermanentError),
        (409, status(), errors.ConflictError, PermanentError),
        (410, status(), errors.GoneError, TransientError),
        (400, status(), errors.InvalidError, PermanentError),
        (413, status(), errors.InvalidError, PermanentError),
        (415, status(), errors.InvalidError, PermanentError),
        (422, status(), errors.InvalidError, PermanentError),
        (422, status(**causes(field="metadata.uid", reason="FieldValueInvalid")), errors.ConflictError, PermanentError),
        (400, status("webhook x does not support dry run"), errors.DryRunUnsupportedError, PermanentError),
        (429, status(), errors.ThrottledError, TransientError),
        (429, b"slow down", errors.ThrottledError, TransientError),
        (500, status(), errors.ServerError, TransientError),
        (500, status("failed to create typed patch object: x"), errors.InvalidError, PermanentError),
        (503, b"no endpoints", errors.ServerError, TransientError),
        (504, status(), errors.ServerError, TransientError),
        (404, b"404 page not found", errors.GarbageError, TransientError),
        (403, b"<html>sign in</html>", errors.GarbageError, TransientError),
        (302, b"", errors.GarbageError, TransientError),
        (418, status(), errors.GarbageError, TransientError),
        (409, b'{"kind": "Pod"}', errors.GarbageError, TransientError),
        (409, b"\xff\xfe", errors.GarbageError, TransientError),
    ],
)
def test_each_answer_has_one_class(
    code: int, body: bytes, expected: type[FlotillaError], base: type[FlotillaError]
) -> None:
    error = from_answer(code, {}, body, WHAT)
    assert type(error) is expected
    assert isinstance(error, base)
    assert WHAT in str(error)


def test_retry_after_is_honoured_in_seconds_and_as_a_date_and_bounded() -> None:
    assert retry_after({"Retry-After": "7"}) == timedelta(seconds=7)
    assert retry_after({"Retry-After": "99999999999"}) == timedelta(minutes=5)
    soon = retry_after({"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)})
    assert soon is not None
    assert timedelta(seconds=25) < soon <= timedelta(seconds=30)
    assert retry_after({"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}) == timedelta(0)
    assert retry_after({"Retry-After": "tomorrow"}) is None
    assert retry_after({}) is None
    throttled = from_answer(429, {"Retry-After": "3"}, status(), WHAT)
    assert isinstance(throttled, TransientError)
    assert throttled.retry_after == timedelta(seconds=3)


def test_causes_come_with_conflicts_and_invalid_objects() -> None:
    body = status(**causes(reason="FieldManagerConflict", field=".spec.replicas", message='conflict with "x"'))
    conflict = from_answer(409, {}, body, WHAT)
    assert isinstance(conflict, errors.ConflictError)
    assert conflict.fields == (errors.Cause("FieldManagerConflict", ".spec.replicas", 'conflict with "x"'),)
    invalid = from_answer(422, {}, status(**causes(field="spec", message="field is immutable")), WHAT)
    assert isinstance(invalid, errors.InvalidError)
    assert invalid.immutable


def test_a_missing_namespace_comes_with_the_remedy() -> None:
    assert "createNamespace" in str(from_answer(404, {}, status('namespaces "x" not found'), WHAT))


WEBHOOK = 'admission webhook "guard.example.com" denied the request: no'
POLICY = "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 418, 422, 429])
@pytest.mark.parametrize(
    ("message", "by"),
    [(WEBHOOK, 'admission webhook "guard.example.com"'), (POLICY, "ValidatingAdmissionPolicy 'p'")],
)
def test_a_refusal_by_a_webhook_or_policy_is_one_whatever_its_code(code: int, message: str, by: str) -> None:
    error = from_answer(code, {}, status(message), WHAT)
    assert isinstance(error, errors.DeniedError)
    assert (error.by, by in error.remedy) == (by, True)


@pytest.mark.parametrize("message", [WEBHOOK, 'Internal error occurred: failed calling webhook "x": EOF'])
def test_a_webhook_that_fails_may_decide_later(message: str) -> None:
    error = from_answer(500, {}, status(message), WHAT)
    assert isinstance(error, errors.ServerError)
    assert "behind that webhook" in error.remedy


def pool() -> urllib3.HTTPSConnectionPool:
    return urllib3.HTTPSConnectionPool("example.com")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (urllib3.exceptions.ReadTimeoutError(pool(), "/", "slow"), errors.TimedOutError),
        (urllib3.exceptions.ConnectTimeoutError(pool(), "slow"), errors.TimedOutError),
        (TimeoutError(), errors.TimedOutError),
        (urllib3.exceptions.ProtocolError("broke off"), errors.UnreachableError),
        (ConnectionResetError(104, "reset"), errors.UnreachableError),
        (urllib3.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED]"), UntrustedError),
        (ApiException(status=0, reason="SSLError\nCERTIFICATE_VERIFY_FAILED"), UntrustedError),
        (ApiException(status=0, reason="SSLError\nEOF"), errors.UnreachableError),
    ],
)
def test_each_silence_has_one_class(error: Exception, expected: type[FlotillaError]) -> None:
    assert type(from_transport(error, WHAT)) is expected


def test_paths_are_quoted_and_checked_so_that_no_name_leads_elsewhere() -> None:
    role = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
    assert item(Target(role, "", "system:x+y")).endswith("/clusterroles/system%3Ax%2By")
    core = Kind("", "v1", "Secret", "secrets", namespaced=True)
    assert collection(core, "") == "/api/v1/secrets"
    for lost in (Target(role, "", "x/../y"), Target(core, "a/b", "x"), Target(core, "", "x"), Target(core, "a", "..")):
        with pytest.raises(errors.AddressError):
            item(lost)
    assert with_query("/x", a="1 2", b="") == "/x?a=1+2"


def test_pages_are_decoded_and_anything_else_is_not() -> None:
    listed = {
        "kind": "PartialObjectMetadataList",
        "metadata": {"continue": "t"},
        "items": [{"metadata": {"name": "a"}}],
    }
    page = decode_metadata(orjson.dumps(listed))
    assert ([meta.name for meta in page.items], page.token) == (["a"], "t")
    assert decode_metadata(orjson.dumps({**listed, "items": None})).items == ()
    with pytest.raises(ValueError, match="SecretList"):
        decode_metadata(orjson.dumps({**listed, "kind": "SecretList"}))
    assert decode_objects(b'{"metadata": {}, "items": null}').items == ()


def discovered(*versions: dict[str, Any]) -> bytes:
    return orjson.dumps({"items": [{"metadata": {"name": "example.com"}, "versions": list(versions)}]})


def resource(kind: str, *, verbs: tuple[str, ...] = ("get", "patch")) -> dict[str, Any]:
    return {"resource": f"{kind.lower()}s", "scope": "Namespaced", "verbs": verbs, "responseKind": {"kind": kind}}


def test_the_catalogue_knows_versions_preference_and_what_cannot_be_applied() -> None:
    body = discovered(
        {"version": "v1", "resources": [resource("Gadget"), resource("Review", verbs=("create",))]},
        {"version": "v1beta1", "resources": [resource("Gadget"), resource("Old")]},
    )
    catalogue = decode([body], read_at=0.0)
    assert catalogue.find("example.com", "v1beta1", "Gadget").version == "v1beta1"
    assert catalogue.find("example.com", "", "Gadget").version == "v1"
    assert catalogue.find("example.com", "", "Old").version == "v1beta1"
    with pytest.raises(errors.UnknownKindError):
        catalogue.find("example.com", "v1", "Review")
    for group, version in (("example.com", "v1alpha1"), ("old.example.com", "v1")):
        with pytest.raises(errors.UnknownKindError, match=r"but in example\.com/v1, example\.com/v1beta1") as caught:
            catalogue.find(group, version, "Gadget")
        assert caught.value.remedy.startswith("Write `apiVersion: example.com/v1`")


def test_a_group_that_does_not_answer_is_unknown_and_not_absent() -> None:
    catalogue = decode([discovered({"version": "v1", "freshness": "Stale", "resources": []})], read_at=0.0)
    with pytest.raises(errors.SilentGroupError):
        catalogue.find("example.com", "v1", "Gadget")
