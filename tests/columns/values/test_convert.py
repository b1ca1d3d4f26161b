"""Python values to Arrow arrays and back. The oracle is pyarrow itself, or the values."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import re
import uuid
import warnings
import zoneinfo
from array import array
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parapply.columns.arrays import integers, to_list
from parapply.columns.values.convert import MixedTypesError, UnsupportedValueError, to_array
from parapply.execute.outcomes import _first_value as first_value

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
with warnings.catch_warnings(action="ignore"):  # from numpy 2.5 on
    UNITLESS = np.timedelta64(5)
NOON = dt.datetime(2024, 5, 1, 12, 30, 1, 999)
Point = namedtuple("Point", "x y")


def named(values):
    """A test's name, the same in every process: without the places of objects in memory."""
    return re.sub(" at 0x[0-9a-f]+", "", str(values))


@dataclass
class Cell:
    x: int
    y: list | None = None


class Color(enum.Enum):
    RED = "red"


# Whatever pa.array makes of plain values, to_array makes too.

SAME = {
    "ints": st.integers(-(2**63), 2**63 - 1),
    "floats": st.floats(allow_nan=False),
    "texts": st.text(),
    "bools": st.booleans(),
    "bytes": st.binary(),
    "dates": st.dates(),
    "datetimes": st.datetimes(),
    "times": st.times(),
    "durations": st.timedeltas(dt.timedelta(-100000), dt.timedelta(100000)),
    "lists": st.lists(st.integers(0, 9), max_size=3),
    "nested lists": st.lists(st.lists(st.text(max_size=2), max_size=2), max_size=2),
    "dicts": st.fixed_dictionaries({"a": st.integers(0, 9)}, optional={"b": st.text(max_size=2)}),
}


@pytest.mark.parametrize("kind", SAME)
@given(data=st.data())
def test_plain_values_make_what_pyarrow_makes(kind, data):
    values = data.draw(st.lists(st.none() | SAME[kind], max_size=8))
    made = to_array(values)
    made.validate(full=True)
    assert made.to_pylist() == pa.array(values).to_pylist()
    assert made.type == pa.array(values).type


@pytest.mark.parametrize("kind", SAME)
@given(data=st.data())
def test_a_slice_of_an_array_comes_back_as_the_values(kind, data):
    values = data.draw(st.lists(st.none() | SAME[kind], max_size=8))
    start = data.draw(st.integers(0, len(values)))
    assert to_list(to_array(values)[start:]) == to_array(values).to_pylist()[start:]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], pa.nulls(0)),
        ([None, None], pa.nulls(2)),
        ([1, 0.5, None], pa.array([1.0, 0.5, None])),
        ([2**62, -1], pa.array([2**62, -1])),
        ([1, decimal.Decimal("1.5"), 0.25], pa.array([1.0, 1.5, 0.25])),
        ([2**70, 0.5], pa.array([2.0**70, 0.5])),
        ([np.int8(1), 2], pa.array([1, 2])),
        ([np.float32(0.1), None, 1, 0.1], pa.array([0.1, None, 1, 0.1])),
        ([np.float16(0.1), np.float32("nan")], pa.array([0.1, float("nan")])),
        ([np.array([0.1], "f4")], pa.array([[0.1]])),
        ([np.array(3), np.uint8(4)], pa.array([3, 4])),
        ([np.longdouble(0.5)], pa.array([0.5])),
        ([np.array([1], "M8[ns]")], pa.array([[1]], pa.list_(pa.timestamp("ns")))),
        ([np.array(["2024-05-01"], "M8[D]")], pa.array([[dt.date(2024, 5, 1)]])),
        ([pd.Index([1, 2]), array("b", [3])], pa.array([[1, 2], [3]])),
        ([pd.array([1, None], "Int64")], pa.array([[1, None]])),
        ([pa.scalar(1), pa.scalar(None)], pa.array([1, None])),
        ([pa.array([1])], pa.array([[1]])),
        ([pl.Series([1])], pa.array([[1]])),
        ([Cell(1, [Cell(2)])], pa.array([{"x": 1, "y": [{"x": 2, "y": None}]}])),
        ([np.bool_(True), False], pa.array([True, False])),
        ([np.str_("a"), "b"], pa.array(["a", "b"])),
        ([np.datetime64("2024-05-01")], pa.array([dt.date(2024, 5, 1)])),
        ([np.datetime64("2024-05-01T12")], pa.array([dt.datetime(2024, 5, 1, 12)])),
        ([np.timedelta64(3, "s")], pa.array([dt.timedelta(seconds=3)])),
        ([np.array([1, 2]), [3]], pa.array([[1, 2], [3]])),
        ([pd.NA, 1], pa.array([None, 1])),
        ([pd.NaT, dt.date(2024, 5, 1)], pa.array([None, dt.date(2024, 5, 1)])),
        ([pd.Timestamp(NOON)], pa.array([NOON])),
        ([pd.Timedelta("1 day")], pa.array([dt.timedelta(1)])),
        ([pd.Series({"a": 1})], pa.array([{"a": 1}])),
        ([Color.RED, "blue"], pa.array(["red", "blue"])),
        ([uuid.UUID(int=1)], pa.array([str(uuid.UUID(int=1))])),
        ([Point(1, "a")], pa.array([{"x": 1, "y": "a"}])),
        ([OrderedDict(a=1)], pa.array([{"a": 1}])),
        ([(1, 2), None], pa.array([[1, 2], None])),
        ([{3}, frozenset()], pa.array([[3], []])),
        ([bytearray(b"a"), memoryview(b"b")], pa.array([b"a", b"b"])),
        ([{"a": 1}, {"b": 0.5}, {}], pa.array([{"a": 1, "b": None}, {"b": 0.5}, {}])),
        ([{1: "one"}], pa.array([{"1": "one"}])),
        ([[1], [0.5], None], pa.array([[1.0], [0.5], None])),
        (["a\0b", "é😀", ""], pa.array(["a\0b", "é😀", ""])),
    ],
    ids=named,
)
def test_what_libraries_wrap_is_unwrapped(values, expected):
    made = to_array(values)
    made.validate(full=True)
    assert made.type == expected.type
    assert str(made.to_pylist()) == str(expected.to_pylist())  # NaN is NaN


