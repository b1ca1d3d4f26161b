"""What chunk functions return, in files that keep it. The oracle is the frame that was returned."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.model.errors import OutputError

FRAMES = {
    "nullable": pd.DataFrame({"n": pd.array([1, None, 3], "Int64"), "b": [True, None, False]}),
    "booleans": pd.DataFrame({"b": pd.array([True, None, False], "boolean")}),
    "periods": pd.DataFrame({"p": pd.period_range("2024-01", periods=3, freq="M")}),
    "of Arrow": pd.DataFrame({"n": pd.array([1, None, 3], "int64[pyarrow]")}),
    "texts": pd.DataFrame({"s": ["a", None, "c"], "o": pd.array(["a", None, "b"], "string")}),
    "zones": pd.DataFrame({"d": pd.date_range("2024", periods=3, tz="UTC")}),
    "categories": pd.DataFrame({"c": pd.Categorical(["a", "b", "a"])}),
    "an index": pd.DataFrame({"x": [1, 2, 3]}, index=pd.Index([7, 8, 9], name="k")),
    "an index of times": pd.DataFrame(
        {"x": [1, 2, 3]}, index=pd.DatetimeIndex(pd.date_range("2024", periods=3), name="t")
    ),
    "two indexes": pd.DataFrame({"x": [1, 2, 3]}).set_index(
        pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")], names=["k", None])
    ),
}


def read(path):
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pa.ipc.open_file(path).read_all().to_pandas()


@pytest.mark.parametrize("to", ["parquet", "arrow"])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_files_keep_what_pandas_knows(tmp_path, frame, to):
    (tmp_path / "in.csv").write_text("i\n0\n1\n2\n")
    output = tmp_path / f"out.{to}"

    def function(df: pd.DataFrame):
        return frame.iloc[int(df["i"].iloc[0]) :][: len(df)]

    for size in (3, 2):
        job = {"inputs": tmp_path / "in.csv", "output": output, "chunk_size": size}
        parapply.run(Job(function=function, backend="serial", **job))
        pdt.assert_frame_equal(read(output), frame, check_freq=False)


def test_a_column_of_another_type_later_is_a_plain_one(tmp_path):
    (tmp_path / "in.csv").write_text("i\n0\n1\n")

    def function(df: pd.DataFrame):
        later = df["i"].iloc[0] == 1
        return pd.DataFrame({"n": [0.5] if later else pd.array([1], "Int64")})

    output = tmp_path / "out.parquet"
    job = {"inputs": tmp_path / "in.csv", "output": output, "chunk_size": 1, "backend": "serial"}
    parapply.run(Job(function=function, **job))
    pdt.assert_frame_equal(pd.read_parquet(output), pd.DataFrame({"n": [1.0, 0.5]}))


def test_an_index_without_a_name_is_left_out(tmp_path):
    (tmp_path / "in.csv").write_text("i\n0\n1\n")
    output = tmp_path / "out.parquet"
    parapply.run(Job(expression="df", inputs=tmp_path / "in.csv", output=output))
    assert pq.read_schema(output).names == ["i"]
    assert pq.read_schema(output).metadata is None


@pytest.mark.parametrize("options", [{"filter": True}, {"head": 2, "filter": True}])
def test_rows_without_columns_are_rows(tmp_path, options):
    table = pa.table({"x": [1, 2, 3]}).select([])
    with pa.ipc.new_file(tmp_path / "in.arrow", table.schema) as file:
        file.write_table(table)
    for size in (None, 1):
        job = {"inputs": tmp_path / "in.arrow", "chunk_size": size, "expression": "True", **options}
        report = parapply.run(Job(output=tmp_path / "out.arrow", **job))
        rows = pa.ipc.open_file(tmp_path / "out.arrow").read_all().num_rows
        assert rows == report.rows_out == options.get("head", 3)
        with pytest.raises(OutputError, match=f"{rows} rows without a column: Parquet"):
            parapply.run(Job(output=tmp_path / "out.parquet", **job))


def apart(tmp_path, function, to, **job):
    """Run a function over three rows, one at a time; return what pandas reads from the output."""
    (tmp_path / "in.csv").write_text("i\n0\n1\n2\n")
    output = tmp_path / f"out.{to}"
    job = {"inputs": tmp_path / "in.csv", "output": output, "chunk_size": 1, **job}
    parapply.run(Job(function=function, backend="serial", **job))
    return read(output)


@pytest.mark.parametrize("to", ["parquet", "arrow"])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_parts_that_are_written_anew_keep_what_pandas_knows(tmp_path, frame, to):
    def function(df: pd.DataFrame):
        row = int(df["i"].iloc[0])
        part = frame.iloc[row : row + 1]
        return part.assign(late=1.5) if row == 2 else part

    found = apart(tmp_path, function, to)
    late = pd.Series([None, None, 1.5], index=frame.index)
    pdt.assert_frame_equal(found, frame.assign(late=late), check_freq=False)


@pytest.mark.parametrize("to", ["parquet", "arrow"])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_halves_of_a_chunk_keep_what_pandas_knows(tmp_path, frame, to):
    def function(df: pd.DataFrame):
        if 2 in df["i"].values:
            raise ValueError
        return frame.iloc[df["i"]]

    found = apart(tmp_path, function, to, chunk_size=3, on_error="skip")
    pdt.assert_frame_equal(found, frame.iloc[:2], check_freq=False)


@pytest.mark.parametrize("late", [1, 2])
def test_a_column_that_only_one_part_has_keeps_its_dtype(tmp_path, late):
    def function(df: pd.DataFrame):
        name = "m" if df["i"].iloc[0] == late else "n"
        return pd.DataFrame({name: pd.array([1], "Int8")})

    assert set(map(str, apart(tmp_path, function, "parquet").dtypes)) == {"Int8"}


def test_a_part_of_another_type_that_is_written_anew_is_a_plain_one(tmp_path):
    def function(df: pd.DataFrame):
        row = df["i"].iloc[0]
        part = pd.DataFrame({"n": [0.5] if row == 1 else pd.array([1], "Int64")})
        return part.assign(late=True) if row == 2 else part

    found = apart(tmp_path, function, "parquet")
    pdt.assert_series_equal(found["n"], pd.Series([1.0, 0.5, 1.0], name="n"))


def test_an_index_of_a_type_that_was_asked_for_stays_the_index(tmp_path):
    def function(df: pd.DataFrame):
        return pd.DataFrame({"x": [1]}, index=pd.Index(df["i"] + 7, name="k"))

    found = apart(tmp_path, function, "parquet", dtypes={"k": "str"})
    pdt.assert_frame_equal(
        found, pd.DataFrame({"x": [1] * 3}, index=pd.Index(list("789"), name="k"))
    )


def more(df: pd.DataFrame):
    return df.assign(z=df["a"] + 1)


@pytest.mark.parametrize(
    "choice", [{"select": ("a",)}, {"drop": ("b", "c")}], ids=["select", "drop"]
)
def test_columns_are_chosen_of_the_inputs_alike_for_rows_and_chunks(tmp_path, choice):
    (tmp_path / "in.csv").write_text("a,b,c\n1,2,3\n")
    found = set()
    for function in (more, lambda row: {"z": row["a"] + 1}):
        job = {"function": function, "inputs": tmp_path / "in.csv", "output": tmp_path / "o.csv"}
        parapply.run(Job(**job, **choice, backend="serial"))
        found.add((tmp_path / "o.csv").read_text())
    assert found == {"a,z\n1,2\n"}
