"""Names that nobody knows, and messages with remedies."""

from __future__ import annotations

import pytest

from common.domain.errors import PermanentError, sentences
from common.domain.names import nearest, suggestion


def test_the_nearest_known_name_is_suggested() -> None:
    assert suggestion("Deploymnt", ["Deployment", "DaemonSet"]) == "did you mean 'Deployment'?"
    assert nearest("configmap", ["ConfigMap", "Secret"]) == ("ConfigMap",)


def test_several_near_ones_are_suggested_where_that_is_asked_for() -> None:
    assert suggestion("appp", ["app", "apps", "zzz"], most=2) == "did you mean 'app' or 'apps'?"


def test_without_a_near_one_a_few_are_listed() -> None:
    assert suggestion("zzz", [f"a{number}" for number in range(9)]) == "known: a0, a1, a2, a3, a4, a5, a6, a7, …"
    assert suggestion("zzz", (), "declare one") == "declare one"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (("a.yaml: kind is missing", "give it one"), "a.yaml: kind is missing. Give it one."),
        (("it is gone.", "see why"), "it is gone. See why."),
        (("it is gone", "did you mean 'x'?"), "it is gone. Did you mean 'x'?"),
        (("no schema", "flotilla db upgrade"), "no schema. flotilla db upgrade."),
        (("no field", "spec.size may not shrink"), "no field. spec.size may not shrink."),
        (("alone", ""), "alone"),
        ((), ""),
    ],
)
def test_what_and_remedy_are_sentences(parts: tuple[str, ...], told: str) -> None:
    assert sentences(*parts) == told


def test_an_error_says_what_and_then_what_to_do() -> None:
    assert str(PermanentError("it is broken", remedy="mend it")) == "it is broken. Mend it."
    assert PermanentError("it is broken", remedy="mend it").message == "it is broken"
