"""CVE-2022-29165 and kin: templates that ask the cluster, as whoever renders them."""

from __future__ import annotations

import pytest

from tests.fakes.archives import packed
from tests.fakes.trees import Content
from tests.security.rendering.attacks import CHART, chart, helm, render
from workers.render.faults import LookupRefusedError
from workers.render.renderers import Renderers

ASKED = 'lookup "v1" "Secret" "kube-system" "admin"'
SUB: dict[str, str | bytes] = {
    "sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
    "sub/templates/a.yaml": f"a: {{{{ {ASKED} }}}}\n",
}
HIDDEN: dict[str, dict[str, Content]] = {
    "behind a brace in a text": chart(f'dict "a" "}}" "b" ({ASKED})'),
    "behind a brace in a raw text": chart(f"dict `a` `}}` `b` ({ASKED})"),
    "behind a quote": chart(f'dict "a" "\\"}}" "b" ({ASKED})'),
    "over lines": chart(f"\n{ASKED.replace(' ', chr(10))}"),
    "in a chart's values": chart("tpl .Values.t .", {"app/values.yaml": f"t: '{{{{ {ASKED} }}}}'\n"}),
    "in a packed chart": chart(files={"app/charts/sub-1.0.0.tgz": packed(SUB)}),
    "by a pipe": chart('"admin" | lookup "v1" "Secret" "kube-system"'),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_lookup_that_hides_is_refused_all_the_same(renderers: Renderers, name: str) -> None:
    with pytest.raises(LookupRefusedError, match="which is not done here"):
        render(renderers, HIDDEN[name], helm({"lookup": "refuse"}))


def test_a_lookup_in_the_values_given_is_refused_too(renderers: Renderers) -> None:
    asked = helm({"lookup": "refuse"}, values={"deep": [{"t": f'{{{{ dict "a" ({ASKED}) }}}}'}]})
    with pytest.raises(LookupRefusedError, match="the values given"):
        render(renderers, chart("tpl (index .Values.deep 0).t ."), asked)


def test_what_only_speaks_of_lookups_is_none(renderers: Renderers) -> None:
    files = chart("`by lookup`".replace("`", "'").replace("'", '"')) | {"app/README.md": f"{{{{ {ASKED} }}}}"}
    files |= {"app/templates/words.yaml": "# lookup\n", "app/Chart.yaml": CHART + "description: lookup\n"}
    done = render(renderers, files, helm({"lookup": "empty"}))
    assert [each["metadata"]["name"] for each in done.manifests] == ["seen"]


def test_a_lookup_that_no_reading_finds_still_finds_nothing(renderers: Renderers) -> None:
    done = render(renderers, chart('tpl (printf "{{ look%s }}" (printf "up `v1` `Secret` `a` `b`")) .'))
    assert done.manifests[0]["data"] == {"seen": '"map[]"'}
