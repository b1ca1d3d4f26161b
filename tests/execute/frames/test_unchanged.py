"""Columns that a chunk function gives back as they came. The oracle is the input's own table."""

from __future__ import annotations

import datetime as dt
import decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parapply
from parapply import Job
from parapply.model.errors import ResultError
from tests.versions import PYARROW

pl = pytest.importorskip("polars")

FAR = 2**53 + 1  # no double
_DAY = dt.date(2020, 2, 29)
VALUES = {
    pa.int8(): [-128, 127, 0],
    pa.int64(): [FAR, 2**53, -(2**63)],
    pa.uint64(): [2**64 - 1, 2**53, FAR],
    pa.float32(): [0.1, float("nan"), -0.0],
    pa.float64(): [0.1, float("nan"), -0.0, 0.0],
    pa.bool_(): [True, False],
    pa.string(): ["", "a", "NA"],
    pa.large_string(): ["", "b"],
    pa.binary(): [b"", b"\xff"],
    pa.large_binary(): [b"a"],
    pa.binary(2): [b"ab", b"\0\0"],
    pa.decimal128(20, 2): [decimal.Decimal("1.10"), decimal.Decimal(10) ** 17],
    pa.date32(): [_DAY],
    pa.date64(): [_DAY],
    pa.time32("ms"): [dt.time(1, 2, 3)],
    pa.time64("us"): [dt.time(1, 2, 3, 4)],
    pa.timestamp("ms"): [dt.datetime(1, 1, 1), dt.datetime(2020, 1, 1)],
    pa.timestamp("us", "Europe/Berlin"): [dt.datetime(2020, 1, 1)],
    pa.timestamp("ns", "+01:00"): [dt.datetime(2020, 1, 1)],
    pa.duration("s"): [dt.timedelta(1)],
    pa.dictionary(pa.int8(), pa.string()): ["x", "y"],
    pa.list_(pa.int64()): [[], [FAR, None], [2**53]],
    pa.large_list(pa.int32()): [[1, None], [2]],
    pa.list_(pa.float32(), 2): [[1, float("nan")], [0.1, None]],
    pa.struct([("a", pa.int32()), ("b", pa.list_(pa.int64()))]): [{"a": None, "b": [None]}],
    pa.null(): [None],
}


@st.composite
def tables(draw):
    """Tables of a few columns of any type, with missing values, and one that numbers the rows."""
    rows = draw(st.integers(1, 6))
    types = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    columns = {"row": pa.array(draw(st.permutations(range(rows))), pa.int64())}
    for place, type_ in enumerate(types):
        value = st.sampled_from(VALUES[type_])
        if PYARROW >= 26 or not pa.types.is_fixed_size_list(type_):  # it wrote what it cannot read
            value = st.none() | value
        values = draw(st.lists(value, min_size=rows, max_size=rows))
        columns[f"c{place}"] = pa.array(values, type_)
    return pa.table(columns)


def as_they_came(df: pd.DataFrame):
    return df


def a_copy(df: pd.DataFrame):
    return df.copy()


def some(df: pd.DataFrame):
    return df[df["row"] % 2 == 0]


def ordered(df: pd.DataFrame):
    return df.sort_values("row")


def numbered_anew(df: pd.DataFrame):
    return df.sort_values("row", ascending=False).reset_index(drop=True)


def with_another(df: pd.DataFrame):
    return df.assign(new=df["row"] * 2)


def polars_some(df: pl.DataFrame):
    return df.filter(pl.col("row") % 2 == 0)


def polars_ordered(df: pl.DataFrame):
    return df.sort("row")


def polars_more(df: pl.DataFrame):
    return df.with_columns(new=pl.col("row") * 2)


def arrow_some(table: pa.Table):
    return table.filter(pc.equal(pc.bit_wise_and(table["row"], 1), 0))


def arrow_ordered(table: pa.Table):
    return table.sort_by("row")


def _even(rows):
    return [place for place, row in enumerate(rows) if row % 2 == 0]


def _up(rows):
    return sorted(range(len(rows)), key=rows.__getitem__)


def _all(rows):
    return list(range(len(rows)))


def _down(rows):
    return _up(rows)[::-1]


FUNCTIONS = {
    as_they_came: _all, a_copy: _all, some: _even, ordered: _up, numbered_anew: _down,
    with_another: _all, polars_some: _even, polars_ordered: _up, polars_more: _all,
    arrow_some: _even, arrow_ordered: _up,
}  # fmt: skip


