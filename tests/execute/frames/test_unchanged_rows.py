"""Columns that row and value functions give back as they came, and columns under other names.

The oracle is the input's own table, or its own bytes.
"""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings

from tests.execute.frames.test_unchanged import FAR, read, run, spelled, tables, write

WAYS = {
    "values": {"expression": "value", "by": "value"},
    "row": {"function": lambda row: row, "by": "row"},
    "dict": {"function": lambda row: {**row, "new": 1}, "by": "row"},
    "one of it": {"function": lambda row: row["c0"], "by": "row", "into": ("c0",)},
    "exploded": {"function": lambda row: [{**row}], "by": "row", "explode": True},
}


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("way", WAYS)
def test_columns_are_the_inputs_to_the_type(tmp_path_factory, way, suffix):
    source = tmp_path_factory.mktemp("given") / f"in{suffix}"

    @settings(max_examples=6)
    @given(tables())
    def check(table):
        write(table, source)
        table = read(source)
        columns = tuple(table.column_names) if way == "values" else ()
        for size in (1, 2, None):
            found = read(run(source, chunk_size=size, columns=columns, **WAYS[way]))
            kept = found.select(table.column_names)
            assert kept.schema.equals(table.schema)
            assert spelled(kept) == spelled(table)

    check()


TEXT = 's,n\n NA, +6\nb,07.0\n"c",8\nNA,\n'
SIZES = pytest.mark.parametrize("size", [1, 2, None])


@pytest.fixture
def text(tmp_path):
    (tmp_path / "in.csv").write_text(TEXT)
    return tmp_path / "in.csv"


@SIZES
def test_one_value_that_is_another_makes_all_the_functions(text, size):
    found = run(text, expression="value or 0", columns=("n",), chunk_size=size)
    assert found.read_text() == 's,n\n NA,6.0\nb,7.0\n"c",8.0\nNA,0.0\n'


@SIZES
def test_none_for_a_value_is_not_the_value(text, size):
    found = run(text, expression="None if value == 'b' else value", columns=("s",), chunk_size=size)
    assert found.read_text() == "s,n\n NA, +6\n,07.0\nc,8\n,\n"


@SIZES
def test_none_for_a_missing_value_is_it(text, size):
    """A chunk may have no other: whoever sees that alone knows nothing of the column."""
    for how in ({"columns": ("s",), "expression": "value"}, {"into": "s", "expression": "s"}):
        assert run(text, chunk_size=size, **how).read_text() == TEXT


@SIZES
def test_none_for_a_row_is_not_the_row(text, size):
    found = run(text, function=lambda row: {**row} if row["n"] else None, by="row", chunk_size=size)
    assert found.read_text() == "s,n\n NA,6.0\nb,7.0\nc,8.0\n,\n"


@SIZES
def test_a_key_that_is_missing_is_not_the_value(text, size):
    some = "{'s': s, 'n': n} if n else {'s': s}"
    found = run(text, expression=some, chunk_size=size)
    assert found.read_text() == 's,n\n NA,6.0\nb,7.0\n"c",8.0\nNA,\n'


def fails_on_b(row):
    if row["s"] == "b":
        raise ValueError
    return row


@SIZES
def test_rows_that_are_left_out_for_their_errors(text, size):
    found = run(text, fails_on_b, on_error="skip", chunk_size=size)
    assert found.read_text() == TEXT.replace("b,07.0\n", "")


@SIZES
def test_a_row_without_a_result_makes_all_the_functions(text, size):
    found = run(text, fails_on_b, on_error="null", chunk_size=size)
    assert found.read_text() == "s,n\n NA,6.0\n,\nc,8.0\n,\n"


def test_a_name_of_a_file_without_rows_stands_as_it_stood(tmp_path):
    (tmp_path / "in.csv").write_text('"n",m\n')
    found = run(tmp_path / "in.csv", expression="value", columns=("n",))
    assert found.read_text() == '"n",m\n'


LINES = '{"k":{"a":1},"n":1.10}\n{"k":{"a":2},"n": 1e2}\n'


@SIZES
def test_what_a_function_writes_into_a_value_is_seen(tmp_path, size):
    (tmp_path / "in.jsonl").write_text(LINES)
    job = {"expression": "value.update(a=9) or value", "columns": ("k",), "chunk_size": size}
    found = run(tmp_path / "in.jsonl", **job).read_text()
    assert [json.loads(line)["k"] for line in found.splitlines()] == [{"a": 9}] * 2


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_what_a_function_writes_into_a_value_is_not_in_other_columns(tmp_path, suffix):
    (tmp_path / "in.jsonl").write_text(LINES)
    job = {"expression": "k.update(a=9) or n", "into": "m"}
    found = run(tmp_path / "in.jsonl", output=tmp_path / f"out{suffix}", **job)
    if suffix == ".parquet":
        assert read(found)["k"].to_pylist() == [{"a": 1}, {"a": 2}]
    else:
        assert "9" not in found.read_text()


