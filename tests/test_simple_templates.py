"""The simplest part of Jinja, against Jinja: what podhost fills in by itself comes out as Jinja would have it, or is left to Jinja."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost.problems import Mark, Report, Source
from podhost.spec.types import Text
from podhost.templates import simple
from podhost.templates.jinja import Engine
from podhost.templates.quoting import closed
from tests.support import REPOSITORY, python

ENGINE = Engine()


class Machine(NamedTuple):
    hostname: str | None
    days: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.days[0]


VALUES: dict[str, Any] = {
    "yes": True,
    "no": False,
    "zero": 0,
    "nine": 9,
    "word": "plain",
    "empty": "",
    "text": closed(Text('a "b" $c')),
    "nothing": closed(Text("")),
    "machine": Machine(None, ("Mon", "Tue")),
    "map": {"key": "value", "items": "shadowed"},
}


def jinja(template: str) -> str | None:
    """What Jinja makes of a template; None where it complains."""
    report = Report()
    result = ENGINE.render(template, VALUES, report, lambda line, _: Mark(Source("t", ""), line, 1))
    return None if report.failed else result


def same(template: str) -> bool:
    """Whether podhost fills it in by itself; then it has to be as Jinja does it."""
    filled = simple.fill(template, VALUES)
    assert filled is None or filled == jinja(template)
    return filled is not None


@pytest.mark.parametrize(
    "template",
    [
        "{{ word }} {{word}}\n",
        "{{ text | yaml }} {{ word|json }} {{ yes | yaml }} {{ machine.days | json }}",
        "{{ ('mailto:' + text) | yaml }}",
        "{{ 'a' + word + 'b' }} {{ 8100 + nine }} {{ 'a' ~ nine ~ 'b' + word }}",
        "{{ (word != 'plain') | yaml }} {{ (word == 'plain') | yaml }}",
        "{{ ' on' if yes else '' }}{{ ' on' if not yes else '' }}{{ 1 if zero else 2 if no else 3 }}",
        "{% if yes %}\none\n{% endif %}\n{% if no %}\ntwo\n{% else %}\nthree\n{% endif %}\n",
        "  {% if yes %}\n  one\n    {% if no %}\n  two\n    {% endif %}\n  {% endif %}\nend",
        "a {% if yes %} b {% endif %} c\n",
        "{% if machine.hostname %}x{% endif %}{% if not machine.hostname %}y{% endif %}",
        "{% if nothing %}x{% endif %}{% if text == 'b' %}y{% endif %}",
        "{% if no %}{% for each in machine.days %}{{ each }}{% else %}none{% endfor %}{% set x %}{{ y }}{% endset %}{% endif %}.",
        "{% if no %}{{ undefined.thing() }}{% endif %}.",
        "{% if word == 'plain' %}\n{{ nine }}\n{% endif %}",
        "{{ map.key }} {{ machine.first }}",
        "\n\n{% if yes %}\n\nx\n{% endif %}\n\n",
    ],
)
def test_what_is_simple_needs_no_jinja(template: str) -> None:
    assert same(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ undefined }}",
        "{{ map.missing }}",
        "{{ map.items }}",
        "{{ text }}",
        "{{ 'x' + text }}",
        "{{ 'x' ~ text }}",
        "{% if yes if yes else yes %}x{% endif %}",
        "{{ word + nine }}",
        "{{ machine.hostname }}",
        "{{ machine.days }}",
        "{{ machine.count }}",
        "{{ word | upper }}",
        "{{ text | nginx }}",
        "{{ word.upper() }}",
        "{{ word | yaml(1) }}",
        "{{ yes and no }}",
        "{{ -nine }}",
        "{{ 'a\\n' }}",
        "{{ '}}' }}",
        "{# comment #}{{ word }}",
        "{%- if yes %}x{% endif %}",
        "{% if yes -%} x{% endif %}",
        "{% if yes %}x",
        "x{% endif %}",
        "{% if yes %}a{% elif no %}b{% endif %}",
        "{% if yes %}a{% else %}b{% else %}c{% endif %}",
        "{% for each in machine.days %}{{ each }}{% endfor %}",
        "{% set x = 1 %}{{ x }}",
        "{% raw %}{{ word }}{% endraw %}",
        "{{ word",
        "{{ word }} {{",
        "a\r\n{{ word }}",
        "{{ 'a' if yes }}",
        "{{ 1 == 1 == 1 }}",
    ],
)
def test_all_else_is_jinjas(template: str) -> None:
    assert not same(template)


EXPRESSIONS = st.sampled_from(
    [*VALUES, "machine.hostname", "machine.days", "map.key", "undefined", "'lit'", '"x y"', "0", "12", "''"]
)
FILTERS = st.sampled_from(["", "", " | yaml", "|json", " | systemd", " | nginx", " | upper"])
OPERATORS = st.sampled_from([" + ", " == ", " != ", " if ", " else ", " | yaml ", "not ", "(", ")", " ~ ", " and "])
INNER = st.one_of(
    st.builds("{}{}".format, EXPRESSIONS, FILTERS),
    st.builds("{} if {} else {}".format, EXPRESSIONS, EXPRESSIONS, EXPRESSIONS),
    st.builds("({} + {}){}".format, EXPRESSIONS, EXPRESSIONS, FILTERS),
    st.builds("{} == {}".format, EXPRESSIONS, EXPRESSIONS),
    st.lists(st.one_of(EXPRESSIONS, OPERATORS), max_size=5).map("".join),
)
PIECES = st.one_of(
    st.sampled_from(
        ["text", "\n", "\n\n", "  ", "\t", " a ", "}", "{", "{% endif %}", "{% else %}\n", "{% endif %}\n"]
    ),
    INNER.map("{{{{ {} }}}}".format),
    INNER.map("{{% if {} %}}".format),
    INNER.map("{{% if {} %}}\n".format),
    st.just("{% for each in machine.days %}"),
    st.just("{% endfor %}"),
)
BLOCKS = st.recursive(
    PIECES,
    lambda inner: st.builds(
        "{}{{% if {} %}}{}{}{}{{% endif %}}{}".format,
        st.sampled_from(["", "  ", "\n  ", "x "]),
        INNER,
        st.sampled_from(["", "\n"]),
        st.lists(inner, max_size=3).map("".join),
        st.sampled_from(["", "{% else %}\nno\n", "  {% else %}no"]),
        st.sampled_from(["", "\n"]),
    ),
    max_leaves=6,
)


@given(template=st.lists(BLOCKS, max_size=6).map("".join))
def test_any_template_comes_out_as_jinja_has_it_or_is_left_to_it(template: str) -> None:
    same(template)


def test_the_demo_host_needs_no_jinja() -> None:
    program = (
        "import sys; sys.argv = ['podhost', 'render', 'matrix', '-o', '/dev/null']\n"
        "from podhost.__main__ import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "print([name for name in sys.modules if name.startswith('jinja2')])"
    )
    assert python("-c", program, cwd=REPOSITORY).stdout == "[]\n"
