"""parapply from Python: run(Job) and apply(frame, function). The oracle is DataFrame.apply."""

from __future__ import annotations

import os
import threading

import pandas as pd
import pandas.testing as pdt
import pytest

import parapply
from parapply import Job, ParapplyError, Report
from parapply.backends.registry import BACKENDS
from parapply.model.errors import InputError, OutputError, ResultError, RowError, UsageError


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": ["a", None, "c"] * 40,
            "number": range(120),
            "missing": pd.array([1, None, 3] * 40, "Int64"),
            "share": [0.5, float("nan"), 2.0] * 40,
            "when": pd.date_range("2024-01-01", periods=120, freq="h", tz="Europe/Berlin"),
            "kind": pd.Categorical(["x", "y", "x"] * 40),
        },
        index=pd.Index([f"i{n % 7}" for n in range(120)], name="key"),
    )


def apply(frame, function, **settings):
    return parapply.apply(
        frame, function, **{"workers": 2, "chunk_size": 25, "start_method": "fork", **settings}
    )


# run(Job)


def test_run_returns_a_report(table, tmp_path):
    output = str(tmp_path / "out.csv")
    job = Job(expression="number * 2", inputs=(str(table),), output=output, workers=2, chunk_size=6)
    report = parapply.run(job)
    assert isinstance(report, Report)
    assert (report.rows_in, report.rows_out, report.chunks, report.workers) == (20, 20, 4, 2)
    assert report.columns == ("name", "number", "share", "result")
    assert report.output == output
    assert 0 < report.seconds < 20


@pytest.mark.parametrize("backend", BACKENDS)
def test_run_neither_prints_nor_leaves_anything_behind(table, tmp_path, capfd, backend):
    before, descriptors = threading.active_count(), os.listdir("/proc/self/fd")
    parapply.run(
        Job(
            function=lambda row: row["number"],
            inputs=(str(table),),
            output=str(tmp_path / "out.csv"),
            backend=backend,
            start_method="fork",
        )
    )
    assert capfd.readouterr() == ("", "")
    assert threading.active_count() == before
    # The lifeline stays, and so may the arena that multiprocessing keeps for shared memory.
    assert len(os.listdir("/proc/self/fd")) <= len(descriptors) + 4
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "table.csv"]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"expression": "1 / 0"}, RowError),
        ({"expression": "absent"}, UsageError),
        ({"expression": "1", "inputs": ("absent.csv",)}, UsageError),
        ({"expression": "1", "function": len}, UsageError),
        ({"expression": "1", "backend": "quantum"}, UsageError),
        ({"expression": "1", "inputs": (__file__,), "input_format": "parquet"}, InputError),
        ({"expression": "1", "output": "/dev/full"}, OutputError),
        ({"expression": "number if number % 2 else name"}, ResultError),
    ],
    ids=str,
)
def test_run_raises_what_it_cannot_do_and_prints_nothing(table, tmp_path, capfd, settings, error):
    job = {"inputs": (str(table),), "output": str(tmp_path / "out.csv"), **settings}
    with pytest.raises(error) as raised:
        parapply.run(Job(**job))
    assert isinstance(raised.value, ParapplyError)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "out.csv").exists()


def test_an_interruption_as_the_folder_is_made_leaves_nothing(table, tmp_path, monkeypatch):
    make = os.mkdir

    def interrupted(*arguments, **settings):
        make(*arguments, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt):
        parapply.run(Job(expression="1", inputs=(str(table),), output=str(tmp_path / "out.csv")))
    assert os.listdir(tmp_path) == ["table.csv"]


def test_progress_goes_up_to_all_rows(table, tmp_path):
    seen = []
    job = Job(expression="number", inputs=(str(table),), output=str(tmp_path / "out.csv"))
    parapply.run(job, on_progress=seen.append)
    assert [one.computed for one in seen] == sorted(one.computed for one in seen)
    assert (seen[-1].computed, seen[-1].written, seen[-1].total) == (20, 20, 20)


def test_output_goes_to_the_descriptor_that_is_given(table):
    reader, writer = os.pipe()
    parapply.run(Job(expression="1", inputs=(str(table),), only=True), stdout=writer)
    os.close(writer)
    with open(reader) as pipe:
        assert pipe.read() == "result\n" + "1\n" * 20


# apply(frame, function)


def test_a_lambda_gives_a_column(frame):
    expected = frame.assign(result=frame["number"] * 2)
    pdt.assert_frame_equal(apply(frame, lambda row: row["number"] * 2), expected)


def test_a_closure_is_taken_as_it_is(frame):
    factor = 3

    def scaled(row):
        return row.number * factor

    pdt.assert_frame_equal(apply(frame, scaled), frame.assign(scaled=frame["number"] * 3))


@pytest.mark.parametrize("backend", ["serial", "threads"])
def test_other_backends_give_the_same(frame, backend):
    function = lambda row: row["number"] * 2  # noqa: E731
    pdt.assert_frame_equal(apply(frame, function, backend=backend), apply(frame, function))