def test_nan_stays_a_number_and_is_not_missing():
    made = to_array([float("nan"), None])
    assert made.is_null().to_pylist() == [False, True]


def test_decimals_have_the_finest_scale_of_all():
    values = [decimal.Decimal("1.10"), None, decimal.Decimal("-20"), decimal.Decimal("1E+3"), 7]
    made = to_array(values)
    assert made.type.scale == 2
    assert made.to_pylist() == values


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**37])
def test_integers_beyond_64_bits_are_decimals(number):
    made = to_array([number, None, -1])
    assert pa.types.is_decimal(made.type)
    assert made.to_pylist() == [number, None, -1]


PLUS_TWO, MINUS = dt.timezone(dt.timedelta(hours=2)), dt.timezone(-dt.timedelta(hours=9.5))
SECONDS = dt.timezone(dt.timedelta(seconds=90))


class Nameless(dt.tzinfo):
    """A zone without a hash, as dateutil's were, and without a name."""

    __hash__ = None

    def utcoffset(self, moment):
        return BERLIN.utcoffset(moment)


@pytest.mark.parametrize(
    ("zones", "name"),
    [
        ([BERLIN], "Europe/Berlin"),
        ([PLUS_TWO], "+02:00"),
        ([MINUS, MINUS], "-09:30"),
        ([dt.UTC, zoneinfo.ZoneInfo("UTC")], "UTC"),
        ([BERLIN, PLUS_TWO], "UTC"),
        ([PLUS_TWO, MINUS], "UTC"),
        ([SECONDS], "UTC"),
        ([Nameless()], "+02:00"),
        ([Nameless(), Nameless(), PLUS_TWO], "+02:00"),
        ([Nameless(), BERLIN], "UTC"),
    ],
    ids=named,
)
def test_one_zone_or_offset_is_kept_and_several_are_utc(zones, name):
    values = [None, *(NOON.replace(tzinfo=zone) for zone in zones)]
    made = to_array(values)
    assert made.type == pa.timestamp("us", name)
    assert to_list(made) == values


def test_a_time_with_a_zone_is_refused():
    with pytest.raises(UnsupportedValueError, match="zone"):
        to_array([dt.time(9), dt.time(9, tzinfo=dt.UTC)])


@pytest.mark.parametrize(
    ("values", "type_", "ticks"),
    [
        ([pd.Timestamp(1), None], pa.timestamp("ns"), [1, None]),
        ([pd.Timestamp(-1), NOON], pa.timestamp("ns"), [-1, pd.Timestamp(NOON).value]),
        ([pd.Timestamp(1, tz="Asia/Tokyo")], pa.timestamp("ns", "Asia/Tokyo"), [1]),
        ([pd.Timestamp(1000)], pa.timestamp("us"), [1]),
        ([np.datetime64(1, "ns")], pa.timestamp("ns"), [1]),
        ([np.datetime64(7000, "ps"), NOON], pa.timestamp("ns"), [7, pd.Timestamp(NOON).value]),
        ([np.datetime64(1, "s")], pa.timestamp("us"), [1_000_000]),
        ([np.datetime64("NaT", "s"), np.timedelta64("NaT", "s")], pa.null(), [None, None]),
        ([pd.Timedelta(-1, "ns"), dt.timedelta(1)], pa.duration("ns"), [-1, 86400 * 10**9]),
        ([np.timedelta64(5, "ns"), None], pa.duration("ns"), [5, None]),
        ([np.timedelta64(5, "W")], pa.duration("us"), [5 * 604800 * 10**6]),
        ([UNITLESS], pa.int64(), [5]),
        ([np.datetime64("2024-05"), None], pa.date32(), [19844, None]),
    ],
    ids=named,
)
def test_nanoseconds_are_kept_where_a_value_has_them(values, type_, ticks):
    made = to_array(values)
    assert made.type == type_
    integers = made if type_ == pa.null() else made.view(f"int{type_.bit_width}")
    assert integers.to_pylist() == ticks