def test_an_arrow_stream_to_a_pipe_goes_on_where_types_are_the_same(succeed):
    rows = "".join(f"{place},x\n" for place in range(300_000))
    text = f"n,s\n{rows}0,y\n".encode()
    found = succeed("-e", "value.replace('y', 'z')", "-c", "s", "--to", "arrows", stdin=text)
    table = pa.ipc.open_stream(found).read_all()
    assert table["s"].to_pylist() == ["x"] * 300_000 + ["z"]


# Other names.


def renamed(df: pd.DataFrame):
    return df.rename(columns={name: f"{name}'" for name in df.columns})


def some_renamed(df: pd.DataFrame):
    return renamed(df[df["row"] % 2 == 0])


def put_together(df: pd.DataFrame):
    return pd.DataFrame({f"{name}'": df[name] for name in df.columns})


def beside(df: pd.DataFrame):
    return df.assign(**{f"{name}'": df[name] for name in df.columns})


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("function", [renamed, some_renamed, put_together, beside])
def test_a_column_under_another_name_has_the_inputs_type(tmp_path_factory, function, suffix):
    source = tmp_path_factory.mktemp("given") / f"in{suffix}"

    @settings(max_examples=6)
    @given(tables())
    def check(table):
        write(table, source)
        table = read(source)
        expected = table
        if function is some_renamed:
            rows = [place for place, row in enumerate(table["row"].to_pylist()) if row % 2 == 0]
            expected = table.take(rows)
        for size in (1, 2, table.num_rows):
            found = read(run(source, function, chunk_size=size))
            for name in table.column_names:
                assert found[f"{name}'"].type.equals(table[name].type)
                assert list(map(repr, found[f"{name}'"].to_pylist())) == spelled(expected)[name]

    check()


@pytest.fixture
def numbers(tmp_path):
    table = pa.table(
        {
            "n": pa.array([FAR, None, 3], pa.int64()),
            "x": pa.array([0.1, None, 3], pa.float32()),
            "y": pa.array([None, None, 3], pa.int32()),
            "z": pa.array([None, None, 4], pa.int64()),
        }
    )
    write(table, tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


@SIZES
@pytest.mark.parametrize("into", ["n", "m"])
def test_a_series_that_is_a_column_has_the_inputs_type(numbers, into, size):
    found = read(run(numbers, expression="df['n']", by="chunk", into=into, chunk_size=size))
    assert found[into].equals(read(numbers)["n"])


@SIZES
def test_a_series_of_text_stands_as_it_stood(text, size):
    found = run(text, expression="df['n']", by="chunk", into="n", chunk_size=size)
    assert found.read_text() == TEXT


@SIZES
def test_values_under_another_name_have_the_inputs_type(numbers, size):
    found = read(run(numbers, expression="value", columns=("x",), into="m", chunk_size=size))
    assert found["m"].equals(read(numbers)["x"])


@SIZES
def test_which_column_it_is_is_told_by_all_rows(numbers, size):
    """The first chunks would do for another column, too."""
    found = read(run(numbers, expression="df.assign(m=df['z'])", by="chunk", chunk_size=size))
    assert found["m"].equals(read(numbers)["z"])


@SIZES
def test_a_type_that_was_asked_for_is_the_one(numbers, size):
    job = {"by": "chunk", "into": "m", "dtypes": {"m": "str"}, "chunk_size": size}
    found = read(run(numbers, expression="df['y']", **job))
    assert found["m"].to_pylist() == [None, None, "3.0"]


def test_rows_that_labels_do_not_tell_are_not_taken_for_others(numbers):
    """As floats, 2**53 + 1 and 2**53 are one: which of them it is would be a guess."""
    write(pa.table({"n": pa.array([FAR, 2**53, None]), "k": [2, 1, 3]}), numbers)

    def function(df: pd.DataFrame):
        ordered = df.sort_values("k").reset_index(drop=True)
        return ordered.rename(columns={"n": "m"})

    found = read(run(numbers, function, chunk_size=3))
    assert found["m"].to_pylist() == [2.0**53, 2.0**53, None]
