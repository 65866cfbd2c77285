"""Which kinds a cluster serves, from its aggregated discovery (two requests for everything).

Part of it is written by whoever runs an API behind the cluster's own: names that do not keep to the grammar of paths,
and scopes that nobody knows, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from workers.sync.errors import SilentGroupError, UnknownKindError
from workers.sync.objects.live import Kind
from workers.sync.objects.segments import is_group, is_kind, is_label

PATHS = ("/api", "/apis")
ACCEPT = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)

_NAMESPACED = "Namespaced"
_SCOPES = frozenset({"Cluster", _NAMESPACED})


class _Resource(msgspec.Struct, frozen=True, rename="camel"):
    resource: str
    scope: str
    verbs: list[str]
    response_kind: _ResponseKind | None = None


class _ResponseKind(msgspec.Struct, frozen=True):
    kind: str = ""


class _Version(msgspec.Struct, frozen=True):
    version: str
    resources: list[_Resource] | None = None
    freshness: str = "Current"


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""


class _Group(msgspec.Struct, frozen=True):
    metadata: _Metadata
    versions: list[_Version]


class _Groups(msgspec.Struct, frozen=True):
    items: list[_Group]


_DECODER: msgspec.json.Decoder[_Groups] = msgspec.json.Decoder(_Groups)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The kinds of one cluster, at one time.

    Attributes:
        kinds: by (group, version, kind), and by (group, "", kind) in the preferred version.
        stale: groups whose server did not answer: what they serve is not known.
        read_at: on the caller's monotonic clock.
        api_versions: everything served, sorted, as ``group/version`` and ``group/version/Kind``.
    """

    kinds: Mapping[tuple[str, str, str], Kind]
    stale: frozenset[str]
    read_at: float
    api_versions: tuple[str, ...] = ()

    def find(self, group: str, version: str, kind: str) -> Kind:
        """Return a kind; an empty ``version`` means the preferred one.

        Raises:
            UnknownKindError: the cluster does not serve it.
            SilentGroupError: its group did not answer, so that nobody knows.
        """
        found = self.kinds.get((group, version, kind))
        if found is not None:
            return found
        if group in self.stale:
            raise SilentGroupError(group)
        known = {each.kind for each in self.kinds.values()}
        raise UnknownKindError(group, version, kind, tuple(self._elsewhere(group, kind)), known=known)

    def _elsewhere(self, group: str, kind: str) -> Iterator[str]:
        """Yield the API versions that serve a kind of that name: those of its own group first, preferred ones first."""
        found = [each for key, each in self.kinds.items() if key[1] and each.kind == kind]
        for each in sorted(found, key=lambda one: one.group != group):
            yield f"{each.group}/{each.version}".removeprefix("/")


def decode(bodies: Iterable[bytes], *, read_at: float) -> Catalogue:
    """Return the catalogue that the answers to ``PATHS`` describe.

    Raises:
        ValueError: one is something else.
    """
    groups = [group for body in bodies for group in _DECODER.decode(body).items]
    kinds: dict[tuple[str, str, str], Kind] = {}
    for kind in _kinds(groups):
        kinds.setdefault((kind.group, kind.version, kind.kind), kind)
        kinds.setdefault((kind.group, "", kind.kind), kind)
    stale = {each.metadata.name for each in groups if any(version.freshness == "Stale" for version in each.versions)}
    return Catalogue(kinds, frozenset(stale), read_at, tuple(sorted(set(_api_versions(groups)))))


def _versions(groups: Iterable[_Group]) -> Iterator[tuple[str, str, list[_Resource]]]:
    """Yield group, version and resources of what keeps to the grammar."""
    for group in groups:
        for version in group.versions:
            if is_group(group.metadata.name) and is_label(version.version):
                sound = [one for one in version.resources or () if _is_sound(one)]
                yield group.metadata.name, version.version, sound


def _is_sound(resource: _Resource) -> bool:
    kind = resource.response_kind.kind if resource.response_kind is not None else ""
    return is_label(resource.resource) and is_kind(kind) and resource.scope in _SCOPES


def _api_versions(groups: Iterable[_Group]) -> Iterator[str]:
    for group, version, resources in _versions(groups):
        name = f"{group}/{version}".removeprefix("/")
        yield name
        for resource in resources:
            if resource.response_kind is not None:
                yield f"{name}/{resource.response_kind.kind}"


def _kinds(groups: Iterable[_Group]) -> Iterator[Kind]:
    for group, version, resources in _versions(groups):
        for resource in resources:
            if resource.response_kind is not None and "patch" in resource.verbs:
                namespaced = resource.scope == _NAMESPACED
                yield Kind(group, version, resource.response_kind.kind, resource.resource, namespaced)