def write(table, path):
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)


def read(path):
    return pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()


def run(source, function=None, output=None, **job):
    output = output or source.with_name(f"out{source.suffix}")
    parapply.run(Job(function=function, inputs=source, output=output, backend="serial", **job))
    return output


def spelled(table):
    """NaN is the same as NaN, and -0.0 is not 0.0."""
    return {name: list(map(repr, table[name].to_pylist())) for name in table.column_names}


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_columns_are_the_inputs_to_the_type(tmp_path_factory, function, suffix):
    source = tmp_path_factory.mktemp("given") / f"in{suffix}"

    @settings(max_examples=6)
    @given(tables())
    def check(table):
        write(table, source)
        table = read(source)
        found = read(run(source, function, chunk_size=table.num_rows))
        expected = table.take(FUNCTIONS[function](table["row"].to_pylist()))
        kept = found.select(table.column_names)
        assert kept.schema.equals(table.schema)
        assert spelled(kept) == spelled(expected)

    check()


@pytest.mark.parametrize("size", [1, 2, 5, None])
def test_text_comes_back_as_it_stands(tmp_path, size):
    text = (
        'n,s,d,q,e\n1.10, x,007,"a",\n1.1,NA,+5,"b,c",1e5\n-0,null,1_0,"d ""e""",NA\n'
        f"1.10,y,{FAR},f,2\n"
    )
    (tmp_path / "in.csv").write_text(text)
    for function in (as_they_came, a_copy):
        output = run(tmp_path / "in.csv", function, chunk_size=size)
        assert output.read_text() == text


LINES = '{"n": 1.10, "k": {"b": 1}}\n{"k": {"a": [1, "x"]}, "n": 1e2}\n{"n": null}\n'


@pytest.mark.parametrize("size", [1, None])
def test_lines_of_json_come_back_as_they_stand(tmp_path, size):
    (tmp_path / "in.jsonl").write_text(LINES)
    output = run(tmp_path / "in.jsonl", as_they_came, chunk_size=size)
    assert output.read_text() == LINES


def test_rows_of_text_come_back_in_another_order(tmp_path):
    (tmp_path / "in.csv").write_text("row,s\n0,1.10\n2,1.1\n\n1,01.10\n")
    output = run(tmp_path / "in.csv", ordered, chunk_size=3)
    assert output.read_text() == "row,s\n0,1.10\n1,01.10\n2,1.1\n"


def test_a_frame_of_some_columns_in_another_order(tmp_path):
    (tmp_path / "in.csv").write_text("a,b,c\n1.10,2.20,3.30\n")

    def function(df: pd.DataFrame):
        return df[["c", "a"]].assign(d=1)

    assert run(tmp_path / "in.csv", function).read_text() == "c,a,d\n3.30,1.10,1\n"


def test_what_is_changed_in_one_chunk_is_changed_text_in_all(tmp_path):
    """The output does not depend on where the chunks are."""
    (tmp_path / "in.csv").write_text("a\n1.10\n-2.20\n3.30\n")

    def function(df: pd.DataFrame):
        return df.abs()

    outputs = {run(tmp_path / "in.csv", function, chunk_size=n).read_text() for n in (1, 2, 3)}
    assert outputs == {"a\n1.1\n2.2\n3.3\n"}


def test_what_one_chunk_changes_has_the_type_of_what_was_made(tmp_path):
    table = pa.table({"n": pa.array([FAR, None, 3, 4], pa.int64())})
    write(table, tmp_path / "in.parquet")

    def function(df: pd.DataFrame):
        return df.fillna(0)

    for size in (1, 2, 4):
        found = read(run(tmp_path / "in.parquet", function, chunk_size=size))
        assert found["n"].to_pylist() == [float(FAR), 0.0, 3.0, 4.0]


def test_a_value_that_is_written_into_the_frame_is_seen(tmp_path):
    table = pa.table({"row": [0, 1], "n": [1, 2], "k": [[1], [2]], "d": [{"a": 1}, {"a": 2}]})
    write(table, tmp_path / "in.parquet")

    def function(df: pd.DataFrame):
        df.loc[0, "n"] = 9
        df["d"].iloc[1]["a"] = 7
        return df

    found = read(run(tmp_path / "in.parquet", function, chunk_size=2))
    assert found.to_pylist() == [
        {"row": 0, "n": 9, "k": [1], "d": {"a": 1}},
        {"row": 1, "n": 2, "k": [2], "d": {"a": 7}},
    ]


