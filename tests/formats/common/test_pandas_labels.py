"""The index that pandas keeps in Parquet and Arrow files. The oracle is pandas on the whole frame.

A numbering 0, 1, 2 ... says nothing of the rows, and begins anew as with pandas.read_parquet and
its filters; any other labels stay with their rows.
"""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job

ROWS = 10
RANGES = {
    "from 5": pd.RangeIndex(5, 5 + ROWS),
    "step 2": pd.RangeIndex(0, 2 * ROWS, 2),
    "backwards": pd.RangeIndex(ROWS, 0, -1),
    "with a name": pd.RangeIndex(ROWS, name="k"),
    "with a column's name": pd.RangeIndex(5, 5 + ROWS, name="x"),
}
EVERY = {**RANGES, "from 0": pd.RangeIndex(ROWS)}
KINDS = ["parquet", "arrow"]


def frame_of(index):
    return pd.DataFrame({"x": range(ROWS), "s": [f"v{i}" for i in range(ROWS)]}, index=index)


def labelled(frame, index):
    """What is left of a frame that had an index."""
    return frame.reset_index(drop=True) if index is EVERY["from 0"] else frame


def write(frame, path):
    table = pa.Table.from_pandas(frame)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=4)
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=4)
    return path


def read(path):
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pa.ipc.open_file(path).read_all().to_pandas()


@pytest.fixture
def run(tmp_path):
    def run_(inputs, kind, **job):
        output = tmp_path / f"out.{kind}"
        job = {"backend": "serial", **job}
        parapply.run(Job(inputs=inputs, output=output, **job))
        return read(output)

    return run_


LEFT = {
    "filter": ({"expression": "x % 3", "filter": True}, lambda f: f[f["x"] % 3 > 0]),
    "filter of all": ({"expression": "True", "filter": True}, lambda f: f),
    "filter of none": ({"expression": "False", "filter": True}, lambda f: f[:0]),
    "head": ({"expression": "True", "filter": True, "head": 3}, lambda f: f[:3]),
    "a column": ({"expression": "x * 2", "into": "y"}, lambda f: f.assign(y=f["x"] * 2)),
    "columns chosen": (
        {"expression": "x % 3", "filter": True, "select": "s"},
        lambda f: f.loc[f["x"] % 3 > 0, ["s"]],
    ),
    "only": (
        {"expression": "[x] * (x % 3)", "into": "y", "explode": True, "only": True},
        lambda f: pd.DataFrame({"y": f["x"].repeat(f["x"] % 3)}),
    ),
    "skip": (
        {"expression": "1 // (x % 3)", "into": "y", "on_error": "skip"},
        lambda f: f[f["x"] % 3 > 0].assign(y=lambda f: 1 // (f["x"] % 3)),
    ),
}


@pytest.mark.parametrize("size", [None, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("job", "expected"), LEFT.values(), ids=LEFT)
@pytest.mark.parametrize("index", EVERY.values(), ids=EVERY)
def test_labels_stay_with_their_rows(tmp_path, run, index, job, expected, kind, size):
    frame = frame_of(index)
    found = run(write(frame, tmp_path / f"in.{kind}"), kind, chunk_size=size, **job)
    pdt.assert_frame_equal(found, labelled(expected(frame), index))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", EVERY.values(), ids=EVERY)
def test_labels_of_several_files_go_on(tmp_path, run, index, kind):
    frame = frame_of(index)
    parts = [frame[:4], frame[4:4], frame[4:]]
    paths = [write(part, tmp_path / f"in{i}.{kind}") for i, part in enumerate(parts)]
    found = run(paths, kind, expression="x != 2", filter=True)
    pdt.assert_frame_equal(found, labelled(frame[frame["x"] != 2], index))


def test_files_that_are_numbered_from_0_each_are_numbered_as_one(tmp_path, run):
    frame = frame_of(pd.RangeIndex(ROWS))
    paths = [write(frame, tmp_path / f"in{i}.parquet") for i in range(2)]
    found = run(paths, "parquet", expression="True", filter=True)
    pdt.assert_frame_equal(found, pd.concat([frame, frame], ignore_index=True))


def test_a_file_without_labels_among_others_is_numbered(tmp_path, run):
    frame = frame_of(RANGES["from 5"])
    plain = frame.reset_index(drop=True)
    plain.to_parquet(tmp_path / "a.parquet", index=False)
    write(frame, tmp_path / "b.parquet")
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    found = run(paths, "parquet", expression="True", filter=True)
    pdt.assert_frame_equal(found, pd.concat([plain, frame]))


@pytest.mark.parametrize("kind", KINDS)
def test_each_file_of_a_folder_has_its_labels(tmp_path, kind):
    frame = frame_of(RANGES["step 2"])
    path = write(frame, tmp_path / f"in.{kind}")
    job = {"expression": "x % 3", "filter": True, "chunk_size": 4, "output_format": kind}
    parapply.run(Job(inputs=path, output=f"{tmp_path}/out/", backend="serial", **job))
    parts = [read(part) for part in sorted((tmp_path / "out").iterdir())]
    assert len(parts) == 3
    pdt.assert_frame_equal(pd.concat(parts), frame[frame["x"] % 3 > 0])


def test_labels_of_files_in_hive_folders(tmp_path, run):
    frame = frame_of(RANGES["from 5"])
    (tmp_path / "in" / "year=2024").mkdir(parents=True)
    write(frame, tmp_path / "in" / "year=2024" / "a.parquet")
    found = run(tmp_path / "in", "parquet", expression="x > 3", filter=True)
    pdt.assert_frame_equal(found, frame[frame["x"] > 3].assign(year=2024))


@pytest.mark.parametrize("size", [None, 3])
@pytest.mark.parametrize("index", RANGES.values(), ids=RANGES)
def test_a_chunk_function_sees_the_labels(tmp_path, run, index, size):
    frame = frame_of(index)

    def function(df: pd.DataFrame):
        return df.assign(label=df.index)[df["x"] % 3 > 0]

    path = write(frame, tmp_path / "in.parquet")
    pdt.assert_frame_equal(
        run(path, "parquet", function=function, chunk_size=size), function(frame)
    )


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_row_function_does_not_see_them_and_text_has_none(tmp_path, kind):
    path, output = (
        write(frame_of(RANGES["from 5"]), tmp_path / "in.parquet"),
        tmp_path / f"o.{kind}",
    )
    report = parapply.run(
        Job(expression="len(row)", into="n", inputs=path, output=output, backend="serial")
    )
    assert [name for name in report.columns if not name.startswith("__")] == ["x", "s", "n"]
    assert ("__index_level_0__" in report.columns) == (kind == "parquet")
    found = read(output)["n"] if kind == "parquet" else None
    if kind == "csv":
        found = pd.read_csv(output)["n"]
    assert found is None or (found == 2).all()


def test_a_range_of_other_rows_is_none(tmp_path, run):
    """Tools that leave rows out and know nothing of pandas keep what it wrote."""
    table = pa.Table.from_pandas(frame_of(RANGES["from 5"]))[:4]
    pq.write_table(table, tmp_path / "in.parquet")
    found = run(tmp_path / "in.parquet", "parquet", expression="True", filter=True)
    pdt.assert_frame_equal(found, pd.read_parquet(tmp_path / "in.parquet"))
    found = run(tmp_path / "in.parquet", "parquet", expression="x < 2", filter=True)
    assert list(found.index) == [0, 1]
