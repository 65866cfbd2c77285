"""Making answers of two API servers comparable: what differs between any two real ones is taken out, nothing else."""

from __future__ import annotations

import re
from typing import Any

import orjson

from tests.contract.kube_api.kube import Reply

Json = dict[str, Any]
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VERSION = re.compile(r"((?:precondition|record) \(|ResourceVersion in (?:precondition|object meta): )\d+")
_STRUCT = re.compile(r"Invalid value: [\[{].*[\]}]: ")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Normaliser:
    """Normalises the answers of one server; it remembers resourceVersions, of which only their change is told."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], str] = {}
        self._uids: dict[str, str] = {}

    def reply(self, reply: Reply, *, dry_run: bool) -> Json:
        """Return what can be compared."""
        body = reply.body
        if body.get("kind") == "Status":
            return {"code": reply.code, **self._status(body)}
        if "items" in body and "data" not in body:
            return {"code": reply.code, "items": [self.object(item, dry_run=False) for item in body["items"] or ()]}
        return {"code": reply.code, "object": self.object(body, dry_run=dry_run)}

    def _status(self, body: Json) -> Json:
        details = dict(body.get("details") or {})
        causes = sorted(
            orjson.dumps({**each, "message": self._text(each.get("message", ""))}, option=orjson.OPT_SORT_KEYS).decode()
            for each in details.pop("causes", ())
        )
        details.pop("uid", None)
        message = body.get("message", "")
        if causes and body.get("reason") == "Invalid":
            # the message repeats the causes, in an order that is nobody's contract
            message = message.partition(" is invalid: ")[0]
        return {
            "status": body.get("status"),
            "reason": body.get("reason"),
            "message": self._text(message),
            "details": details,
            "causes": causes,
        }

    def _text(self, text: str) -> str:
        # values of Go's internal structs, and diffs of them, are printed with names that no API knows
        text = _STRUCT.sub("Invalid value: STRUCT: ", text.partition("\n@@ ")[0])
        return _TIME.sub("TIME", _VERSION.sub(r"\1VERSION", _UID.sub("UID", text)))

    def object(self, body: Json, *, dry_run: bool) -> Json:
        """Return an object without what no two servers share: uids, instants, versions, allocated addresses."""
        found: Json = orjson.loads(orjson.dumps(body))
        metadata = found["metadata"]
        name = (found.get("kind", ""), metadata.get("name", ""))
        metadata["uid"] = self._same_as_before(name, metadata.pop("uid", ""), dry_run=dry_run)
        version = metadata.pop("resourceVersion", "")
        metadata["version"] = "changed" if self._versions.get(name) != version else "same"
        if not dry_run:
            self._versions[name] = version
        for instant in ("creationTimestamp", "deletionTimestamp"):
            if instant in metadata:
                metadata[instant] = "TIME"
        entries = metadata.get("managedFields")
        if entries is not None:
            for entry in entries:
                entry["time"] = "TIME" if "time" in entry else None
            # two entries of one operation are ordered by their second: both servers may straddle it
            metadata["managedFields"] = sorted(entries, key=lambda e: orjson.dumps(e, option=orjson.OPT_SORT_KEYS))
        _mask_addresses(found)
        return found

    def _same_as_before(self, name: tuple[str, str], uid: str, *, dry_run: bool) -> str:
        known = self._uids.get(name[1])
        if not dry_run:
            self._uids[name[1]] = uid
        return "same" if known == uid else "new"


def _mask_addresses(found: Json) -> None:
    """Hide which address and node port a Service was given, not that it was given one."""
    spec = found.get("spec")
    if not isinstance(spec, dict):
        return
    if str(spec.get("clusterIP", "")).startswith("10."):
        spec["clusterIP"] = "ADDRESS"
        spec["clusterIPs"] = ["ADDRESS" if str(each).startswith("10.") else each for each in spec.get("clusterIPs", [])]


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """Return every place where two normalised answers differ, in words."""
    if isinstance(left, dict) and isinstance(right, dict):
        found = []
        for key in sorted({*left, *right}):
            below = f"{path}.{key}"
            if key not in left:
                found.append(f"{below}: only real: {right[key]!r}")
            elif key not in right:
                found.append(f"{below}: only simulator: {left[key]!r}")
            else:
                found.extend(differences(left[key], right[key], below))
        return found
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [
            each for i, pair in enumerate(zip(left, right, strict=True)) for each in differences(*pair, f"{path}[{i}]")
        ]
    if left == right and isinstance(left, bool) is isinstance(right, bool):
        return []
    return [f"{path}: simulator {left!r}, real {right!r}"]