def test_the_frame_that_is_given_stays_as_it_is(frame):
    before = frame.copy()
    apply(frame, lambda row: 7, into=("number",))
    pdt.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("column", "types"),
    [
        ("text", {"str", "NoneType"}),
        ("number", {"int"}),
        ("missing", {"int", "NoneType"}),
        ("share", {"float", "NoneType"}),
        ("when", {"Timestamp"}),
        ("kind", {"str"}),
    ],
)
def test_a_row_function_sees_plain_values_and_none(frame, column, types):
    seen = apply(frame, lambda row: type(row[column]).__name__)["result"]
    assert set(seen) <= types | {"datetime"}
    missing = frame[column].isna().to_numpy()
    assert ((seen == "NoneType").to_numpy() == missing).all()


def test_a_dict_gives_columns(frame):
    found = apply(frame, lambda row: {"a": row["number"], "b": row["text"]})
    pdt.assert_frame_equal(found, frame.assign(a=frame["number"], b=frame["text"]))


def test_a_column_is_replaced_where_it_stands(frame):
    found = apply(frame, lambda row: row["number"] / 2, into=("number",))
    pdt.assert_frame_equal(found, frame.assign(number=frame["number"] / 2))


def test_filter_keeps_rows_index_and_dtypes(frame):
    found = apply(frame, lambda row: row["number"] % 3 == 1, filter=True)
    pdt.assert_frame_equal(found, frame[frame["number"] % 3 == 1])


def test_explode_repeats_the_index(frame):
    found = apply(frame, lambda row: list(range(row["number"] % 3)), explode=True, into=("item",))
    counts = frame["number"] % 3
    expected = frame.iloc[[n for n, count in enumerate(counts) for _ in range(count)]]
    expected = expected.assign(item=[i for count in counts for i in range(count)])
    pdt.assert_frame_equal(found, expected)


def test_values_are_replaced(frame):
    found = apply(frame, lambda value: value and value.upper(), columns=("text",))
    pdt.assert_frame_equal(found, frame.assign(text=frame["text"].str.upper()))


def test_only_select_and_drop_choose_columns(frame):
    function = lambda row: 1  # noqa: E731
    assert list(apply(frame, function, only=True)) == ["result"]
    assert list(apply(frame, function, select=("when", "text"))) == ["when", "text", "result"]
    assert "when" not in apply(frame, function, drop=("when",))


def test_a_chunk_function_gets_frames_with_the_dtypes_of_the_whole(frame):
    def dtypes(df: pd.DataFrame):
        return pd.DataFrame({"dtypes": [" ".join(map(str, df.dtypes))], "rows": len(df)})

    found = apply(frame, dtypes)
    assert found["dtypes"].nunique() == 1
    assert found["rows"].sum() == len(frame)


def test_a_chunk_function_returns_the_output(frame):
    def twice(df: pd.DataFrame):
        return df[["text", "number"]].assign(twice=df["number"] * 2)

    expected = frame[["text", "number"]].assign(twice=frame["number"] * 2).reset_index(drop=True)
    pdt.assert_frame_equal(apply(frame, twice), expected)


def test_a_series_of_a_chunk_becomes_a_column_with_the_frames_index(frame):
    def total(df: pd.DataFrame):
        return df["number"] + df["share"]

    expected = frame.assign(total=frame["number"] + frame["share"])
    pdt.assert_frame_equal(apply(frame, total), expected)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3),
        pd.Index([5, 5, 5]),
        pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")]),
        pd.date_range("2024-01-01", periods=3),
    ],
    ids=lambda index: type(index).__name__,
)
def test_any_index_is_kept(index):
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=index)
    pdt.assert_frame_equal(apply(frame, lambda row: row.a), frame.assign(result=frame["a"]))


def test_names_of_columns_that_are_no_text_stay(frame):
    frame = pd.DataFrame([[1, 2], [3, 4]])
    found = apply(frame, lambda row: row["0"] + row["1"])
    assert list(found.columns) == [0, 1, "result"]
    assert found["result"].tolist() == [3, 7]


def test_a_frame_without_rows_gives_one_without_rows(frame):
    found = apply(frame[:0], lambda row: row["number"])
    assert list(found.columns) == [*frame.columns, "result"]
    assert len(found) == 0


def test_an_error_names_the_row_and_keeps_the_users_frames(frame):
    with pytest.raises(RowError, match=r"frame: row 8: .*ZeroDivisionError") as raised:
        apply(frame, lambda row: 1 / (row["number"] - 7))
    assert "test_library.py" in raised.value.details


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"output": "out.csv"}, "takes a frame and returns one"),
        ({"wrkers": 2}, "did you mean 'workers'"),
        ({"columns": ("absent",)}, "no column 'absent'"),
        ({"by": "table"}, "row, value, chunk, group"),
    ],
)
def test_settings_that_make_no_sense_are_usage_errors(frame, settings, words):
    with pytest.raises(UsageError, match=words):
        apply(frame, lambda row: 1, **settings)


def test_a_frame_that_arrow_cannot_hold_is_an_input_error():
    with pytest.raises(InputError, match="cannot be handed to workers"):
        apply(pd.DataFrame({"a": [object(), 1]}), lambda row: 1)
