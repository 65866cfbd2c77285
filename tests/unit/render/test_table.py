"""The table of renderers: what each entry names is there, once, and says what it needs."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from common.renderers import RendererEntry, register, renderers
from tests.factories import rendered_by
from workers.render.protocol import Need, Renderer, numbers
from workers.render.table import asks_cluster, classes, needs_of

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("entry", renderers(), ids=lambda entry: entry.name)
def test_what_an_entry_names_is_there_and_is_a_renderer(entry: RendererEntry) -> None:
    code = entry.load_code()
    assert entry.load_format() is not None
    assert code.name == entry.name
    wanted = {name for name, of in vars(Renderer).items() if inspect.isfunction(of) and not name.startswith("_")}
    assert wanted | {"detects"} <= set(dir(code))


def test_the_last_one_asked_takes_whatever_no_other_is_for() -> None:
    assert [name for name in classes() if classes()[name].detected][-1] == "plain"


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="there is a renderer 'helm' already"):
        register(RendererEntry("helm", "", "", ""))


def test_several_renderers_need_what_each_of_them_needs() -> None:
    assert needs_of(()) == needs_of(rendered_by("plain 2", "kustomize 5.4.0")) == frozenset()
    assert needs_of(rendered_by("jsonnet 1", "plain 2")) == {Need.VALUES}
    assert needs_of(rendered_by("helm 4.0.0+2", "plain 2")) == frozenset(Need)
    assert needs_of(rendered_by("gone 1")) == frozenset()
    assert (asks_cluster(rendered_by("helm 4")), asks_cluster(rendered_by("jsonnet 1"))) == (True, False)


def test_versions_are_ordered_by_their_numbers() -> None:
    assert numbers("v5.10.1") > numbers("5.9.2") > numbers("")
