"""`-e EXPR`: what its names mean, and what it computes. The oracle is `eval` for each row."""

from __future__ import annotations

import math

import pytest

from parapply.functions.expressions import Expression
from parapply.functions.rows import Row, RowColumns
from parapply.model.errors import FunctionError

COLUMNS = ("a", "b", "min", "row count", "x")
VALUES = {"a": [1, 2, None], "b": ["u", "v", "w"], "min": [7, 8, 9], "x": [1.5, 2.5, 3.5]}


def compute(text: str) -> list:
    """Run an expression over three rows as a worker does."""
    expression = Expression(text)
    expression.columns(COLUMNS, "row", "row")
    names, found = expression.named(COLUMNS), []
    lists = [VALUES[name] for name in names]
    if expression.uses_row(COLUMNS):
        columns = RowColumns(tuple(VALUES), list(VALUES.values()).__getitem__)
        lists.insert(0, [Row(columns, position) for position in range(3)])
        names = ("row", *names)
    expression.loop(names)(found.append, zip(*lists, strict=True) if lists else range(3))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x * 2", [3.0, 5.0, 7.0]),
        ("a and a * x", [1.5, 5.0, None]),
        ("7", [7, 7, 7]),
        ("b.upper()", ["U", "V", "W"]),
        ("f'{a}-{b}'", ["1-u", "2-v", "None-w"]),
        ("math.floor(x)", [1, 2, 3]),
        ("np.float64(x).item()", [1.5, 2.5, 3.5]),
        ("re.sub('u', 'z', b)", ["z", "v", "w"]),
        ("json.dumps(b)", ['"u"', '"v"', '"w"']),
        ("{'one': a, 'two': b}['two']", ["u", "v", "w"]),
        ("row['x'] + x", [3.0, 5.0, 7.0]),
        ("row.x", [1.5, 2.5, 3.5]),
        ("len(row)", [4, 4, 4]),
        ("[y for y in b]", [["u"], ["v"], ["w"]]),
        ("sum(y * x for y in (1, 2))", [4.5, 7.5, 10.5]),
        ("(lambda x: x + 1)(min)", [8, 9, 10]),
        ("min + 1", [8, 9, 10]),
        ("min(x, 2)", [1.5, 2, 2]),
        ("[min for min in (b,)]", [["u"], ["v"], ["w"]]),
        ("(t := x * 2) + t", [6.0, 10.0, 14.0]),
        ("  x  ", [1.5, 2.5, 3.5]),
        ("x\n", [1.5, 2.5, 3.5]),
    ],
)
def test_an_expression_gives_its_value_for_each_row(text, expected):
    assert compute(text) == expected


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("x * 2 + a", ("a", "x")),
        ("7", ()),
        ("min(x, 2)", ("x",)),
        ("min + x", ("min", "x")),
        ("row['x']", None),
        ("[a for a in (x,)]", ("x",)),
    ],
)
def test_only_the_columns_that_it_names_are_read(text, columns):
    assert Expression(text).columns(COLUMNS, "row", "row") == columns


@pytest.mark.parametrize(
    ("text", "with_value", "by"),
    [
        ("a + 1", False, "row"),
        ("row.a", False, "row"),
        ("value + 1", True, "value"),
        ("df.a + 1", False, "chunk"),
        ("[df for df in (1, 2)]", False, "row"),
    ],
)
def test_what_it_is_given_follows_from_the_name_it_uses(text, with_value, by):
    assert Expression(text).by(COLUMNS, with_value) == by


def test_a_column_called_df_is_a_column():
    assert Expression("df + 1").by(("df",), False) == "row"


def test_value_without_columns_names_the_remedy():
    with pytest.raises(FunctionError, match="-c COLUMN"):
        Expression("value + 1").by(COLUMNS, False)


@pytest.mark.parametrize("text", ["value ** 2", "math.pow(value, 2)", "(lambda: value * value)()"])
def test_an_expression_over_a_value_is_a_function(text):
    assert Expression(text).function("value")(3) == math.pow(3, 2)


@pytest.mark.parametrize("text", ["", " ", "x +", "x = 1", "import os", "x; y", "(", "\0"])
def test_what_is_no_expression_is_an_error(text):
    with pytest.raises(FunctionError, match="is not a Python expression") as raised:
        Expression(text).check()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("absent_column + 1", "no column 'absent_column'; there are: a, b, min"),
        ("row_count", "did you mean 'row count'"),
        ("absent_module.f(a)", "no column 'absent_module'"),
    ],
)
def test_an_unknown_name_says_what_there_is(text, words):
    with pytest.raises(FunctionError, match=words):
        Expression(text).columns(COLUMNS, "row", "row")
