"""Dates and times that Python does not hold: as their tool writes them, or an error; no other text.

DuckDB 2.0.1 wrote the files, see tests/others/parquet_types.py.
"""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.columns.arrays import to_list
from parapply.columns.text.json import values
from parapply.columns.text.strings import strings
from parapply.model.errors import ParapplyError, UnseenError
from tests import DATA

INFINITE = DATA / "infinities-duckdb-2.0.1.parquet"
FAR = DATA / "far-dates-duckdb-2.0.1.parquet"


def run(path, output, **job):
    job = {"expression": "id", "into": "made", **job}
    parapply.run(Job(inputs=path, output=output, backend="serial", **job))
    return output.read_text() if output.suffix != ".parquet" else pq.read_table(output)


def test_infinities_are_written_as_their_tool_writes_them(tmp_path):
    lines = run(INFINITE, tmp_path / "out.csv", select=("ts", "tz", "d", "t", "s", "ms"))
    assert lines.splitlines()[2:4] == [
        "infinity,infinity,infinity,24:00:00,infinity,infinity,1",
        "-infinity,2024-01-01 00:00:00+00:00,-infinity,24:00:00,2024-01-01 00:00:00,"
        "2024-01-01 00:00:00,2",
    ]
    rows = [json.loads(line) for line in run(INFINITE, tmp_path / "out.jsonl").splitlines()]
    assert [row["ts"] for row in rows][1:4] == ["infinity", "-infinity", None]
    assert rows[1]["l"] == ["infinity"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize(("column", "row"), [("ts", 4), ("d", 3), ("l", 5)])
@pytest.mark.parametrize("size", [None, 1])
def test_other_moments_without_a_text_are_an_error_that_says_where(
    tmp_path, column, row, suffix, size
):
    wanted = rf"far-dates.*: row {row}, column '{column}': .* the years 1 to 9999.* --drop"
    with pytest.raises(ParapplyError, match=wanted):
        run(FAR, tmp_path / f"out.{suffix}", select=("id", column), chunk_size=size)
    assert not (tmp_path / f"out.{suffix}").exists()


def test_they_go_from_parquet_to_parquet(tmp_path):
    for path in (FAR, INFINITE):
        table = pq.read_table(path)
        found = run(path, tmp_path / "out.parquet", expression="id > 0", filter=True, into=())
        assert found.equals(table.slice(1))


def far(table: pa.Table):
    return table.select(["ts"])


def test_chunk_functions_of_arrow_are_given_them(tmp_path):
    job = {"function": far, "expression": None, "into": ()}
    column = pq.read_table(FAR)["ts"]
    assert run(FAR, tmp_path / "a.parquet", **job)["ts"].equals(column)
    with pytest.raises(ParapplyError, match="beyond the years 1 to 9999"):
        run(FAR, tmp_path / "a.csv", **job)


def of_pandas(df: pd.DataFrame):
    return df


@pytest.mark.parametrize(("column", "path"), [("d", INFINITE), ("l", INFINITE), ("tns", FAR)])
def test_a_column_that_pandas_cannot_hold_is_named(tmp_path, column, path):
    job = {"function": of_pandas, "by": "chunk", "expression": None, "into": ()}
    with pytest.raises(
        ParapplyError, match=f"pandas frame cannot hold column '{column}'.*--by chunk -c"
    ):
        run(path, tmp_path / "out.parquet", columns=("id", column), **job)
    assert run(path, tmp_path / "out.parquet", columns="id", **job).num_rows == 5


@pytest.mark.parametrize("column", ["ts", "tz", "d", "s"])
def test_row_functions_are_not_given_what_python_has_not(tmp_path, column):
    with pytest.raises(ParapplyError, match=rf"row 2, column '{column}': .*pyarrow.Table"):
        run(INFINITE, tmp_path / "out.csv", expression=column, select="id")


def whole(row):
    return str(dict(row)["d"])


def at_times(row):
    return "not looked at" if row.id == 3 else str(row.d)


async def slow(row):
    return str(row["d"])


def looked(row):
    return at_times(row)


LOOKS = {
    "expression": ({"expression": "str(d)"}, 2),
    "whole row": ({"function": whole, "expression": None}, 2),
    "at times": ({"function": at_times, "expression": None}, 1),
    "handed on": ({"function": looked, "expression": None}, 1),
    "async": ({"function": slow, "expression": None}, 2),
    "value": ({"expression": "str(value)", "columns": ("d",)}, 2),
    "explode": ({"expression": "[str(d)]", "explode": True}, 2),
}


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("how", LOOKS)
def test_a_row_whose_date_a_function_cannot_be_given_fails_by_itself(tmp_path, how, size):
    days = pa.array([0, 1, 10**7, 2, -(10**7)], pa.int32()).cast(pa.date32())
    path, bad = tmp_path / "in.parquet", tmp_path / "bad.parquet"
    pq.write_table(pa.table({"id": [1, 2, 3, 4, 5], "d": days}), path)
    job, count = LOOKS[how]
    job = {**job, "inputs": path, "into": "r", "select": "id", "chunk_size": size, "retries": 3}
    job["backend"] = "serial"
    report = parapply.run(Job(**job, output=tmp_path / "o.csv", errors_to=bad))
    found = [1, 2, 4] if count == 2 else [1, 2, 3, 4]
    assert pd.read_csv(tmp_path / "o.csv")["id"].tolist() == found
    assert (report.failed, pq.read_table(bad)["d"][-1].cast(pa.int32()).as_py()) == (
        count,
        -(10**7),
    )
    assert "row 5, column 'd': -10000000 as date32" in report.causes[-1].message
    with pytest.raises(ParapplyError, match=r"row 3, column 'd'|row 5.*--errors-to"):
        parapply.run(Job(**job, output=tmp_path / "o.csv", errors_to=tmp_path / "bad.csv"))


TIME = pa.array([None, 36_000_000_000_000, 36_000_000_000_001], pa.time64("ns"))
WITH_TIMES = {
    "plain": TIME,
    "lists": pa.array([[], [1000, None], [1]], pa.list_(TIME.type)),
    "structs": pa.array([None, {"t": 1000}, {"t": 1}], pa.struct([("t", TIME.type)])),
    "maps": pa.array([[], [("a", 1000)], [("b", 1)]], pa.map_(pa.string(), TIME.type)),
}


@pytest.mark.parametrize("array", WITH_TIMES.values(), ids=WITH_TIMES)
def test_nanoseconds_of_times_are_not_cut_for_functions(array):
    assert len(to_list(array.slice(0, 2))) == 2
    with pytest.raises(UnseenError, match="00000001 has nanoseconds") as error:
        to_list(array)
    assert error.value.position == 2


@pytest.mark.parametrize("array", WITH_TIMES.values(), ids=WITH_TIMES)
def test_nanoseconds_of_times_are_written(array):
    assert "00000001" in strings(array)[2].as_py()
    assert "00000001" in values(array)[2].as_py()


LIMITS = [
    (pa.timestamp("us"), -62_135_596_800_000_000, "0001-01-01 00:00:00"),
    (pa.timestamp("us"), 253_402_300_799_999_999, "9999-12-31 23:59:59.999999"),
    (pa.timestamp("s", "UTC"), 253_402_300_799, "9999-12-31 23:59:59+00:00"),
    (pa.date32(), -719_162, "0001-01-01"),
    (pa.date32(), 2_932_896, "9999-12-31"),
    (pa.date64(), 2_932_896 * 86_400_000, "9999-12-31"),
    (pa.time64("us"), 86_399_999_999, "23:59:59.999999"),
    (pa.time32("s"), 86_400, "24:00:00"),
]


@pytest.mark.parametrize(("type_", "ticks", "text"), LIMITS)
def test_the_first_and_the_last_have_a_text_and_the_next_has_none(type_, ticks, text):
    array = pa.array([None, ticks], pa.int32() if type_.bit_width == 32 else pa.int64())
    assert strings(array.view(type_)).to_pylist() == ["", text]
    step = {pa.date64(): 86_400_000, pa.time64("us"): 2}.get(type_, 1)
    beyond = ticks - 1 if ticks < 0 else ticks + step
    with pytest.raises(UnseenError) as error:
        strings(pa.array([None, None, beyond], array.type).view(type_))
    assert error.value.position == 2


def test_what_stands_under_a_missing_value_is_no_moment():
    ticks = pa.array([0, 2**63 - 5], pa.int64())
    array = pa.Array.from_buffers(
        pa.timestamp("us"), 2, [pa.py_buffer(b"\x01"), ticks.buffers()[1]]
    )
    assert strings(array).to_pylist() == ["1970-01-01 00:00:00", ""]