@pytest.mark.parametrize(
    "values",
    [
        [pd.Timestamp(1), dt.datetime(2900, 1, 1)],
        [pd.Timestamp(1), np.datetime64(10**15, "s")],
        [pd.Timestamp(1), np.datetime64(1, "ps")],
        [dt.timedelta(1), dt.timedelta.max],
        [dt.timedelta(1), np.timedelta64(1, "Y")],
        [pd.Timestamp(1), np.datetime64("20000-01-01")],
    ],
    ids=named,
)
def test_a_time_that_no_unit_holds_is_named(values):
    with pytest.raises(UnsupportedValueError) as raised:
        to_array(values)
    assert raised.value.position == 1


@pytest.mark.parametrize("zone", ["+02:00", "-09:30"])
def test_timestamps_with_an_offset_come_back_with_it(zone):
    array = pa.array([NOON], pa.timestamp("us")).cast(pa.timestamp("us", zone))
    assert to_list(array)[0].isoformat().endswith(zone)
    assert to_list(array) == [NOON.replace(tzinfo=dt.UTC)]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_timestamps_come_back_as_datetimes(unit):
    moment = NOON.replace(microsecond=0)
    array = pa.array([None, moment], pa.timestamp(unit))
    assert to_list(array) == [None, moment]
    assert to_list(pa.chunked_array([array, array])) == [None, moment] * 2


def test_nanoseconds_come_back_as_pandas_has_them():
    array = pa.array([1], pa.timestamp("ns"))
    assert to_list(array) == [pd.Timestamp(1)]


# What does not fit.


@pytest.mark.parametrize(
    ("values", "positions"),
    [
        ([None, 1, "a"], (1, 2)),
        ([1, True], (0, 1)),
        ([True, 0.5], (0, 1)),
        (["a", "b", b"c"], (0, 2)),
        ([NOON.date(), NOON], (0, 1)),
        ([NOON, NOON.replace(tzinfo=BERLIN)], (0, 1)),
        ([[1], [2, "a"]], (0, 1)),
        ([{"a": 1}, {}, {"a": "x"}], (0, 2)),
        ([[1], {"a": 1}], (0, 1)),
    ],
    ids=named,
)
def test_two_values_of_different_types_are_named(values, positions):
    with pytest.raises(MixedTypesError) as raised:
        to_array(values)
    assert (raised.value.first, raised.value.second) == positions


@pytest.mark.parametrize(
    ("values", "position", "why"),
    [
        ([1, object()], 1, "object"),
        ([None, lambda: 0], 1, "function"),
        (["a", "\ud800"], 1, "not valid Unicode"),
        ([decimal.Decimal(1), decimal.Decimal("NaN")], 1, "NaN"),
        ([1, 10**80], 1, "76"),
        ([0.5, 10**400], 1, "76"),
        ([0.5, decimal.Decimal("NaN")], 1, "NaN"),
        ([1, decimal.Decimal("1e-58")], 1, "57"),
        ([[1], [object()]], 1, "object"),
        ([{"a": 1j}], 0, "complex"),
        ([1, pd.DataFrame()], 1, "a whole DataFrame"),
        ([[pa.table({})]], 0, "a whole Table"),
    ],
    ids=named,
)
def test_a_value_that_no_column_holds_is_named(values, position, why):
    with pytest.raises(UnsupportedValueError) as raised:
        to_array(values)
    assert raised.value.position == position
    assert why in raised.value.why


# The small ones.


def test_integers_takes_any_sequence():
    for values in ([1, 2], np.array([1, 2], "i4"), np.arange(6)[1:5:3], range(1, 3)):
        assert integers(values).to_pylist() == [int(value) for value in values]
        assert integers(values).type == pa.int64()


@pytest.mark.parametrize(
    ("values", "position"), [([1, 2], 0), ([None, None, 3], 2), ([None], 0), ([], 0)]
)
def test_first_value_is_the_first_that_is_not_missing(values, position):
    assert first_value(pa.array(values, pa.int64())) == position
