"""Columns of rare types and values at their limits, such as Arrow's and Parquet's own tests have.

Each goes through as it is, to the other formats with the same bytes for any chunks, or is refused
in one line that names row and column.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.model.errors import ParapplyError
from tests.formats.registered import ONE_OF_EACH

LAST = 2**63 - 1
YEAR_1 = -62_135_596_800
UNITS = {"s": 1, "ms": 10**3, "us": 10**6}


def of(values, type_=None):
    return pa.table({"x": values if isinstance(values, pa.Array) else pa.array(values, type_)})


def dictionary(indices, values):
    return of(pa.DictionaryArray.from_arrays(pa.array(indices, "int8"), values))


def pandas(text):
    return of([1, 2]).replace_schema_metadata({"pandas": text})


RUNS = pa.RunEndEncodedArray.from_arrays
KEPT = {
    "run ends of 16 bits": of(RUNS(pa.array([2, 3, 5], "int16"), [1, None, 3])),
    "run ends of 64 bits": of(RUNS(pa.array([2, 3], "int64"), ["a", "b"])),
    "views in lists": of([["a", "x" * 100], None, [None]], pa.list_(pa.string_view())),
    "views in structs": of([{"v": "x" * 40}, None], pa.struct([("v", pa.string_view())])),
    "long views": of(["a", None, "x" * 100, "", "y" * 50], pa.string_view()),
    "list views": of([[1, 2], None, [], [5]], pa.list_view(pa.int32())),
    "large list views": of([[1, 2], None, [], [5]], pa.large_list_view(pa.int32())),
    "list views in disorder": of(
        pa.ListViewArray.from_arrays(*(pa.array(at, "int32") for at in ([2, 0], [1, 2])), [1, 2, 3])
    ),
    "a null in a dictionary": dictionary([0, 1, 0], pa.array(["a", None])),
    "a value twice in a dictionary": dictionary([0, 1, 0], ["a", "a"]),
    "a dictionary of structs": dictionary([0, 1, 0], pa.array([{"a": 1}, {"a": 2}])),
    "a dictionary of lists": dictionary([0, 1, 0], pa.array([[1], [2]])),
    "a dictionary of large text": dictionary([0, 1, None], pa.array(["a", "b"], pa.large_string())),
    "more than a dictionary's values": dictionary([1, None], ["unused", "a", "more"]),
    "a dictionary in a list": of(
        pa.ListArray.from_arrays(pa.array([0, 2, 3]), pa.array(["a", "b", "a"]).dictionary_encode())
    ),
    "dense unions": of(
        pa.UnionArray.from_dense(
            pa.array([0, 1, 0], "int8"), pa.array([0, 0, 1], "int32"),
            [pa.array([1, 2]), pa.array(["a"])],
        )
    ),
    "times that are none": of([86400, -1], pa.time32("s")),
    "zones that are none": of([0, None], pa.timestamp("us", "Mars/Phobos")),
    "a name twice in a struct": of(pa.StructArray.from_arrays([[1], [2]], ["a", "a"])),
    "text that is not UTF-8": of(
        pa.Array.from_buffers(
            pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], "i4")), pa.py_buffer(b"\xff\xfe")]
        )
    ),
    "decimals of 76 digits": of([decimal.Decimal("9" * 76), None], pa.decimal256(76, 0)),
    "a negative scale": of([decimal.Decimal("12300")], pa.decimal128(5, -2)),
    "narrow decimals": of([decimal.Decimal("1.1"), None], pa.decimal32(5, 2)),
    "JSON": of(pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None]))),
    "bytes as booleans": pa.table(
        {"b": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8()))}
    ),
    "metadata of a megabyte": of([1]).replace_schema_metadata({"k": "v" * (1 << 20)}),
    "pandas' metadata, of another's hand": pandas('{"index_columns":[],"columns":[{"name":"x"}]}'),
    "pandas' metadata that is none": pandas("not json"),
    "pandas' metadata that is a list": pandas("[1]"),
    "pandas' metadata without a list": pandas('{"index_columns": null, "columns": null}'),
    "pandas' metadata with odd columns": pandas('{"index_columns": [0], "columns": [null]}'),
    "pandas' metadata that is not text": pandas(b"\xff\xfe"),
    "half a range": pandas('{"index_columns": [{"kind": "range"}], "columns": []}'),
    "a range of no steps": pandas(json.dumps({"index_columns": [
        {"kind": "range", "name": None, "start": 1, "stop": 3, "step": 0}], "columns": []})),
    **{f"the last timestamp in {u}": of([LAST, -LAST, None], pa.timestamp(u)) for u in UNITS},
    **{f"the last duration in {u}": of([LAST, -LAST, None], pa.duration(u)) for u in UNITS},
    "the last days": of([2**31 - 1, -(2**31), None], pa.date32()),
}  # fmt: skip


def written(kind, table) -> bytes | None:
    """Return a file of a table, None where the format has no such types."""
    file = io.BytesIO()
    try:
        if kind == "parquet":
            pq.write_table(table, file, row_group_size=2)
            return file.getvalue()
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    except (pa.ArrowException, OSError):
        return None
    return file.getvalue()


READERS = {
    "parquet": lambda data: pq.ParquetFile(io.BytesIO(data)).read(),
    "arrow": lambda data: pa.ipc.open_file(data).read_all(),
}


@pytest.fixture
def run(tmp_path):
    """Run a job over the bytes of a file; return the output's."""

    def run_(kind, data, to, **job):
        (tmp_path / f"in.{kind}").write_bytes(data)
        job = {"expression": "True", "filter": True, "backend": "serial", **job}
        output = tmp_path / f"out.{to}"
        parapply.run(Job(inputs=tmp_path / f"in.{kind}", output=output, **job))
        return output.read_bytes()

    return run_