WRITERS = {
    "where": lambda df: df.__setitem__("n", df["n"].where(df["n"] > 1, 9)),
    "loc": lambda df: df.loc.__setitem__((0, "n"), 9),
    "iat": lambda df: df.iat.__setitem__((0, 0), 9),
    "update": lambda df: df.update(pd.DataFrame({"x": [9.5]})),
    "zero": lambda df: df.loc.__setitem__((0, "x"), 0.0),
    "moment": lambda df: df.loc.__setitem__((0, "t"), pd.Timestamp(9)),
    "fillna": lambda df: df.fillna({"text": "b"}, inplace=True),
}


@pytest.mark.parametrize("numbered", [False, True], ids=["", "numbered anew"])
@pytest.mark.parametrize("write_into", WRITERS.values(), ids=WRITERS)
def test_whatever_writes_into_the_frame_the_output_has_what_pandas_then_has(
    tmp_path, write_into, numbered
):
    table = pa.table(
        {
            "n": pa.array([1, 2, 3], pa.int64()),
            "x": [-0.0, 2.5, 1.5],
            "t": pa.array([1, 2, None], pa.timestamp("ns")),
            "text": ["a", None, "c"],
        }
    )
    write(table, tmp_path / "in.parquet")

    def function(df: pd.DataFrame):
        write_into(df)
        return df.reset_index(drop=True) if numbered else df

    expected = table.to_pandas()
    write_into(expected)
    found = read(run(tmp_path / "in.parquet", function, chunk_size=3))
    expected = pa.Table.from_pandas(expected, preserve_index=False)
    assert repr(found.to_pylist()) == repr(expected.to_pylist())  # 0.0 is not -0.0


def test_rows_that_are_numbered_anew_are_found_by_what_is_in_them(tmp_path):
    table = pa.table({"row": [1, 0, 3], "n": pa.array([2**53, FAR, None], pa.int64())})
    write(table, tmp_path / "in.parquet")

    def function(df: pd.DataFrame):
        return df[df["row"] == 0].reset_index(drop=True)

    found = read(run(tmp_path / "in.parquet", function, chunk_size=3))
    assert found["n"].to_pylist() == [FAR]


def test_numbers_that_are_mixed_up_are_an_error(tmp_path):
    table = pa.table({"n": pa.array([2**53, FAR, None], pa.int64())})
    write(table, tmp_path / "in.parquet")

    def function(df: pd.DataFrame):
        return df.drop_duplicates().reset_index(drop=True)

    with pytest.raises(ResultError, match=r"rows 1 to 3: column 'n' .* --dtype-backend pyarrow"):
        run(tmp_path / "in.parquet", function, chunk_size=3)


def test_rows_that_are_left_out_for_their_errors(tmp_path):
    table = pa.table({"row": range(8), "n": pa.array([FAR, None] * 4, pa.int64())})
    write(table, tmp_path / "in.parquet")

    def function(df: pd.DataFrame):
        if 5 in df["row"].values:
            raise ValueError
        return df[df["row"] != 2]

    found = read(run(tmp_path / "in.parquet", function, chunk_size=8, on_error="skip"))
    assert found.equals(table.take([0, 1, 3, 4, 6, 7]))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv", ".jsonl"])
def test_parts_that_are_written_anew_have_the_inputs_columns(tmp_path, suffix):
    table = pa.table({"row": range(6), "n": pa.array([FAR, None] * 3, pa.int64())})
    write(table, tmp_path / "in.parquet")

    def function(df: pd.DataFrame):
        return some(df).assign(late=1.5) if 4 in df["row"].values else some(df)

    plain = run(tmp_path / "in.parquet", function, tmp_path / f"a{suffix}", chunk_size=3)
    if suffix in (".csv", ".jsonl"):
        assert str(FAR) in plain.read_text()
    else:
        assert read(plain).select(["row", "n"]).equals(table.take([0, 2, 4]))


def test_a_pipe_has_the_text_that_a_file_has(succeed):
    text = "a\n1.10\n-2.20\n"
    assert succeed("-e", "df", "--by", "chunk", stdin=text.encode()) == text.encode()
    assert succeed("-e", "df.abs()", "--by", "chunk", stdin=text.encode()) == b"a\n1.1\n2.2\n"
