"""Values as CSV text. The oracle is what pandas writes, and what csv reads."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import json
import re
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parapply import Job, run
from parapply.columns.arrays import text_data
from parapply.columns.text.strings import strings
from parapply.columns.values.convert import to_array
from parapply.formats.csv import text
from parapply.formats.csv.dialect import Dialect
from parapply.model.errors import OutputError

ODD_FLOATS = [0.0, -0.0, 1e16, 1e15, 9999999999999998.0, 1e-4, 9.9e-5, 5e-324, 1e22, -1e300]


def written(array: pa.Array) -> list[str]:
    return strings(array).to_pylist()


def by_pandas(values: list, **settings) -> list[str]:
    """The fields that pandas writes of one column."""
    frame = pd.DataFrame({"x": values, "end": "."}, **settings)
    return [row[0] for row in csv.reader(io.StringIO(frame.to_csv(index=False)))][1:]


FLOATS = st.floats() | st.integers(-(10**18), 10**18).map(float) | st.sampled_from(ODD_FLOATS)


@given(st.lists(st.none() | FLOATS, min_size=1))
@example(ODD_FLOATS)
@example([*ODD_FLOATS, *[0.5] * 100])
@example([1e10, 1e10 + 0.5, 9999999999.5, 9999999999.0, 1234567.0])
@example([float("inf"), 1.0, *[0.25, None] * 20])
@example([float("nan"), None])
def test_floats_have_the_digits_of_repr(values):
    expected = ["" if v is None or v != v else repr(v) for v in values]
    assert written(to_array(values).cast(pa.float64())) == expected


@given(st.lists(FLOATS, min_size=1))
def test_floats_are_written_as_pandas_writes_them(values):
    assert written(to_array(values)) == by_pandas(values)


@given(st.lists(st.none() | FLOATS, min_size=1), st.data())
def test_a_slice_is_written_like_the_whole(values, data):
    start = data.draw(st.integers(0, len(values)))
    array = to_array(values).cast(pa.float64())
    assert written(array.slice(start)) == written(array)[start:]


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1))
def test_narrow_floats_have_the_digits_of_their_own_width(values):
    array = pa.array(np.array(values, "f4"))
    assert written(array) == [repr(float(str(value))) for value in np.array(values, "f4")]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_are_written_as_pandas_writes_them(values):
    assert written(to_array(values)) == by_pandas(values)


MOMENT = dt.datetime(2024, 1, 31, 12, 0, 0)
BERLIN = ["1900-01-31 13:00:00+01:00"]
NANOSECONDS = ["1970-01-01 02:00:00.000000001+02:00", "1970-01-01 01:59:59.999999999+02:00", ""]
D = decimal.Decimal
TIMES = ["00:00:00.000000001", "00:00:00.000001500", "00:00:00"]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([True, False, None]), ["True", "False", ""]),
        (pa.nulls(2), ["", ""]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([0.5, None], pa.float16()), ["0.5", ""]),
        (pa.array([dt.date(2024, 1, 31), None]), ["2024-01-31", ""]),
        (pa.array([MOMENT, None], pa.timestamp("us")), ["2024-01-31 12:00:00", ""]),
        (pa.array([MOMENT], pa.timestamp("ns")), ["2024-01-31 12:00:00"]),
        (
            pa.array([MOMENT.replace(microsecond=500)], pa.timestamp("us")),
            ["2024-01-31 12:00:00.000500"],
        ),
        (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
        (pa.array([MOMENT], pa.timestamp("us", "UTC")), ["2024-01-31 12:00:00+00:00"]),
        (pa.array([dt.time(12, 30)]), ["12:30:00"]),
        (pa.array([dt.timedelta(1, 2), None]), ["1 days 00:00:02", ""]),
        (pa.array([decimal.Decimal("1.10")]), ["1.10"]),
        (pa.array([D("1e-8"), D(0), None], pa.decimal128(9, 8)), ["0.00000001", "0.00000000", ""]),
        (
            pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"\0" * 16], pa.binary(16))),
            [str(uuid.UUID(int=0))],
        ),
        (pa.array(pd.arrays.IntervalArray.from_breaks([0, 1])), ['{"left": 0, "right": 1}']),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array(["a", None], pa.large_string()), ["a", ""]),
        (pa.array(["a", None], pa.string_view()), ["a", ""]),
        (pa.array([1, -1, None], pa.timestamp("ns", "+02:00")), NANOSECONDS),
        (pa.array([MOMENT.replace(year=1900)], pa.timestamp("ns", "Europe/Berlin")), BERLIN),
        (pa.array([1, 1500, 0], pa.time64("ns")), TIMES),
        (pa.array([b"a", "é".encode(), None]), ["a", "é", ""]),
        (pa.array([b"\\", b"\xff\xc3\xa9", b"\\xff"]), [r"\\", r"\xffé", r"\\xff"]),
        (pa.array([b"ab", None], pa.binary(2)), ["ab", ""]),
        (pa.array([[1, None], None]), ["[1, null]", ""]),
        (pa.array([{"a": "é"}]), ['{"a": "é"}']),
        (pa.array([[MOMENT]]), ['["2024-01-31T12:00:00"]']),
        (pa.array([[b"\xff"], None]), [r'["\\xff"]', ""]),
        (pa.array([[decimal.Decimal("1.10")]]), ["[1.10]"]),
        (pa.array([{"a": float("nan")}]), ['{"a": null}']),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_each_type_has_its_text(array, expected):
    assert written(array) == expected
    assert written(pa.concat_arrays([array, array])[len(array) :]) == expected


@given(st.lists(st.recursive(st.integers(0, 9), st.lists, max_leaves=5).map(lambda x: [x])))
def test_nested_values_are_json(values):
    try:
        array = pa.array(values)
    except pa.ArrowInvalid:
        return
    assert [json.loads(field) for field in written(array)] == array.to_pylist()


@pytest.mark.parametrize("values", [[MOMENT], [MOMENT, None], [MOMENT.replace(microsecond=7)]])
def test_datetimes_are_written_as_pandas_writes_them(values):
    assert written(to_array(values)) == by_pandas(values)


@given(st.lists(st.timedeltas(dt.timedelta(-90000), dt.timedelta(90000)), min_size=1))
@example([dt.timedelta(0), dt.timedelta(-1), dt.timedelta(microseconds=-1)])
def test_durations_are_those_of_pandas_and_read_back(values):
    fields = written(to_array(values))
    assert fields == [str(pd.Timedelta(value)) for value in values]
    assert pd.to_timedelta(fields).to_pytimedelta().tolist() == values


@pytest.mark.parametrize("ticks", [1, -1, 1500, 10**9 + 1, 86400 * 10**9])
def test_durations_keep_nanoseconds(ticks):
    assert written(pa.array([ticks], pa.duration("ns"))) == [str(pd.Timedelta(ticks))]


def unescaped(field: str) -> bytes:
    """Reverse what is written of bytes, as the README says."""
    return re.sub(
        rb"\\(\\|x(..))",
        lambda found: b"\\" if found[1] == b"\\" else bytes.fromhex(found[2].decode()),
        field.encode(),
    )


@given(st.lists(st.binary() | st.text(st.sampled_from("\\xfé0")).map(str.encode)))
@example([b"\\xff", b"\xff", b"\\\xff"])
def test_bytes_can_be_told_from_their_text(values):
    assert [unescaped(field) for field in written(to_array(values).cast(pa.binary()))] == values


@given(
    st.lists(
        st.lists(st.text(st.sampled_from('a ",;\n\r\té'), max_size=4), min_size=3, max_size=3)
    ),
    st.sampled_from(",;\t|"),
)
def test_lines_are_read_back_by_the_csv_module(rows, delimiter):
    dialect = Dialect(ord(delimiter))
    columns = [
        text.fields(pa.array([row[place] for row in rows], pa.string()), dialect)
        for place in range(3)
    ]
    joined = "".join(text.lines(columns, dialect, "\n").to_pylist())
    assert list(csv.reader(io.StringIO(joined, newline=""), delimiter=delimiter)) == rows


def test_the_only_field_of_a_line_is_quoted_where_it_is_empty():
    lines = text.lines([text.fields(pa.array(["a", None, ""]), Dialect())], Dialect(), "\n")
    assert "".join(lines.to_pylist()) == 'a\n""\n""\n'


@pytest.mark.parametrize("start", [0, 1, 3])
def test_data_gives_the_bytes_of_a_slice(start):
    array = pa.array(["ab", "", "é", "d"])
    assert bytes(text_data(array.slice(start))) == "".join(array.to_pylist()[start:]).encode()


def test_rows_without_a_column_are_no_csv(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("a\n1\n")
    wish = Job(
        expression="{}", inputs=path, output=tmp_path / "out.csv", only=True, backend="serial"
    )
    with pytest.raises(OutputError, match="without a column"):
        run(wish)
