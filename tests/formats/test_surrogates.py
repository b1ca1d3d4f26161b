r"""Halves of surrogate pairs, which Python strings and JSON can hold ("\ud800") and text cannot.

Wherever one comes from it is named in one line, or goes through as the escape that it was.
"""

from __future__ import annotations

import enum

import pandas as pd
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.model.errors import ParapplyError, ResultError, RowError, UsageError
from tests.formats.registered import ONE_OF_EACH

HALF = "x\ud800"


class Size(enum.Enum):
    L = HALF


@pytest.fixture
def run(tmp_path):
    (tmp_path / "in.csv").write_text("n\n0\n1\n2\n")

    def run_(function, suffix, **job):
        job = {"inputs": tmp_path / "in.csv", "backend": "serial", **job}
        output = tmp_path / f"out.{suffix}"
        parapply.run(Job(function=function, output=output, **job))
        return output

    return run_


RESULTS = {
    "text": HALF,
    "an enum": Size.L,
    "a list": [HALF],
    "a field": {"a": HALF},
    "a field of a field": {"a": {"b": [HALF]}},
    "a key": {HALF: 1},
    "a key inside": [{HALF: 1}],
    "a key of a field": {"a": {"b": {HALF: None}}},
}


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("suffix", ONE_OF_EACH)
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_the_row_that_gave_it_is_named(run, result, suffix, size):
    other = {"a": None} if type(result) is dict else None
    with pytest.raises(ResultError, match=r"row 2 gave .*not valid Unicode") as raised:
        run(lambda row: result if row["n"] == 1 else other, suffix, chunk_size=size)
    assert str(raised.value).isprintable() or HALF not in str(raised.value)


@pytest.mark.parametrize("result", [HALF, [HALF], {HALF: 1}, [{HALF: 1}]], ids=ascii)
def test_text_that_was_asked_for_has_none_either(run, result):
    with pytest.raises(ResultError, match=r"row 1 gave .*not valid Unicode"):
        run(lambda row: [result], "csv", into="x", dtypes={"x": "str"})


def test_such_rows_can_be_left_out(run, tmp_path):
    out = run(
        lambda row: {HALF: 1} if row["n"] == 1 else {"a": 1}, "csv", errors_to=tmp_path / "bad.csv"
    )
    assert out.read_text() == "n,a\n0,1\n2,1\n"
    assert "not valid Unicode" in (tmp_path / "bad.csv").read_text()


FRAMES = {
    "a cell": lambda df: pd.DataFrame({"x": [HALF] * len(df)}),
    "a list in a cell": lambda df: pd.DataFrame({"x": [[HALF]] * len(df)}),
    "a name": lambda df: pd.DataFrame({HALF: df["n"]}),
    "an index": lambda df: df.set_index(pd.Index([HALF] * len(df), name="k")),
    "an index' name": lambda df: df.rename_axis(HALF),
    "a Series": lambda df: pd.Series([HALF] * len(df)),
    "a Series of objects": lambda df: pd.Series([HALF] * len(df), dtype=object),
    "a list": lambda df: [HALF] * len(df),
}


@pytest.mark.parametrize("suffix", ONE_OF_EACH)
@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_the_chunk_that_gave_it_is_named(run, make, suffix):
    def function(df: pd.DataFrame):
        return make(df)

    # Or, as pandas says it where it makes text of it.
    with pytest.raises(ParapplyError, match=r"in.csv: rows 1 to 3: .*surrogates not allowed"):
        run(function, suffix, chunk_size=3)


@pytest.mark.parametrize("suffix", ONE_OF_EACH)
def test_errors_with_one_are_written_as_escapes(run, tmp_path, suffix):
    def function(row):
        raise ValueError(HALF)

    bad = tmp_path / f"bad.{suffix}"
    run(function, "csv", errors_to=bad, max_errors="100%")
    found = pq.read_table(bad)["_error"][0].as_py() if suffix == "parquet" else bad.read_bytes()
    assert (r"ValueError: x\ud800" if suffix == "parquet" else b"ud800") in found
    with pytest.raises(RowError, match=r"raised ValueError: x\\ud800"):
        run(function, "csv")


def test_names_that_are_not_text_are_refused(run):
    with pytest.raises(UsageError, match=r"--into .*udcff.*: a name that is not UTF-8 text"):
        run(lambda row: 1, "csv", into="\udcff")


LINES = b'{"a": "\\ud800", "b": ["\\udfff"]}\n{"a": "x", "b": []}\n'


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_those_of_json_are_named(tmp_path, suffix):
    (tmp_path / "in.jsonl").write_bytes(LINES)
    job = Job(expression="1", inputs=tmp_path / "in.jsonl", output=tmp_path / f"out.{suffix}")
    with pytest.raises(ParapplyError, match=r"row 1, column 'a'.*not valid Unicode"):
        parapply.run(job)


def test_those_of_json_stay_as_they_are_in_json(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(LINES)
    output = tmp_path / "out.jsonl"
    parapply.run(Job(expression="True", filter=True, inputs=tmp_path / "in.jsonl", output=output))
    assert output.read_bytes() == LINES
