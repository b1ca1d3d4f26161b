"""Whether a chunk function's results depend on where the table is cut."""

from __future__ import annotations

import functools

import pytest

from parapply.functions.expressions import Expression
from parapply.functions.order_dependent import whole_table_names


def grouped(df):
    return df.groupby("a").b.transform(lambda b: b.rank())


def plain(df):
    return df["a"] * 2


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (grouped, ("groupby", "rank")),
        (functools.partial(grouped), ("groupby", "rank")),
        (plain, ()),
        (len, ()),
        (Expression("df.a.cumsum()"), ("cumsum",)),
        (Expression("df['rank'] * 2"), ()),
    ],
)
def test_methods_that_look_beyond_a_row_are_named(function, names):
    assert whole_table_names(function) == names
