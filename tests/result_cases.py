"""Results of functions, and what they become: the README's table, row by row."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
import zoneinfo
from array import array
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

NAN, INF = float("nan"), float("inf")
UTC, BERLIN, TOKYO = map(zoneinfo.ZoneInfo, ("UTC", "Europe/Berlin", "Asia/Tokyo"))
PLUS_TWO, MINUS = dt.timezone(dt.timedelta(hours=2)), dt.timezone(dt.timedelta(hours=-9.5))
DAY, NOON, TEXT_NOON = dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 12), "2024-01-31 12:00:00"
STAMP, NANO = pd.Timestamp(NOON), pd.Timestamp(1)
D, UUID = decimal.Decimal, uuid.UUID(int=1)
Size = enum.Enum("Size", {"L": "large", "S": "small"})
Level = enum.IntEnum("Level", {"LOW": 1})
Point = namedtuple("Point", "x y")

STRING, DOUBLE, INT, BINARY = pa.string(), pa.float64(), pa.int64(), pa.binary()
MICRO, SPAN = pa.timestamp("us"), pa.duration("us")


@dataclass
class Cell:
    """A record."""

    x: int
    y: str


@dataclass(frozen=True)
class Case:
    """Results of rows one after the other, and what is written of them."""

    row: str  # the first cell of a row of the README's table
    values: list[Any]
    type: Any  # in Parquet and Arrow
    made: list[Any]  # the values there
    csv: list[str]
    json: list[str]
    dtype: str | None = None


def same(row: str, values: list, type_: Any, fields: list[str], made: Any = None) -> Case:
    """Values that JSON writes as CSV does; missing ones are ''."""
    json = [field or "null" for field in fields]
    return Case(row, values, type_, values if made is None else made, fields, json)


def text(row: str, values: list, type_: Any, fields: list[str], made: Any = None) -> Case:
    """Values that are text in JSON."""
    json = [f'"{field}"' if field else "null" for field in fields]
    return Case(row, values, type_, values if made is None else made, fields, json)


def moments(row: str, values: list, type_: Any, fields: list[str], made: Any = None) -> Case:
    """Values that are text in JSON, with a T in it."""
    json = [f'"{field.replace(" ", "T")}"' if field else "null" for field in fields]
    return Case(row, values, type_, values if made is None else made, fields, json)


def bools(row: str, values: list) -> Case:
    """Values that are True, False or None."""
    plain = [None if value is None else bool(value) for value in values]
    csv = ["" if value is None else str(value) for value in plain]
    return Case(row, values, pa.bool_(), plain, csv, [field.lower() or "null" for field in csv])


def forced(dtype: str, case: Case) -> Case:
    """A case with a type that was asked for."""
    return Case(case.row, case.values, case.type, case.made, case.csv, case.json, dtype)


def zoned(zone: Any) -> dt.datetime:
    """Noon there."""
    return NOON.replace(tzinfo=zone)


MISSING, NUMPY, FLOAT32 = "`None`, `pd.NA`, `NaT`", "numpy scalar, array", "numpy float32, float16"
ZONE, ZONES = "datetime with a zone or an offset", "the same, of several"
FINE, RECORD = "datetime, timedelta with nanoseconds", "dict or record inside a field or list"
LISTS, DIGITS = "list, tuple, set", "int beyond 64 bits"
FLOATS, DECIMALS = "int in some rows, float in others", "int and Decimal; Decimal and float"
FORCED = "anything, with `--dtype NAME=str`"
OTHER = "int, float and so on, with `--dtype`"
XY = pa.list_(pa.struct({"x": INT, "y": STRING}))

CASES = [
    Case(MISSING, [None, None, pd.NA], pa.null(), [None] * 3, [""] * 3, ["null"] * 3),
    Case(
        MISSING, [pd.NaT, np.datetime64("NaT", "s")], pa.null(), [None] * 2, [""] * 2, ["null"] * 2
    ),
    same(MISSING, [None, 3, pd.NA, pd.NaT], INT, ["", "3", "", ""], [None, 3, None, None]),
    text(MISSING, ["a", None], STRING, ["a", ""]),
    text(MISSING, [DAY, pd.NaT], pa.date32(), ["2024-01-31", ""], [DAY, None]),
    same(MISSING, [None, [1]], pa.list_(INT), ["", "[1]"]),
    same("NaN", [NAN, 0.5, None], DOUBLE, ["", "0.5", ""]),
    same("NaN", [NAN, NAN], DOUBLE, ["", ""]),
    same("NaN", [3, NAN], DOUBLE, ["3.0", ""], [3.0, NAN]),
    bools("bool", [True, False]),
    same("int", [3, -(2**63), 2**63 - 1], INT, ["3", str(-(2**63)), str(2**63 - 1)]),
    same(DIGITS, [2**63, 1], pa.decimal128(19, 0), [str(2**63), "1"], [D(2**63), D(1)]),
    same(DIGITS, [1, 2**64], pa.decimal128(38, 0), ["1", str(2**64)], [D(1), D(2**64)]),
    same(DIGITS, [10**50, 1], pa.decimal256(57, 0), [str(10**50), "1"], [D(10**50), D(1)]),
    same("float", [1.0, 0.1, 1e300, 1e-7], DOUBLE, ["1.0", "0.1", "1e+300", "1e-07"]),
    Case("float", [INF, -INF], DOUBLE, [INF, -INF], ["inf", "-inf"], ["null", "null"]),
    text("str", ["a", "é", "x y", "a,b"], STRING, ["a", "é", "x y", "a,b"]),
    Case("str", ['a"b', "", "\n"], STRING, ['a"b', "", "\n"], ['a"b', "", "\n"],
         [r'"a\"b"', '""', r'"\n"']),
    text("bytes", [b"a", "é".encode(), None], BINARY, ["a", "é", ""]),
    Case("bytes", [b"\xff", rb"\xff"], BINARY, [b"\xff", rb"\xff"], [r"\xff", r"\\xff"],
         [r'"\\xff"', r'"\\\\xff"']),
    text("bytes", [bytearray(b"a"), memoryview(b"b")], BINARY, ["a", "b"], [b"a", b"b"]),
    text("date", [DAY, dt.date(1, 1, 1)], pa.date32(), ["2024-01-31", "0001-01-01"]),
    moments("datetime", [NOON, None], MICRO, [TEXT_NOON, ""]),
    moments("datetime", [NOON.replace(microsecond=5)], MICRO, ["2024-01-31 12:00:00.000005"]),
    moments("datetime", [np.datetime64(NOON), STAMP], MICRO, [TEXT_NOON] * 2, [NOON] * 2),
    moments(ZONE, [zoned(BERLIN), None], pa.timestamp("us", "Europe/Berlin"),
            [f"{TEXT_NOON}+01:00", ""]),
    moments(ZONE, [STAMP.tz_localize("Europe/Berlin")], pa.timestamp("us", "Europe/Berlin"),
            [f"{TEXT_NOON}+01:00"]),
    moments(ZONE, [zoned(UTC), zoned(dt.UTC)], pa.timestamp("us", "UTC"),
            [f"{TEXT_NOON}+00:00"] * 2),
    moments(ZONE, [zoned(PLUS_TWO)] * 2, pa.timestamp("us", "+02:00"), [f"{TEXT_NOON}+02:00"] * 2),
    moments(ZONE, [zoned(MINUS)], pa.timestamp("us", "-09:30"), [f"{TEXT_NOON}-09:30"]),
    moments(ZONES, [zoned(BERLIN), zoned(TOKYO)], pa.timestamp("us", "UTC"),
            ["2024-01-31 11:00:00+00:00", "2024-01-31 03:00:00+00:00"]),
    moments(ZONES, [zoned(PLUS_TWO), zoned(MINUS), None], pa.timestamp("us", "UTC"),
            ["2024-01-31 10:00:00+00:00", "2024-01-31 21:30:00+00:00", ""]),
    text("time", [dt.time(9, 5), dt.time(0, 0, 1, 5)], pa.time64("us"),
         ["09:05:00", "00:00:01.000005"]),
    text("timedelta", [dt.timedelta(1, 5), -dt.timedelta(0, 5), dt.timedelta(0, 0, 5)], SPAN,
         ["1 days 00:00:05", "-1 days +23:59:55", "0 days 00:00:00.000005"]),
    text("timedelta", [np.timedelta64(5, "s"), pd.Timedelta(1, "D")], SPAN,
         ["0 days 00:00:05", "1 days 00:00:00"], [dt.timedelta(0, 5), dt.timedelta(1)]),
    moments(FINE, [NOON, NANO, np.datetime64(1, "ns")], pa.timestamp("ns"),
            [TEXT_NOON, *["1970-01-01 00:00:00.000000001"] * 2], [STAMP, NANO, NANO]),
    moments(FINE, [NANO.tz_localize("Asia/Tokyo"), None], pa.timestamp("ns", "Asia/Tokyo"),
            ["1970-01-01 00:00:00.000000001+09:00", ""]),
    text(FINE, [dt.timedelta(1), pd.Timedelta(1), np.timedelta64(-1, "ns")], pa.duration("ns"),
         ["1 days 00:00:00", "0 days 00:00:00.000000001", "-1 days +23:59:59.999999999"],
         [pd.Timedelta(1, "D"), pd.Timedelta(1), pd.Timedelta(-1)]),
    same("Decimal", [D("1.10"), D(-20), D("1E+3")], pa.decimal128(21, 2),
         ["1.10", "-20.00", "1000.00"], [D("1.10"), D("-20.00"), D("1000.00")]),
    same("Decimal", [D("1e-25"), D(10**20)], pa.decimal256(63, 25),
         [f"0.{'0' * 24}1", f"{10**20}.{'0' * 25}"], [D("1e-25"), D(f"{10**20}.{'0' * 25}")]),
    text("UUID", [UUID, None], STRING, [str(UUID), ""], [str(UUID), None]),
    text("Enum", [Size.L, Size.S], STRING, ["large", "small"], ["large", "small"]),
    same("Enum", [Level.LOW, 2], INT, ["1", "2"], [1, 2]),
    same(NUMPY, [np.int8(-1), np.uint8(2), np.int64(3)], INT, ["-1", "2", "3"], [-1, 2, 3]),
    same(NUMPY, [np.uint64(2**64 - 1)], pa.decimal128(38, 0), [str(2**64 - 1)], [D(2**64 - 1)]),
    same(NUMPY, [np.float64(0.1), np.longdouble(0.5)], DOUBLE, ["0.1", "0.5"], [0.1, 0.5]),
    bools(NUMPY, [np.bool_(True), False]),
    text(NUMPY, [np.str_("a"), "b"], STRING, ["a", "b"], ["a", "b"]),
    text(NUMPY, [np.datetime64("2024-01-31")], pa.date32(), ["2024-01-31"], [DAY]),
    same(NUMPY, [np.array([1, 2]), [3]], pa.list_(INT), ["[1, 2]", "[3]"], [[1, 2], [3]]),
    same(NUMPY, [np.array([[1], [2]])], pa.list_(pa.list_(INT)), ["[[1], [2]]"], [[[1], [2]]]),
    same(NUMPY, [pd.Index([1]), array("b", [3])], pa.list_(INT), ["[1]", "[3]"], [[1], [3]]),
    same(FLOAT32, [np.float32(0.1), None, np.float16(0.1)], DOUBLE, ["0.1", "", "0.1"],
         [0.1, None, 0.1]),
    same(FLOAT32, [np.float32(0.1), 0.1, 2], DOUBLE, ["0.1", "0.1", "2.0"], [0.1, 0.1, 2.0]),
    same(LISTS, [[1, None], [], None], pa.list_(INT), ["[1, null]", "[]", ""]),
    same(LISTS, [(1,), (2,)], pa.list_(INT), ["[1]", "[2]"], [[1], [2]]),
    same(LISTS, [{"b", "a"}, frozenset()], pa.list_(STRING), ['["a", "b"]', "[]"],
         [["a", "b"], []]),
    same(LISTS, [[1], [0.5]], pa.list_(DOUBLE), ["[1]", "[0.5]"], [[1.0], [0.5]]),
    same(LISTS, [[[1], None], [[]]], pa.list_(pa.list_(INT)), ["[[1], null]", "[[]]"]),
    same(LISTS, [[b"\xff"], None], pa.list_(BINARY), [r'["\\xff"]', ""]),
    same(LISTS, [[INF], [b"a"][:0]], pa.list_(DOUBLE), ["[null]", "[]"]),
    same(LISTS, [[D("1.10")]], pa.list_(pa.decimal128(21, 2)), ["[1.10]"]),
    same(LISTS, [[NOON], None], pa.list_(MICRO), ['["2024-01-31T12:00:00"]', ""]),
    same(LISTS, [[dt.timedelta(1)]], pa.list_(SPAN), ['["1 days 00:00:00"]']),
    same(RECORD, [[{"a": 1}], [{"b": "x"}]], pa.list_(pa.struct({"a": INT, "b": STRING})),
         ['[{"a": 1}]', '[{"b": "x"}]'],
         [[{"a": 1, "b": None}], [{"a": None, "b": "x"}]]),
    same(RECORD, [[Cell(1, "a")], [Point(2, "b")]], XY,
         ['[{"x": 1, "y": "a"}]', '[{"x": 2, "y": "b"}]'],
         [[{"x": 1, "y": "a"}], [{"x": 2, "y": "b"}]]),
    same(RECORD, [[pd.Series({"x": 3, "y": "c"})]], XY, ['[{"x": 3, "y": "c"}]'],
         [[{"x": 3, "y": "c"}]]),
    same(FLOATS, [1, 0.5, None], DOUBLE, ["1.0", "0.5", ""], [1.0, 0.5, None]),
    same(FLOATS, [2**60, 0.5], DOUBLE, ["1.152921504606847e+18", "0.5"], [2.0**60, 0.5]),
    same(DECIMALS, [1, D("0.50")], pa.decimal128(21, 2), ["1.00", "0.50"], [D("1.00"), D("0.50")]),
    same(DECIMALS, [2**64, D("0.5")], pa.decimal256(39, 1), [f"{2**64}.0", "0.5"],
         [D(f"{2**64}.0"), D("0.5")]),
    same(DECIMALS, [D("1.10"), 0.5], DOUBLE, ["1.1", "0.5"], [1.1, 0.5]),
    forced("str", text(FORCED, [1, "a", None, NAN], STRING, ["1", "a", "", ""],
                       ["1", "a", None, None])),
    forced("str", text(FORCED, [True, DAY, Size.L], STRING, ["True", "2024-01-31", "large"],
                       ["True", "2024-01-31", "large"])),
    forced("str", text(FORCED, [NOON, dt.timedelta(1)], STRING, [TEXT_NOON, "1 days 00:00:00"],
                       [TEXT_NOON, "1 days 00:00:00"])),
    forced("str", text(FORCED, [dt.time(9, tzinfo=dt.UTC), np.float32(0.1)], STRING,
                       ["09:00:00+00:00", "0.1"], ["09:00:00+00:00", "0.1"])),
    forced("str", Case(FORCED, [[1, "a"], {"a": D("1.10")}], STRING,
                       ['[1, "a"]', '{"a": 1.10}'], ['[1, "a"]', '{"a": 1.10}'],
                       [r'"[1, \"a\"]"', r'"{\"a\": 1.10}"'])),
    forced("decimal(10,2)", same(OTHER, [1, 0.1, 1 / 3, NAN], pa.decimal128(10, 2),
                                 ["1.00", "0.10", "0.33", ""],
                                 [D("1.00"), D("0.10"), D("0.33"), None])),
    forced("decimal(10,2)", same(OTHER, [1, D("2.5"), 0.5], pa.decimal128(10, 2),
                                 ["1.00", "2.50", "0.50"], [D("1.00"), D("2.50"), D("0.50")])),
    forced("float", same(OTHER, [True, 1, 0.5], DOUBLE, ["1.0", "1.0", "0.5"], [1.0, 1.0, 0.5])),
    forced("int", same(OTHER, [2**60 + 1, 1.0, "7", None], INT, [str(2**60 + 1), "1", "7", ""],
                       [2**60 + 1, 1, 7, None])),
    forced("timestamp", moments(OTHER, [zoned(PLUS_TWO), NOON], MICRO,
                                ["2024-01-31 10:00:00", TEXT_NOON],
                                [NOON.replace(hour=10), NOON])),
    forced("float", same(OTHER, [1, None, D("2.5")], DOUBLE, ["1.0", "", "2.5"], [1.0, None, 2.5])),
    forced("float32", same(OTHER, [0.1], pa.float32(), ["0.1"], [float(np.float32(0.1))])),
    forced("int", same(OTHER, [1.0, D("2.00"), NAN], INT, ["1", "2", ""], [1, 2, None])),
    forced("timestamp", moments(OTHER, [DAY, None], MICRO, ["2024-01-31 00:00:00", ""],
                                [dt.datetime(2024, 1, 31), None])),
    forced("date", text(OTHER, [NOON, DAY], pa.date32(), ["2024-01-31"] * 2, [DAY] * 2)),
    forced("timestamp[ns]", moments(OTHER, [NOON], pa.timestamp("ns"), [TEXT_NOON], [STAMP])),
    forced("int", same(OTHER, [None, None], INT, ["", ""])),
]  # fmt: skip

# Columns of their own: what a function returns, and what CSV has.
RECORDS = {
    "dict": ([{"x": 1, "y": "a"}, {"z": 0.5}], "x,y,z\n1,a,\n,,0.5\n"),
    "namedtuple": ([Point(1, "a"), None], "x,y\n1,a\n,\n"),
    "dataclass": ([Cell(1, "a"), Cell(2, "b")], "x,y\n1,a\n2,b\n"),
    "Series": ([pd.Series({"x": 1, "y": "a"})], "x,y\n1,a\n"),
}

# What does not go together: both rows are named. And what is nothing for a column at all.
CONFLICTS = [
    [1, "a"], [1.5, "a"], [True, 1], [True, 0.5], [DAY, NOON], [NOON, zoned(UTC)], ["a", b"a"],
    [1, dt.timedelta(1)], [1, [1]], [[1], ["a"]], [[{"a": 1}], [{"a": "x"}]], [D(1), "a"],
    [UUID, 1], [DAY, dt.time(1)], [NANO, NANO.tz_localize("UTC")],
]  # fmt: skip
MISFITS = [
    (object(), "object"), (dt.time(9, tzinfo=dt.UTC), "zone"), (1j, "complex"),
    (pd.DataFrame({"a": [1]}), "whole DataFrame"), (10**80, "76"), (D("NaN"), "NaN"),
    ("\ud800", "Unicode"), ([1, "a"], "1 (int) and 'a' (str) inside"),
]  # fmt: skip
REFUSED = [
    ("int", 0.5), ("int", "a"), ("int", 2**63), ("decimal(10,2)", 10**8), ("bool", "a"),
    ("decimal(10,2)", D("0.125")), ("timestamp[ns]", dt.datetime(2900, 1, 1)),
    ("int8", 128), ("decimal(10,2)", INF),
]  # fmt: skip
