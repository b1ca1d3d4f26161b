"""What results become, in every format, in one chunk and in several: the README's table."""

from __future__ import annotations

import csv
import io
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.model.errors import ResultError
from tests import ROOT
from tests.formats.registered import ONE_OF_EACH
from tests.result_cases import (
    CASES,
    CONFLICTS,
    DAY,
    INF,
    MISFITS,
    NAN,
    NOON,
    RECORDS,
    REFUSED,
    UTC,
    UUID,
    Case,
    D,
    dt,
    zoned,
)

README = ROOT / "README.md"
NAMES = [
    f"{row} {place}" for row, cases in groupby(CASES, lambda case: case.row)
    for place, _ in enumerate(cases)
]  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES, ids=NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    (folder / "in.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(9)))
    return folder


def run(folder: Path, values: list, suffix: str, chunk_size: int = 9, **settings: Any) -> Path:
    """Run a function that returns these values, one for each row, and nothing but them."""
    job = Job(
        function=lambda row: values[row["n"]],
        inputs=(str(folder / "in.csv"),),
        output=str(folder / f"out.{suffix}"),
        head=len(values),
        only=True,
        backend="serial",
        chunk_size=chunk_size,
        **settings,
    )
    parapply.run(job)
    return Path(job.output)


def run_case(folder: Path, case: Case, suffix: str, chunk_size: int = 9) -> Path:
    dtypes = {} if case.dtype is None else {"x": case.dtype}
    return run(folder, case.values, suffix, chunk_size, into="x", dtypes=dtypes)


def run_chunk(folder: Path, result: Any, suffix: str, **settings: Any) -> Path:
    """Run a chunk function that returns this for two rows."""
    job = Job(
        function=lambda df: result,
        by="chunk",
        inputs=(str(folder / "in.csv"),),
        output=str(folder / f"out.{suffix}"),
        head=2,
        into="x",
        only=True,
        backend="serial",
        **settings,
    )
    parapply.run(job)
    return Path(job.output)


@each_case
def test_csv(folder, case):
    written = run_case(folder, case, "csv").read_text()
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert [row[0] for row in rows] == ["x", *case.csv]


@each_case
def test_json_lines(folder, case):
    written = run_case(folder, case, "jsonl").read_text()
    assert written.splitlines() == [f'{{"x": {value}}}' for value in case.json]


@each_case
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_parquet_and_arrow(folder, case, suffix):
    path = run_case(folder, case, suffix)
    table = pq.read_table(path) if suffix == "parquet" else pa.ipc.open_file(path).read_all()
    assert table.schema == pa.schema({"x": case.type})
    assert comparable(table["x"].to_pylist()) == comparable(case.made)


def comparable(values: list) -> list:
    return ["NaN" if value != value else value for value in values]


@each_case
@pytest.mark.parametrize("suffix", ONE_OF_EACH)
def test_chunks_make_no_difference(folder, case, suffix):
    whole = run_case(folder, case, suffix).read_bytes()
    for size in range(1, min(len(case.values), 3)):
        assert run_case(folder, case, suffix, size).read_bytes() == whole, size


@pytest.mark.parametrize(("values", "expected"), RECORDS.values(), ids=RECORDS)
def test_records_become_columns(folder, values, expected):
    for size in (9, 1):
        assert run(folder, values, "csv", size).read_text() == expected


@pytest.mark.parametrize("size", [9, 1])
@pytest.mark.parametrize("values", CONFLICTS, ids=str)
def test_both_rows_of_a_conflict_are_named(folder, values, size):
    with pytest.raises(ResultError, match=r"row 1 gave .* row 2 gave"):
        run(folder, values, "parquet", size, into="x")
    forced = run(folder, values, "csv", size, into="x", dtypes={"x": "str"})
    assert forced.exists()


WORDS = [
    ([1, "a"], "int", "str"), ([0.5, True], "float", "bool"), ([b"a", D(1)], "bytes", "Decimal"),
    ([[1], ["a"]], "list of int", "list of str"),
    ([[[1]], [1]], "list of list of int", "list of int"),
    ([NOON, zoned(UTC)], "datetime", "datetime with a zone"), ([DAY, NOON], "date", "datetime"),
    ([[1], 1], "list of int", "int"), ([[{"a": 1}], 1], "list of dict", "int"),
    ([[{"b": 1, "a": [1]}], [{"c": 0, "a": ["x"]}]],
     "list of dict with 'a': list of int", "list of dict with 'a': list of str"),
    ([dt.time(1), dt.timedelta(1)], "time", "timedelta"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "one", "other"), WORDS, ids=str)
def test_conflicts_between_chunks_are_said_in_words_of_python(folder, values, one, other):
    with pytest.raises(ResultError) as raised:
        run(folder, values, "parquet", 1, into="x")
    row = f"row {len(values)}"
    assert f"row 1 gave {one}, " in str(raised.value)
    assert f"{row} gave {other}; one column" in str(raised.value)


@pytest.mark.parametrize("size", [9, 1])
@pytest.mark.parametrize(("value", "why"), MISFITS, ids=lambda part: repr(part)[:20])
def test_what_no_column_holds_is_named(folder, value, why, size):
    with pytest.raises(ResultError, match=rf"row 2 gave .*{re.escape(why)}"):
        run(folder, [None, value], "parquet", size, into="x")


VARIED = [
    ([[1, "a", None], ["b"]], ['[1, "a", null]', '["b"]']),
    ([[1], {"a": 1}], ["[1]", '{"a": 1}']),
    ([{"a": 1}, {"b": [1, 2.5, {"c": {}}]}], ['{"a": 1}', '{"b": [1, 2.5, {"c": {}}]}']),
    ([[2**70, -0.0, 1e300], [NAN, INF]], [f"[{2**70}, -0.0, 1e+300]", "[null, null]"]),
    ([{1: "x", "k": DAY}, {"z": (D("1.10"), UUID)}],
     ['{"1": "x", "k": "2024-01-31"}', f'{{"z": [1.10, "{UUID}"]}}']),
    ([{"b": 1, "a": 2}, {"a": 1, "b": 2}], ['{"b": 1, "a": 2}', '{"a": 1, "b": 2}']),
]  # fmt: skip


@pytest.mark.parametrize("size", [9, 1])
@pytest.mark.parametrize(("values", "written"), VARIED, ids=lambda part: str(part)[:20])
def test_in_text_each_list_and_dict_is_itself(folder, values, written, size):
    lines = run(folder, values, "jsonl", size, into="x").read_text().splitlines()
    assert lines == [f'{{"x": {value}}}' for value in written]
    rows = csv.reader(io.StringIO(run(folder, values, "csv", size, into="x").read_text()))
    assert [row[0] for row in rows] == ["x", *written]
    table = pq.read_table(run(folder, values, "parquet", size, into="x", dtypes={"x": "json"}))
    assert table["x"].type == pa.json_()
    assert table["x"].to_pylist() == written


def test_in_text_what_no_column_holds_is_named_inside_of_others(folder):
    for value in ([{"a": object()}], {"a": {1, "\ud800"}}, [pd.DataFrame()]):
        with pytest.raises(ResultError, match=r"column 'x': .*row 2 gave"):
            run(folder, [["x"], value], "jsonl", into="x")


def test_what_is_nested_in_itself_is_named(folder):
    endless: list = []
    endless.append(endless)
    with pytest.raises(ResultError, match="row 2 gave what is nested too deeply"):
        run(folder, [["x"], endless], "jsonl", into="x")


@pytest.mark.parametrize("size", [9, 1])
@pytest.mark.parametrize(("dtype", "value"), REFUSED, ids=str)
def test_what_is_not_of_the_type_that_was_asked_for_is_named(folder, dtype, value, size):
    with pytest.raises(ResultError, match=r"row 2 gave|cannot be made"):
        run(folder, [None, value], "csv", size, into="x", dtypes={"x": dtype})


@pytest.mark.parametrize(
    "result", [[1, "a"], [object(), 1], pd.Series([1, "a"]), np.array([1j, 2])]
)
def test_what_is_no_column_of_a_chunk_is_an_error(folder, result):
    with pytest.raises(ResultError, match="the function returned"):
        run_chunk(folder, result, "csv")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (pd.Series(pd.to_timedelta([1, None], "s")), ["0 days 00:00:01", None]),
        (np.array([0.5, np.nan], "f4"), ["0.5", None]),
        (pd.Series([True, False]), ["True", "False"]),
        ([[1], [2]], ["[1]", "[2]"]),
    ],
    ids=str,
)
def test_a_column_of_a_chunk_can_be_text(folder, result, expected):
    path = run_chunk(folder, result, "parquet", dtypes={"x": "str"})
    assert pq.read_table(path)["x"].to_pylist() == expected


def test_every_kind_stands_in_the_readme():
    table = README.read_text().partition("### What results become")[2].partition("\n## ")[0]
    documented = {line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()}
    assert {case.row for case in CASES} <= documented