def assert_same(one: pa.Table, other: pa.Table) -> None:
    assert one.schema.equals(other.schema, check_metadata=True)
    assert one.num_rows == other.num_rows
    assert one.equals(other) or str(one.to_pydict()) == str(other.to_pydict())


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("table", KEPT.values(), ids=KEPT)
def test_rare_types_go_through(run, kind, table):
    if (data := written(kind, table)) is None:
        pytest.skip(f"{kind} has no such type")
    whole = run(kind, data, kind)
    assert_same(READERS[kind](whole), READERS[kind](data))
    assert run(kind, data, kind, chunk_size=1) == whole


@pytest.mark.parametrize("to", ONE_OF_EACH)
@pytest.mark.parametrize("table", KEPT.values(), ids=KEPT)
def test_other_formats_do_not_depend_on_chunks(run, table, to):
    if table is KEPT["a value twice in a dictionary"] and to == "parquet":
        pytest.skip("pyarrow itself writes other bytes each time")
    found = []
    for size in (None, 1):
        try:
            found.append(run("arrow", written("arrow", table), to, chunk_size=size))
        except ParapplyError as error:
            found.append(str(error))
            assert "column 'x'" in str(error) or "out.parquet: " in str(error)
    assert found[0] == found[1]


TEXTS = {
    "run ends of 16 bits": "1\n1\n\n3\n3\n",
    "run ends of 64 bits": "a\na\nb\n",
    "list views": '"[1, 2]"\n\n[]\n[5]\n',
    "list views in disorder": '[3]\n"[1, 2]"\n',
    "dense unions": "1\na\n2\n",
    "a null in a dictionary": "a\n\na\n",
    "a dictionary of structs": '"{""a"": 1}"\n"{""a"": 2}"\n"{""a"": 1}"\n',
}


@pytest.mark.parametrize(("name", "text"), TEXTS.items(), ids=TEXTS)
def test_rare_types_are_text_like_any_other(run, name, text):
    text = "x\n" + "".join(line or '""\n' for line in text.splitlines(keepends=True)).replace(
        "\n\n", '\n""\n'
    )
    assert run("arrow", written("arrow", KEPT[name]), "csv").decode() == text


BEYOND = {
    **{f"timestamps in {u}": (LAST, pa.timestamp(u)) for u in UNITS},
    **{f"timestamps with a zone in {u}": (LAST, pa.timestamp(u, "UTC")) for u in UNITS},
    **{f"the year 0 there in {u}": (YEAR_1 * n, pa.timestamp(u, "America/New_York"))
       for u, n in UNITS.items()},
    **{f"the year 10000 in {u}": (253_402_300_800 * n, pa.timestamp(u)) for u, n in UNITS.items()},
    "durations": (LAST, pa.duration("s")),
    "days": (2**31 - 1, pa.date32()),
    "days in milliseconds": (86_400_000 * 10**8, pa.date64()),
}  # fmt: skip


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("job", [{}, {"columns": "x", "filter": False}], ids=str)
@pytest.mark.parametrize(("value", "type_"), BEYOND.values(), ids=BEYOND)
def test_values_that_python_has_not_are_named(run, value, type_, job, size):
    expression = "value" if "columns" in job else "x is not x"
    with pytest.raises(ParapplyError, match=rf"in.arrow: row 2, column 'x': {value} as .* beyond"):
        table = of(pa.array([0, value, None], type_))
        run(
            "arrow", written("arrow", table), "arrow", expression=expression, chunk_size=size, **job
        )


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(("value", "type_"), BEYOND.values(), ids=BEYOND)
def test_a_row_of_which_python_has_not_the_value_is_set_aside(run, value, type_, size):
    data = written("arrow", of(pa.array([0, value, None], type_)))
    job = {"expression": "x is x", "chunk_size": size, "on_error": "skip"}
    assert run("arrow", data, "csv", **job).count(b"\n") == 3, "the header, and two rows"


@pytest.mark.parametrize("to", ["csv", "jsonl"])
def test_moments_that_cannot_be_written_are_named(run, to):
    data = written("arrow", of(pa.array([0, LAST - 1], pa.timestamp("us", "UTC"))))
    with pytest.raises(ParapplyError, match="row 2, column 'x': 9223372036854775806 as timestamp"):
        run("arrow", data, to)


@pytest.mark.parametrize("unit", UNITS)
def test_the_first_and_the_last_moment_are_seen(run, unit):
    ends = [YEAR_1 * UNITS[unit], 253_402_300_799 * UNITS[unit]]
    table = of(pa.array(ends, pa.timestamp(unit)))
    found = run("arrow", written("arrow", table), "csv", expression="repr(x)", filter=False)
    first, last = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)
    assert all(repr(moment) in found.decode() for moment in (first, last))


def test_what_parquet_cannot_hold_is_named(run):
    data = written("arrow", pa.table({"a": [1], "x": pa.array([LAST], pa.timestamp("s"))}))
    with pytest.raises(
        ParapplyError, match="column 'x': Parquet cannot hold a value: Integer over"
    ):
        run("arrow", data, "parquet")
