"""Keys of groups: ordered and compared as pandas' groupby(dropna=False) has it."""

from __future__ import annotations

import datetime as dt
import decimal

import pyarrow as pa
import pytest

from parapply.columns import keys
from parapply.columns.arrays import take

NAN = float("nan")

ORDERED = [
    pa.array([-3, 0, 7, None]),
    pa.array([1, 2**64 - 1], pa.uint64()),
    pa.array([float("-inf"), -1.5, 0.0, 2.5, float("inf"), None]),
    pa.array([1.5, 2.0], pa.float16()),
    pa.array(["A", "a", "b", "ä", "€", "\U0001f600", None]),
    pa.array(["a", "b", None], pa.string_view()),
    pa.array(["a", "b", None], pa.large_string()),
    pa.array([b"a", b"b", None]),
    pa.array([False, True, None]),
    pa.array([dt.date(1969, 1, 1), dt.date(2024, 1, 1), None]),
    pa.array([dt.datetime(1969, 1, 1), dt.datetime(2024, 1, 1), None], pa.timestamp("ns", "UTC")),
    pa.array([dt.time(1), dt.time(2), None]),
    pa.array([dt.timedelta(-1), dt.timedelta(1), None]),
    pa.array([decimal.Decimal("-1.50"), decimal.Decimal("1.25"), None]),
    pa.array(["b", "a", "b"]).dictionary_encode().take(pa.array([1, 0])),
    pa.nulls(1),
]


@pytest.mark.parametrize("array", ORDERED, ids=lambda array: str(array.type))
def test_values_are_sorted_with_missing_ones_last(array):
    turned = take(array, range(len(array) - 1, -1, -1))
    order = keys.sorted_order([keys.comparable(turned)])
    assert take(turned, order).to_pylist() == array.to_pylist()


@pytest.mark.parametrize("array", ORDERED, ids=lambda array: str(array.type))
def test_python_compares_keys_in_the_same_order(array):
    column = [keys.comparable(array)]
    found = [keys.key_at(column, place) for place in range(len(array))]
    assert found == sorted(found)


def test_nan_is_missing_and_both_zeros_are_one_key():
    array = keys.comparable(pa.array([0.0, NAN, -0.0, None, NAN]))
    order = keys.sorted_order([array])
    assert order.tolist() == [0, 2, 1, 3, 4]
    assert keys.starts([array.take(pa.array(order))]).tolist() == [0, 2]


def test_equal_rows_stay_in_their_order_and_descending_ones_too():
    first, second = pa.array([1, 0, 1, 0]), pa.array([5, 5, 6, None])
    assert keys.sorted_order([first]).tolist() == [1, 3, 0, 2]
    assert keys.sorted_order([first, second], [False, True]).tolist() == [1, 3, 2, 0]


def test_groups_begin_where_any_column_changes():
    one, two = pa.array(["a", "a", None, None, None]), pa.array([1, 2, 2, 2, None])
    assert keys.starts([one, two]).tolist() == [0, 1, 2, 4]
    assert keys.starts([pa.nulls(0, pa.int64())]).tolist() == []


@pytest.mark.parametrize(
    "type_", [pa.list_(pa.int64()), pa.struct({"a": pa.int64()}), pa.json_()], ids=str
)
def test_nested_values_have_no_order(type_):
    assert not keys.is_sortable(type_)
