"""From a reference to a callable: each way to name one, and what each mistake says."""

from __future__ import annotations

import gc
import sys
import textwrap
import uuid
from functools import partial

import pandas as pd
import pyarrow as pa
import pytest

from parapply.functions.find import is_reference
from parapply.functions.load import Function, frame_kind
from parapply.model.errors import FunctionError


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """What a test imports, and where from, is forgotten after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def module(tmp_path):
    """Write a module of a name of its own; return its path."""

    def write(source: str, name: str = ""):
        path = tmp_path / f"{name or 'm' + uuid.uuid4().hex}.py"
        path.write_text(textwrap.dedent(source))
        return path

    return write


SOURCE = """
class Doubler:
    def __init__(self, factor=2):
        self.factor = factor

    def __call__(self, row):
        return row * self.factor

    def half(self, row):
        return row / self.factor

    @staticmethod
    def fixed(row):
        return 7

    @classmethod
    def named(cls, row):
        return cls.__name__

class Bare:
    class Inner:
        @staticmethod
        def deep(row):
            return "deep"

def double(row):
    return row * 2

def scaled(row, *, factor, plus=0):
    return row * factor + plus

ready = Doubler(5)
number = 3
"""


def load(reference, **arguments):
    function = Function(str(reference), arguments)
    function.find()
    return function.load()


# Each way to name a function.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("double", 8),
        ("Doubler", 8),
        ("Doubler.half", 2),
        ("Doubler.fixed", 7),
        ("Doubler.named", "Doubler"),
        ("Bare.Inner.deep", "deep"),
        ("ready", 20),
        ("ready.half", 0.8),
    ],
)
def test_a_name_in_a_file(module, name, expected):
    assert load(f"{module(SOURCE)}:{name}")(4) == expected


def test_files_of_one_name_are_told_apart(tmp_path):
    for folder in "abc":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.py").write_text(f"def f(row):\n    return {folder!r}\n")
    loaded = [Function(f"{tmp_path}/{folder}/same.py:f", {}).load() for folder in "abcabc"]
    assert [function(None) for function in loaded] == [*"abcabc"]
    assert loaded[1].__module__ == loaded[4].__module__ != loaded[2].__module__


def test_a_file_may_be_named_from_the_current_folder(module, monkeypatch):
    path = module(SOURCE)
    monkeypatch.chdir(path.parent)
    assert load(f"{path.name}:double")(4) == 8
    assert load(f"./{path.name}:double")(4) == 8


def test_a_module_in_the_current_folder_may_be_named_without_its_suffix(module, monkeypatch):
    path = module(SOURCE)
    monkeypatch.chdir(path.parent)
    assert load(f"{path.stem}:double")(4) == 8


def test_a_module_of_a_package_and_an_installed_one_may_be_named():
    assert load("os.path:basename")("a/b") == "b"
    assert load("builtins:str.upper")("a") == "A"
    assert load("math:sqrt")(4.0) == 2


def test_a_file_imports_its_neighbours(module):
    neighbour = module("def helper(row):\n    return row + 1\n")
    path = module(f"from {neighbour.stem} import helper\ndef f(row):\n    return helper(row)\n")
    assert load(f"{path}:f")(1) == 2


def test_a_file_called_like_an_imported_module_does_not_replace_it(module):
    path = module("def f(row):\n    return 'mine'\n", name="csv")
    import csv

    assert load(f"{path}:f")(1) == "mine"
    assert sys.modules["csv"] is csv


def test_classes_of_a_file_pickle(module):
    import pickle

    path = module(SOURCE)
    made = load(f"{path}:Doubler")
    assert pickle.loads(pickle.dumps(made))(3) == 6


def test_a_file_is_run_once(module):
    path = module("import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\nf = len\n")
    load(f"{path}:f")
    load(f"{path}:f")
    import builtins

    assert builtins.__dict__.pop("runs") == 1


def test_arguments_are_given_to_the_function_or_the_class(module):
    path = module(SOURCE)
    assert load(f"{path}:scaled", factor=3, plus=1)(4) == 13
    assert load(f"{path}:Doubler", factor=10)(4) == 40


def test_a_callable_is_taken_as_it_is():
    assert Function(lambda row: row + 1, {}).load()(1) == 2
    assert Function(partial(pow, 2), {}).load()(3) == 8


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("file.py:speed", "speed"),
        ("a.b:Class.method", "method"),
        (len, "len"),
        (lambda row: 0, "result"),
        (partial(len), "partial"),
    ],
)
def test_the_name_is_that_of_the_column_of_results(reference, name):
    assert Function(reference, {}).name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file.py:name", True),
        ("/a/b.py:Class.method", True),
        ("package.module:name", True),
        ("table.csv", False),
        ("file.py", False),
        ("C:", False),
        ("a:1", False),
    ],
)
def test_a_reference_is_told_from_a_file(text, expected):
    assert is_reference(text) == expected


# Each mistake.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("doubl", "there is no 'doubl' in {stem}; there are: Doubler, Bare, double, scaled"),
        ("Doubler.halve", "there is no 'halve' in Doubler; there are: "),
        ("number", "number is not a function: it is a int"),
        ("Bare", "Bare is a class without __call__"),
        ("scaled", "cannot be called with one value"),
    ],
)
def test_a_wrong_name_says_what_there_is(module, name, words):
    path = module(SOURCE)
    with pytest.raises(FunctionError) as raised:
        load(f"{path}:{name}")
    assert words.format(stem=path.stem) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import absent_package", "No module named 'absent_package'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", r"SyntaxError: .*\(line 1\)"),
        ("raise SystemExit(3)", "ended itself on import .*__main__"),
        ("from math import no_such_name", "cannot import name 'no_such_name'"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(module, source, words):
    path = module(source)
    with pytest.raises(FunctionError, match=words) as raised:
        load(f"{path}:f")
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    if "SystemExit" not in source:
        assert path.name in raised.value.details
        assert "importlib" not in raised.value.details


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FunctionError, match=r"absent\.py: no such file"):
        load(f"{tmp_path}/absent.py:f")


def test_a_module_that_is_not_there():
    with pytest.raises(FunctionError, match="no module 'absent_module'"):
        load("absent_module:f")
    with pytest.raises(FunctionError, match=r"no module 'os\.absent'"):
        load("os.absent:f")


def test_a_file_without_a_name_lists_what_is_in_it(module):
    path = module(SOURCE)
    with pytest.raises(FunctionError, match=r":NAME \(it has Doubler, Bare, double, scaled"):
        load(path)


def test_something_else_says_how_to_name_a_function():
    with pytest.raises(FunctionError, match=r"file\.py:NAME or package\.module:NAME"):
        load("speed")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("double", {"factor": 3}, "unexpected keyword argument 'factor'"),
        ("Doubler", {"fctor": 3}, "unexpected keyword argument 'fctor'"),
        ("scaled", {"row": 3, "factor": 1}, "multiple values for argument 'row'"),
    ],
)
def test_wrong_arguments_are_found_before_any_row(module, name, arguments, words):
    with pytest.raises(FunctionError, match=words):
        Function(f"{module(SOURCE)}:{name}", arguments).find()


def test_a_class_that_fails_as_it_is_made_says_so(module):
    path = module(
        "class C:\n    def __init__(self):\n        1 / 0\n    def __call__(self, row): ..."
    )
    with pytest.raises(FunctionError, match=r"C\(\.\.\.\) raised ZeroDivisionError"):
        load(f"{path}:C")


def test_finding_a_class_does_not_make_one(module):
    path = module(
        "class C:\n    def __init__(self):\n        1 / 0\n    def __call__(self, row): ..."
    )
    Function(f"{path}:C", {}).find()


# What the annotation of the first parameter asks for.


def of_pandas(df: pd.DataFrame): ...
def of_arrow(table: pa.Table): ...
def of_pandas_in_quotes(df: "pd.DataFrame"): ...  # noqa: UP037
def of_arrow_in_quotes(table: "pa.Table"): ...  # noqa: UP037
def of_another(row: dict): ...
def of_nothing(row): ...


class Chunked:
    def __call__(self, df: pd.DataFrame): ...


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (of_pandas, "pandas"),
        (of_arrow, "arrow"),
        (of_pandas_in_quotes, "pandas"),
        (of_arrow_in_quotes, "arrow"),
        (of_another, None),
        (of_nothing, None),
        (len, None),
        (Chunked(), "pandas"),
        (partial(of_arrow), "arrow"),
    ],
)
def test_the_annotation_says_which_frame(function, kind):
    assert frame_kind(function) == kind


def test_the_annotation_may_name_polars():
    pl = pytest.importorskip("polars")

    def of_polars(df: pl.DataFrame): ...

    of_polars.__annotations__["df"] = pl.DataFrame
    assert frame_kind(of_polars) == "polars"


def test_an_import_collects_seldom_and_leaves_what_a_module_sets(tmp_path):
    (tmp_path / "sets_gc.py").write_text("import gc\ngc.set_threshold(5, 6, 7)\ndef f(row): ...\n")
    (tmp_path / "asks_gc.py").write_text(
        "import gc\nSEEN = gc.get_threshold()[0]\ndef f(row): ...\n"
    )
    usual = gc.get_threshold()
    try:
        function = Function(f"{tmp_path}/asks_gc.py:f", {}).find()
        assert sys.modules[function.__module__].SEEN >= 100_000
        assert gc.get_threshold() == usual
        Function(f"{tmp_path}/sets_gc.py:f", {}).find()
        assert gc.get_threshold() == (5, 6, 7)
    finally:
        gc.set_threshold(*usual)
