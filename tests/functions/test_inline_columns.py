"""Row functions made anew as functions of columns: they do what they did, or there is none."""

from __future__ import annotations

import functools
import itertools
import linecache
import textwrap
import traceback
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parapply.functions.inline_columns import spread
from parapply.functions.load import Function
from parapply.model.errors import ParapplyError

NAMES = ("a", "b", "two words")
ROWS = [{"a": 1, "b": 2.5, "two words": "x"}, {"a": None, "b": 0, "two words": ""}]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return `f` of a file with this text."""
    folder, numbers = tmp_path_factory.mktemp("spread"), itertools.count()

    def make(text, name="f", **arguments):
        path = folder / f"spread{next(numbers)}.py"
        path.write_text(textwrap.dedent(text))
        return Function(f"{path}:{name}", arguments).load()

    return make


def outcome(call):
    try:
        return repr(call())
    except Exception as error:  # noqa: BLE001 - whichever the function raises
        return repr(error)


def agree(function):
    """Both ways give the same for every row; return what they give."""
    of_values = spread(function, NAMES)
    assert of_values is not None
    rows = [outcome(lambda row=row: function(row)) for row in ROWS]
    assert rows == [outcome(lambda row=row: of_values(*map(row.get, NAMES))) for row in ROWS]
    return rows


PLAIN = {
    "generator": "def f(row):\n    return list(g(row['b']))\ndef g(n):\n    yield n",
    "closure of it": "def f(row):\n    return (lambda: row['b'])(), [row['b'] for _ in 'ab']",
    "comment": "def f(row):\n    'Of a row: b.'\n    return row['b']  # of this row",
    "lookup": "def f(row):\n    return row['a'], row['two words']",
    "get": "def f(row):\n    return row.get('a', 7), row.get('b')",
    "default": "def f(row, factor=3):\n    return row['b'] * factor",
    "defaults": "def f(row, factor=3, *, plus=1):\n    return row['b'] * factor + plus",
    "row by default": "def f(row=None, factor=3):\n    return row['b'] * factor",
    "positional": "def f(row, factor=2, /):\n    return row['b'] * factor",
    "rest": "def f(row, *rest, **more):\n    return row['b'], rest, more",
    "global": "K = 4\ndef f(row):\n    global SEEN\n    SEEN = row['b']\n    return SEEN * K",
    "error": "def f(row):\n    return 1 / row['b'] + row['a']",
    "docstring": 'def f(row):\n    """Say it."""\n    return row["a"]',
    "annotated": "def f(row: 'dict', k: int = (lambda: 2)()) -> list:\n    return [row['b'], k]",
    "comprehension": "def f(row):\n    n = row['b']\n    return [n * k for k in range(3)]",
    "try": "def f(row):\n    try:\n        return 1 / row['b']\n    except ZeroDivisionError:\n"
    "        return row['a']\n    finally:\n        row['b']",
    "f-string": "def f(row):\n    return f\"{row['a']!r:>5} {row['b']}\"",
    "walrus": "def f(row):\n    return (n := row['b']) and n + 1",
    "future": "from __future__ import annotations\ndef f(row: X):\n    return row['a']",
    "nested": "def make():\n    def f(row):\n        return row['a']\n    return f\nf = make()",
    "closure": "def make(k):\n    n = 0\n    def f(row):\n        nonlocal n\n        n += 1\n"
    "        return row['b'] * k + n * 0\n    return f\nf = make(3)",
    "method": "class C:\n    k = 2\n    def m(self, row):\n"
    "        return row['b'] * self.k\nf = C().m",
    "instance": "class f:\n    def __call__(self, row):\n        return row['b'], self.__class__",
    "module": "import math\nif 1:\n    from math import sqrt\ndef f(row):\n"
    "    return math.floor(row['b']), sqrt.__call__(row['b'])",
    "private": "class C:\n    __k = 2\n    def m(self, row):\n"
    "        return row['b'] * self.__k\nf = C().m",
    "super": "class B:\n    k = 2\nclass C(B):\n    def m(self, row):\n"
    "        return super().k, row['b']\nf = C().m",
    "classmethod": "class C:\n    pass\ndef m(cls, row):\n    return cls.__name__, row['a']\n"
    "C.m = classmethod(m)\nf = C.m",
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_the_same_results_and_errors(made, name):
    assert len(set(agree(made(PLAIN[name])))) == 2


def test_arguments_go_with_it(made):
    function = made("def f(row, k, *, plus=0):\n    return row['b'] * k + plus", k=3, plus=1)
    assert isinstance(function, functools.partial)
    assert agree(function) == ["8.5", "1"]


def test_columns_that_it_does_not_name_may_be_given(made):
    assert spread(made("def f(row):\n    return row['b']"), ("a", "b"))(1, 2) == 2


def test_what_a_default_does_is_still_done(made):
    function = made("SEEN = []\ndef f(row):\n    return row.get('a', SEEN.append(1)), len(SEEN)\n")
    assert spread(function, ("a",))(5) == (5, 1)


def test_a_traceback_is_that_of_the_file(made):
    function = made(
        """
        class C:
            def m(self, row):
                return (
                    row['b'],
                    1 / row['a'],
                )
        f = C().m
        """
    )

    def trace(call):
        with pytest.raises(ZeroDivisionError) as error:
            call()
        last = traceback.extract_tb(error.value.__traceback__)[-1]
        return last.filename, last.lineno, last.name, last.line

    of_row = trace(lambda: function({"a": 0, "b": 1}))
    assert of_row == trace(lambda: spread(function, ("a", "b"))(0, 1))
    assert of_row[3] == "1 / row['a'],"


@pytest.mark.parametrize(
    "text",
    [
        "import functools\n@functools.cache\ndef f(row):\n    return row['b']",
        "f = lambda row: row['b']",
        "import operator\nf = operator.itemgetter('b')",
    ],
    ids=["decorated", "lambda", "C"],
)
def test_what_is_not_as_it_stands_in_the_file_is_left_alone(made, text):
    assert spread(made(text), NAMES) is None


# What `f` does with a row, or with its name, that no values can stand for.
OTHERWISE = {
    "nothing": "return 7",
    "the whole": "return dict(row)",
    "absent": "return row['absent']",
    "get absent": "return row.get('absent')",
    "wrong get": "return row.get('a', 1, 2)",
    "get by keyword": "return row.get('a', default=1)",
    "asked": "return 'a' in row and row['a']",
    "set": "row['a'] = 1\nreturn row['a']",
    "set x": "row.a = row.a + 1\nreturn row.a",
    "more": "row.a += 1\nreturn row.a",
    "deleted": "del row['a']\nreturn row['b']",
    "kept": "return keep.append(row) or row['a']",
    "bound again": "row = row['a']\nreturn row",
    "inner": "def g(row): return row['b']\nreturn g({'b': row['b']})",
    "inner keyword": "def g(*, row): return row['b']\nreturn g(row={'b': row['b']})",
    "inner rest": "def g(*row): return row\nreturn g(row['b'])",
    "lambda": "return max([{'b': 1}], key=lambda row: row['b']), row['b']",
    "comprehension": "return [row['b'] for row in [{'b': row['b']}]]",
    "case": "match [{'b': 1}, 2]:\n    case [row, _]:\n        return row['b']",
    "value case": "match 1:\n    case row.b:\n        return row.a",
    "rest case": "match {'b': 1}:\n    case {**row}:\n        return row['b']",
    "except": "try:\n    1 / 0\nexcept Exception as row:\n    return row.b",
    "global": "def g():\n    global row\n    return row['b']\nreturn g(), row['b']",
    "import": "import string as row\nreturn row.a",
    "import of it": "import row.a\nreturn row.a",
    "def": "def row(): pass\nreturn row.a",
    "class": "class row: a = 1\nreturn row.a",
    "dead": "return row['b']\nrow['b'] = 3",
    "dead key": "return row['b']\nreturn row[key]",
    "query": "return table.query(\"k == @row['b']\") + row['b']",
    "breakpoint": "breakpoint()\nreturn row['a']",
    "pdb": "import pdb\npdb.set_trace()\nreturn row['a']",
    "frame": "import sys\nreturn sys._getframe(0).f_locals['row']['a'], row['a']",
    "names": "return dir(), row['a']",
    "method of rows": "return row.keys(), row['a']",
    "private": "return row.__p",
    "match": "match row:\n    case {'a': 1}:\n        return row['b']",
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_does_something_else_with_the_row_is_left_alone(made, name):
    body = textwrap.indent(OTHERWISE[name], "    ")
    assert spread(made(f"keep = []\ndef f(row):\n{body}\n"), (*NAMES, "keys", "__p")) is None


@pytest.mark.parametrize(
    "text",
    [
        "def make(k): return lambda row: row['b'] * k\nf = make(3)",
        "def make(): return lambda row: row['b'] * 3\nf = make()",
        "class A:\n    def __init__(self): self.work = self.slow\n"
        "    def slow(self, row): return dict(row)['b']\n"
        "    def work(self, row): return row['b']\nf = A().work",
        "class C:\n    def m(self, _C__p): return _C__p['a'], __p['b']\nf = C().m",
        "class C:\n    def m(row, k=1): return super().__init__(), row['a'], k\nf = C.m",
        "async def f(row):\n    return row['b']",
        "def f(row):\n    return " + " + ".join(["row['b']"] * 3000),
        "x = 1\nif x == 0: pass\n"
        + "".join(f"elif x == {k}: pass\n" for k in range(2000))
        + "def f(row): return row['b']",
    ],
    ids=[
        "lambda",
        "lambda alone",
        "patched",
        "mangled",
        "super of it",
        "async",
        "deep",
        "deep file",
    ],
)
def test_what_cannot_be_known_is_left_alone(made, text):
    try:
        function = made(text)
    except ParapplyError:
        pytest.skip("Python itself does not compile it")
    assert spread(function, NAMES) is None


def test_a_file_that_has_changed_is_not_run(made, monkeypatch):
    function = made("def f(row):\n    return row['b']\n")
    path = function.__code__.co_filename
    monkeypatch.setattr(linecache, "checkcache", lambda name: None)
    monkeypatch.setitem(linecache.cache, path, (1, 0, ["def f(row):\n", "    return 7\n"], path))
    assert spread(function, NAMES) is None


def test_no_warning_is_given_twice(made):
    with pytest.warns() as warned:
        warnings.warn("that there is one", stacklevel=1)
        function = made("def f(row):\n    return row['b'], '\\d'")
        count = len(warned)
        assert spread(function, NAMES) is not None
        assert len(warned) == count


def test_a_debugger_shows_the_row(made, monkeypatch):
    function = made("def f(row):\n    return row['b']")
    monkeypatch.setattr("sys.gettrace", lambda: print)
    assert spread(function, NAMES) is None


LOOKUPS = st.sampled_from(
    ["row['a']", "row.b", "row.get('a')", "row['two words']", "row.get('b', 1)"]
)
EXPRESSIONS = st.recursive(
    LOOKUPS | st.sampled_from(["1", "None", "'row'", "K"]),
    lambda inner: (
        st.builds("[{}, {}]".format, inner, inner)
        | st.builds("str({})".format, inner)
        | st.builds("({} if {} else {})".format, inner, inner, inner)
        | st.builds("({} == {})".format, inner, inner)
        | st.builds("{{'row': {}, **dict(k={})}}".format, inner, inner)
        | st.builds("(lambda x: x)({})".format, inner)
        | st.builds("f'{{{}!r}}'".format, LOOKUPS.map(lambda text: text.replace("'", '"')))
    ),
    max_leaves=6,
)  # fmt: skip


class Row(dict):
    def __getattr__(self, name):
        return self[name]


@given(EXPRESSIONS)
def test_any_expression_gives_the_same(made, text):
    function = made(f"K = 3\ndef f(row):\n    x = {text}\n    return x\n")
    if (of_values := spread(function, NAMES)) is not None:
        for row in map(Row, ROWS):
            assert outcome(lambda row=row: function(row)) == outcome(
                lambda row=row: of_values(*map(row.get, NAMES))
            )
