"""Renderers and digests of several sources: taken together, no two of them are mistaken for others."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from common.domain.revisions import RendererVersion, combined_digest, digested, each_once
from tests.factories import rendered_by

VERSIONS = st.text("12,+\\ a", max_size=8).map(str.strip)
RENDERERS = st.lists(st.builds(RendererVersion, st.sampled_from(["a", "helm"]), VERSIONS), max_size=4).map(each_once)


@given(RENDERERS, RENDERERS)
@example(rendered_by("a 1, helm 2"), rendered_by("a 1", "helm 2"))
@example(rendered_by("a 1\\, helm 2"), rendered_by("a 1\\", "helm 2"))
def test_only_the_same_renderers_enter_a_digest_alike(
    one: tuple[RendererVersion, ...], other: tuple[RendererVersion, ...]
) -> None:
    assert (digested(one) == digested(other)) == (one == other)


@given(RENDERERS)
def test_a_renderer_is_read_as_it_was_written(renderers: tuple[RendererVersion, ...]) -> None:
    assert rendered_by(*map(str, renderers)) == renderers


def test_what_enters_a_digest_is_what_earlier_versions_stored() -> None:
    assert digested(()) == ""
    assert digested(rendered_by("helm 4.0.0+2")) == "helm 4.0.0+2"
    assert digested(rendered_by("plain 2", "helm 4.0.0+2", "plain 2")) == "helm 4.0.0+2, plain 2"
    assert combined_digest(["a"]) == "a"
    assert combined_digest(["a", "b"]) == "7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78"
