"""Maps of Arrow: dicts in functions, maps again where they are given back."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.model.errors import ParapplyError

VALUES = {
    pa.map_(pa.string(), pa.int32()): [{"a": 1, "b": None}, None, {}, {"c": 2}],
    pa.map_(pa.int32(), pa.string()): [{1: "x"}, {}, None, {2: None, 3: ""}],
    pa.map_(pa.string(), pa.list_(pa.int64())): [{"a": [1, None]}, {"b": None}, None, {}],
    pa.map_(pa.date32(), pa.float64()): [{pd.Timestamp("2020-02-29").date(): 0.5}, {}, None, {}],
}
INSIDE = {
    pa.list_(pa.map_(pa.int64(), pa.bool_())): [[{1: True}, None], [], None, [{}]],
    pa.struct([("m", pa.map_(pa.string(), pa.int64()))]): [{"m": {"a": 1}}, None, {"m": None}, {}],
}


def column(type_, values):
    def pairs(value):
        if isinstance(value, dict) and not pa.types.is_struct(type_):
            return list(value.items())
        return value

    if pa.types.is_list(type_):
        values = [v and [m if m is None else list(m.items()) for m in v] for v in values]
    elif pa.types.is_struct(type_):
        values = [v and {"m": v.get("m") and list(v["m"].items())} for v in values]
    return pa.array([pairs(value) for value in values], type_)


@pytest.fixture(params=["parquet", "arrow"])
def run(tmp_path, request):
    """Run a job over a table of a column of maps; return its output as a table."""

    def ran(array, to=request.param, **job):
        table, output = pa.table({"m": array, "n": range(len(array))}), tmp_path / f"out.{to}"
        pq.write_table(table, tmp_path / "in.parquet")
        job = {"inputs": tmp_path / "in.parquet", "output": output, "backend": "serial", **job}
        parapply.run(Job(**job))
        if to in ("parquet", "arrow"):
            read = pq.read_table if to == "parquet" else lambda p: pa.ipc.open_file(p).read_all()
            return read(output)
        return output.read_text()

    return ran


@pytest.mark.parametrize("type_", [*VALUES, *INSIDE], ids=str)
def test_a_function_is_given_dicts(run, type_):
    values = (VALUES | INSIDE)[type_]
    found = []

    def function(row):
        found.append(row["m"])
        return 1

    run(column(type_, values), function=function)
    if pa.types.is_struct(type_):
        values[-1] = {"m": None}
    assert found == values


@pytest.mark.parametrize("type_", VALUES, ids=str)
@pytest.mark.parametrize(
    "job", [{"expression": "m"}, {"expression": "value", "columns": ("m",), "by": "value"}]
)
def test_a_map_that_is_given_back_is_one_of_its_type(run, type_, job):
    array = column(type_, VALUES[type_])
    found = run(array, into=("m",), **job)["m"]
    assert found.type.equals(array.type)
    assert found.to_pylist() == array.to_pylist()


@pytest.mark.parametrize("type_", [*VALUES, *INSIDE], ids=str)
def test_chunk_functions_are_given_dicts_and_give_back_maps(run, type_):
    array = column(type_, (VALUES | INSIDE)[type_])

    def function(df: pd.DataFrame):
        if pa.types.is_map(type_):
            assert all(isinstance(value, dict) for value in df["m"] if value is not None)
        return df[df["n"] != 1]

    found = run(array, function=function)["m"]
    assert found.type.equals(array.type)
    assert found.to_pylist() == array.take([0, 2, 3]).to_pylist()


def test_a_map_that_is_changed_is_a_map(run):
    array = column(pa.map_(pa.string(), pa.int32()), [{"a": 1}, None, {"b": 2}])

    def grown(row):
        return None if row["m"] is None else (row["m"].update(z=2**40) or row["m"])

    found = run(array, function=grown, into=("m",))["m"]
    assert found.type.equals(pa.map_(pa.string(), pa.int64()))
    assert found.to_pylist() == [[("a", 1), ("z", 2**40)], None, [("b", 2), ("z", 2**40)]]


@pytest.mark.parametrize("job", [{"expression": "m", "into": ("m",)}, {"expression": "1"}])
def test_text_has_objects_whether_maps_are_carried_or_given_back(run, job):
    array = column(pa.map_(pa.int32(), pa.string()), [{1: "x", 2: None}, None, {}])
    lines = run(array, to="jsonl", **job).splitlines()
    assert [json.loads(line)["m"] for line in lines] == [{"1": "x", "2": None}, None, {}]


def test_a_key_that_is_there_twice_is_an_error_that_names_the_row(run):
    array = pa.array([[("a", 1)], [("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64()))
    with pytest.raises(ParapplyError, match=r"row 2.*'m'.*the key 'a' is in it twice"):
        run(array, expression="len(m)")


@pytest.mark.parametrize("type_", [*VALUES, *INSIDE], ids=str)
def test_a_map_is_json_where_text_is_asked_for(run, type_):
    array = column(type_, (VALUES | INSIDE)[type_])
    wanted = [row["m"] for row in map(json.loads, run(array, "jsonl", expression="n").splitlines())]
    table = run(array, expression="m", into=("t",), dtypes={"m": "str"})
    for name in ("m", "t"):
        assert table[name].type == pa.string()
        assert [v and json.loads(v) for v in table[name].to_pylist()] == wanted


@pytest.mark.parametrize("to", ["parquet", "csv"])
def test_a_map_that_is_to_be_what_it_is_not_says_where(run, to):
    array = column(*next(iter(VALUES.items())))
    with pytest.raises(ParapplyError, match=r"row 1, column 'm': .* not of the type int.*m=str"):
        run(array, to, expression="m", into=("x",), dtypes={"m": "int"})


def test_a_key_that_is_there_twice_is_written_twice(run):
    twice = pa.array([[("a", 1)], [("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64()))
    assert run(twice, expression="n")["m"].combine_chunks() == twice
    assert '{"a": 1, "a": 2}' in run(twice, "jsonl", expression="n")


def test_values_of_parquet_that_are_not_of_their_dtype_are_set_aside(tmp_path):
    pq.write_table(pa.table({"n": [1, 2, 3], "t": ["1", "x", None]}), tmp_path / "in.parquet")
    job = {"expression": "t", "into": ("r",), "dtypes": {"t": "int"}, "backend": "serial"}
    job |= {"inputs": tmp_path / "in.parquet", "output": tmp_path / "o.parquet"}
    said = "in.parquet: row 2, column 't': 'x' is not of the type int that --dtype asks for"
    for size in (None, 1):
        with pytest.raises(ParapplyError, match=said):
            parapply.run(Job(**job, chunk_size=size))
        report = parapply.run(Job(**job, chunk_size=size, on_error="skip"))
        assert report.failed == 1
        assert pq.read_table(tmp_path / "o.parquet")["n"].to_pylist() == [1, 3]


def of_arrow(table: pa.Table):
    return table


def of_pandas(df: pd.DataFrame):
    return df


def test_a_key_that_is_there_twice_is_in_tables_and_is_an_error_in_frames(run):
    twice = pa.array([[("a", 1)], [("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64()))
    assert run(twice, function=of_arrow)["m"].combine_chunks() == twice
    with pytest.raises(ParapplyError, match=r"in.parquet: row 2, column 'm': .* is in it twice"):
        run(twice, function=of_pandas, by="chunk")
