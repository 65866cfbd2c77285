"""Waves and hooks as annotations of three tools say them."""

from __future__ import annotations

import pytest

from workers.sync.plan.places import PLAIN, Deletion, Place, Stage, place_of

PRE, SYNC, POST = frozenset({Stage.PRE_SYNC}), frozenset({Stage.SYNC}), frozenset({Stage.POST_SYNC})
NONE: frozenset[Stage] = frozenset()
BEFORE = frozenset({Deletion.BEFORE_CREATION})


def helm(hook: str, **more: str) -> dict[str, str]:
    return {"helm.sh/hook": hook, **{f"helm.sh/hook-{key.replace('_', '-')}": value for key, value in more.items()}}


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, PLAIN),
        ({"flotilla.dev/wave": "-1"}, Place(-1)),
        ({"argocd.argoproj.io/sync-wave": "5"}, Place(5)),
        ({"flotilla.dev/wave": "1", "argocd.argoproj.io/sync-wave": "5"}, Place(1)),
        ({"helm.sh/hook-weight": "5"}, PLAIN),
        ({"flotilla.dev/hook": "pre-sync"}, Place(0, PRE, PRE, is_hook=True)),
        ({"flotilla.dev/hook": "sync", "flotilla.dev/wave": "2"}, Place(2, SYNC, SYNC, is_hook=True)),
        (
            {"flotilla.dev/hook": "pre-sync, post-sync", "flotilla.dev/hook-delete": "succeeded,failed"},
            Place(0, PRE | POST, PRE | POST, is_hook=True, deletion=frozenset({Deletion.SUCCEEDED, Deletion.FAILED})),
        ),
        ({"argocd.argoproj.io/hook": "PreSync"}, Place(0, PRE, PRE, is_hook=True)),
        (
            {"argocd.argoproj.io/hook": "PostSync", "argocd.argoproj.io/hook-delete-policy": "HookSucceeded"},
            Place(0, POST, POST, is_hook=True, deletion=frozenset({Deletion.SUCCEEDED})),
        ),
        ({"argocd.argoproj.io/hook": "Skip"}, Place(0, NONE, NONE, is_hook=True)),
        (helm("pre-install"), Place(0, PRE, NONE, is_hook=True)),
        (helm("pre-upgrade"), Place(0, NONE, PRE, is_hook=True)),
        (helm("pre-install,pre-upgrade", weight="-5"), Place(-5, PRE, PRE, is_hook=True)),
        (helm("post-install,pre-upgrade"), Place(0, POST, PRE, is_hook=True)),
        (
            helm("post-upgrade", delete_policy="before-hook-creation,hook-failed"),
            Place(0, NONE, POST, is_hook=True, deletion=BEFORE | {Deletion.FAILED}),
        ),
        (helm("Pre-Install"), Place(0, PRE, NONE, is_hook=True)),
        (helm(" PRE-INSTALL ,\tpost-upgrade"), Place(0, PRE, POST, is_hook=True)),
        (
            helm("pre-install", delete_policy=" Hook-Succeeded, HOOK-FAILED"),
            Place(0, PRE, NONE, is_hook=True, deletion=frozenset({Deletion.SUCCEEDED, Deletion.FAILED})),
        ),
        (helm("pre-install", delete_policy="hook-deleted"), Place(0, PRE, NONE, is_hook=True)),
        (helm("pre-install", weight="first"), Place(0, PRE, NONE, is_hook=True)),
        (helm("pre-install", weight=" 5"), Place(0, PRE, NONE, is_hook=True)),
        (helm("pre-install", weight="1_0"), Place(0, PRE, NONE, is_hook=True)),
        (helm("pre-install", weight="+5"), Place(5, PRE, NONE, is_hook=True)),
        (helm("pre-install", weight="-99999999"), Place(-1_000_000, PRE, NONE, is_hook=True)),
        ({"flotilla.dev/wave": "3", **helm("pre-install", weight="5")}, Place(3, PRE, NONE, is_hook=True)),
        (helm("before-install"), Place(0, NONE, NONE, is_hook=True, unknown=("helm.sh/hook: before-install",))),
        (helm("pre-install,"), Place(0, NONE, NONE, is_hook=True, unknown=("helm.sh/hook: ",))),
        (
            helm("pre-install, Later"),
            Place(0, NONE, NONE, is_hook=True, unknown=("helm.sh/hook: later",)),
        ),
        (helm("CRD-Install "), PLAIN),
        (helm("test"), Place(0, NONE, NONE, is_hook=True)),
        (helm("pre-rollback,post-rollback"), Place(0, NONE, NONE, is_hook=True)),
        (helm("crd-install"), PLAIN),
        ({"argocd.argoproj.io/hook": "PostSync", **helm("pre-install")}, Place(0, POST, POST, is_hook=True)),
        ({"flotilla.dev/hook": "pre-sync", "argocd.argoproj.io/hook": "PostSync"}, Place(0, PRE, PRE, is_hook=True)),
    ],
)
def test_a_place_is_read_from_annotations(annotations: dict[str, str], expected: Place) -> None:
    assert place_of(annotations) == expected


@pytest.mark.parametrize(
    "annotations",
    [
        {"flotilla.dev/wave": "first"},
        {"flotilla.dev/wave": "1.5"},
        {"argocd.argoproj.io/sync-wave": "99999999"},
        {"flotilla.dev/hook": "PreSync"},
        {"flotilla.dev/hook": "pre-sync", "flotilla.dev/hook-delete": "HookSucceeded"},
        {"argocd.argoproj.io/hook": "pre-sync"},
    ],
)
def test_what_is_none_of_the_allowed_is_named(annotations: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"annotation \S+ is '[^']+'; it is"):
        place_of(annotations)
