"""One document of a file, as the registry would read it."""

from __future__ import annotations

import pytest

from common.registry import DocumentError, application_alone, cluster_alone
from tests.harness import texts


def test_a_file_may_hold_documents_of_other_kinds() -> None:
    text = "---\n".join((texts.cluster("eu-1"), texts.application("pay")))
    assert application_alone(text.encode(), "pay.yaml").name == "pay"
    assert cluster_alone(text.encode(), "pay.yaml").parameters["labels"] == {"env": "prod", "region": "eu"}


def test_a_file_without_the_kind_or_with_several_names_no_document() -> None:
    with pytest.raises(DocumentError, match=r"a\.yaml holds no Cluster"):
        cluster_alone(texts.application().encode(), "a.yaml")
    two = "---\n".join((texts.application("pay"), texts.application("shop")))
    with pytest.raises(DocumentError, match=r"a\.yaml holds 2 Application documents"):
        application_alone(two.encode(), "a.yaml")


def test_every_fault_is_told_with_file_and_line() -> None:
    text = texts.application(more="  intervall: 5m\n  substitute: often\n")
    with pytest.raises(DocumentError) as caught:
        application_alone(text.encode(), "pay.yaml")
    assert [line.partition(": ")[0] for line in caught.value.message.splitlines()] == ["pay.yaml:7", "pay.yaml:8"]


def test_what_is_not_yet_carried_out_is_refused_here_too() -> None:
    text = texts.application(more="  dependsOn: [{application: db}]\n")
    with pytest.raises(DocumentError, match=r"spec\.dependsOn is not yet carried out"):
        application_alone(text.encode(), "pay.yaml")
