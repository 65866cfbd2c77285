"""What Flux's objects take from ConfigMaps: of those among the files it is read, Secrets are left where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.yaml import MANIFEST_LIMITS, Path, Repeated, YamlError, load_documents
from console.importing.foreign import Foreign
from console.importing.words import with_article


class Lent:
    """ConfigMaps among the files.

    Args:
        objects: of no group of Flux.
    """

    def __init__(self, objects: Sequence[Foreign]) -> None:
        maps = (one for one in objects if one.kind == "ConfigMap" and not one.group and one.name)
        self._known = {(one.namespace, one.name): one for one in maps}

    def data(self, user: Foreign, path: Path) -> dict[str, str]:
        """Return the data of the ConfigMap that the reference at ``path`` names; empty where it is not there, said."""
        kind = user.take_text(*path, "kind")
        name = user.take_text(*path, "name")
        optional = user.take_flag(*path, "optional")
        found = self._known.get((user.namespace, name)) if kind == "ConfigMap" else None
        if found is None:
            if kind == "Secret":
                what, remedy = f"the Secret {name} is not read", "encrypt its values, or write what is no secret"
            else:
                what, remedy = f"{kind or 'what'} {name} is not among the files", "name a file with it too"
            if kind != "ConfigMap" or not optional:
                user.say((*path, "name"), what, remedy)
            return {}
        data = found.look("data")
        return {key: value for key, value in (data if isinstance(data, dict) else {}).items() if isinstance(value, str)}

    def values(self, user: Foreign, path: Path) -> dict[str, Any]:
        """Return the values of a chart in the ConfigMap that the reference at ``path`` names; else as ``data``."""
        key = user.take_text(*path, "valuesKey", default="values.yaml")
        if user.has(*path, "targetPath"):
            kind = user.take_text(*path, "kind", default="ConfigMap")
            for part in ("name", "optional"):
                user.drop(*path, part)
            user.say(
                (*path, "targetPath"), f"one value of {with_article(kind)} has no place", "write it among the values"
            )
            return {}
        data = self.data(user, path)
        if not data:
            return {}
        if key not in data:
            user.say((*path, "valuesKey"), f"the ConfigMap has no {key}", "name one of its keys")
            return {}
        try:
            documents = load_documents(data[key].encode(), MANIFEST_LIMITS, repeated=Repeated.LAST)
        except YamlError as error:
            user.say((*path, "name"), f"{key} of the ConfigMap is no YAML ({error.faults[0].what})", "correct it")
            return {}
        found = documents[0].value if documents else {}
        if not isinstance(found, dict):
            user.say((*path, "name"), f"{key} of the ConfigMap is no mapping", "correct it")
            return {}
        return found
