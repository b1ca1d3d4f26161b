"""Which columns a row function looks at: never fewer than it does."""

from __future__ import annotations

import functools
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parapply.functions.load import Function
from parapply.functions.used_columns import columns_used

NAMES = ("a", "b", "c", "get", "two words")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function whose body is given: its source stands in a file."""
    folder = tmp_path_factory.mktemp("usage")
    numbers = iter(range(10**6))

    def make(body: str, head: str = "def f(row, **settings):"):
        path = folder / f"usage{next(numbers)}.py"
        path.write_text(f"{head}\n{textwrap.indent(textwrap.dedent(body), '    ')}\n")
        return Function(f"{path}:f", {}).load()

    return make


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("return row['a']", ("a",)),
        ("return row.b + row['a']", ("a", "b")),
        ("return row.get('c', row['b'])", ("b", "c")),
        ("return row['two words']", ("two words",)),
        ("return 'a' in row and row['b']", ("b",)),
        ("return 7", ()),
        ("if row['a']:\n    return row.b\nreturn None", ("a", "b")),
        ("return [row['a'] for _ in range(3)]", ("a",)),
        ("return (lambda: row['b'])()", ("b",)),
        ("def inner():\n    return row['c']\nreturn inner()", ("c",)),
        ("return f\"{row['a']}\"", ("a",)),
        ("return row['absent']", ()),
        ("match row:\n    case {'a': a}:\n        return a", ("a",)),
        (
            "match row:\n    case {'a': 1} | {'c': [_, 2]} if row.b:\n        return 1",
            ("a", "b", "c"),
        ),
        (
            "match row:\n    case {'two words': x, 'z': 0}:\n        row.b\n    case _:\n        x",
            ("b", "two words"),
        ),
        ("match 3:\n    case row.a:\n        return row['c']", ("a", "c")),
    ],
)
def test_the_columns_that_are_named(made, body, used):
    assert columns_used(made(body), NAMES) == used


@pytest.mark.parametrize(
    "body",
    [
        "return dict(row)",
        "return {**row}",
        "return helper(row)",
        "return row[settings['name']]",
        "return row[0]",
        "return [row[name] for name in 'ab']",
        "return list(row)",
        "return row.sum()",
        "return row.keys()",
        "return row.to_dict()",
        "other = row\nreturn other['a']",
        "return getattr(row, 'a')",
        "return row == 1",
        "return row in [1]",
        "return len(row)",
        "for name in row:\n    pass",
        "row['a'] = 1\nreturn row",
        "del row['a']",
        "return locals()['row']['a']",
        "return eval('row')['a']",
        "return row['a'], row",
        "return row.get(settings['name'])",
        "return row.get",
        "return row.absent",
        "match row:\n    case {'a': a, **rest}:\n        return a",
        "match row:\n    case {'a': a} as other:\n        return a",
        "match row:\n    case {'a': 1}:\n        return row\n    case other:\n        pass",
        "match row:\n    case {settings.name: a}:\n        return a",
        "match [row]:\n    case [{'a': a}]:\n        return a",
        "row['a'] += 1\nreturn row['b']",
        "yield row",
    ],
)
def test_in_doubt_all_of_them(made, body):
    assert columns_used(made(body), NAMES) is None


def test_a_column_called_get_is_a_column(made):
    assert columns_used(made("return row.get + 1"), ("get",)) in (("get",), None)
    assert columns_used(made("return row['get']"), NAMES) == ("get",)


def test_arguments_given_by_partial_do_not_hide_the_row(made):
    function = functools.partial(made("return row['a']"), factor=2)
    assert columns_used(function, NAMES) == ("a",)


def test_a_function_behind_a_decorator_may_see_all(made):
    head = "import functools\ndef deco(g):\n    return lambda row: g(dict(row))\n@deco\ndef f(row):"
    assert columns_used(made("return row['a']", head), NAMES) is None


def test_a_wrapped_function_may_see_all(made):
    head = (
        "import functools\ndef deco(g):\n    @functools.wraps(g)\n    def h(row):\n"
        "        return g(row) or row['b']\n    return h\n@deco\ndef f(row):"
    )
    assert columns_used(made("return row['a']", head), NAMES) is None


def test_a_lambda_may_see_all():
    assert columns_used(lambda row: row["a"], NAMES) is None


def test_a_function_without_source_may_see_all():
    space = {}
    exec("def f(row):\n    return row['a']", space)
    assert columns_used(space["f"], NAMES) is None
    assert columns_used(len, NAMES) is None


class Caller:
    def __call__(self, row):
        return row["a"]

    def method(self, row):
        return row["b"]


def test_a_method_sees_what_it_names():
    assert columns_used(Caller().method, NAMES) in (("b",), None)


def test_an_instance_sees_at_least_what_its_call_names():
    assert columns_used(Caller(), NAMES) in (("a",), None)


def test_a_default_of_the_function_does_not_count(made):
    assert columns_used(made("return row['a']", "def f(row, other='b'):"), NAMES) == ("a",)


EXPRESSIONS = st.recursive(
    st.sampled_from(["row['a']", "row.b", "row.get('c')", "row", "1", "'a' in row", "dict(row)"]),
    lambda inner: (
        st.builds("[{}, {}]".format, inner, inner)
        | st.builds("str({})".format, inner)
        | st.builds("({} if {} else {})".format, inner, inner, inner)
        | st.builds("(lambda: {})()".format, inner)
    ),
    max_leaves=5,
)


@given(EXPRESSIONS)
def test_what_a_function_looks_at_is_among_what_is_found(made, text):
    class Spy(dict):
        seen: set

        def __getitem__(self, name):
            self.seen.add(name)
            return 1

        def __getattr__(self, name):
            return self[name]

        def get(self, name, default=None):
            return self[name]

        def keys(self):
            self.seen.update(NAMES)
            return list(NAMES)

        def __repr__(self):
            self.seen.update(NAMES)
            return "row"

    function, row = made(f"return {text}"), Spy()
    row.seen = set()
    function(row)
    found = columns_used(function, NAMES)
    assert found is None or row.seen <= set(found)


def test_a_function_on_the_line_of_a_lambda_is_not_it(made):
    head = "def make(k): return lambda row: row['a'] * row[k]\nf = make('b')\ndef unused():"
    assert columns_used(made("pass", head), NAMES) is None
