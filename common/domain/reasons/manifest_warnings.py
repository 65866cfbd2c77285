"""Sentences of what a run tells of its manifests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.domain import formatting
from common.domain.catalogue import Params
from common.domain.manifest_warnings import ManifestWarning


def _option(params: Params) -> str:
    return f"{params['option']} is not carried out ({formatting.of(int(params['objects']), 'object')})"


def _hook_not_kept(params: Params) -> str:
    return f"hook {params['kind']} {params['name']} will not run at a removal: what is secret is not kept"


def _unknown_hook(params: Params) -> str:
    return f"{params['origin']}: the hook {params['hook']} is none of Helm's; the object is left out, as Helm does it"


def _repeated_key(params: Params) -> str:
    where, first = params["origin"], params["first"]
    return f"{where}: key {params['key']} is given twice, first on line {first}; the last one counts"


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    ManifestWarning.OPTION: _option,
    ManifestWarning.HOOK_NOT_KEPT: _hook_not_kept,
    ManifestWarning.UNKNOWN_HOOK: _unknown_hook,
    ManifestWarning.REPEATED_KEY: _repeated_key,
    ManifestWarning.LOOKUP: lambda params: f"{params['template']}: `lookup` finds nothing here, as in `helm template`",
    ManifestWarning.FRACTION: lambda params: (
        f"render.helm.sets: a template prints {params['printed']}: write `| int64` behind it"
    ),
    ManifestWarning.MORE: lambda params: f"and {params['count']} more like these",
}
