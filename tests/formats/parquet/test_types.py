"""Columns of Parquet keep the types that their writer gave them, also those Arrow has no name for.

The files were written by the tools in their names (tests/others/parquet_types.py); the oracles are
their own schema, and what Arrow reads of the input.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.engine import shares
from parapply.formats.parquet import elements as el
from parapply.formats.parquet import stored
from parapply.formats.parquet.footer import Footer
from parapply.formats.parquet.thrift import BINARY, I32, encode
from parapply.model.errors import InputError
from tests import DATA
from tests.versions import PYARROW

FILES = {path.stem: path for path in sorted(DATA.glob("types-*.parquet"))}


def described(path):
    """Each column's description, as Parquet's own schema has it, without the root's name."""
    return str(pq.ParquetFile(path).schema).split("\n")[2:-2]


def read(path):
    return pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read()


def run(path, output, **job):
    if "function" not in job:
        job = {"expression": "id * 2", "into": "twice", **job}
    parapply.run(Job(inputs=path, output=output, backend="serial", **job))
    return output


def kept(table: pa.Table):
    return table


def without_first(table: pa.Table):
    return table.slice(1)


MADE = {
    "copied": {},
    "rows left out": {"expression": "id != 1", "into": (), "filter": True},
    "the first ones": {"head": 3},
    "several of one": {"expression": "[id, id]", "explode": True},
    "compressed otherwise": {"compression": "zstd"},
    "in chunks": {"chunk_size": 2},
}


@pytest.mark.parametrize("job", MADE.values(), ids=MADE)
@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_types_and_values_are_the_inputs(tmp_path, path, job):
    output = run(path, tmp_path / "out.parquet", **job)
    before, after = described(path), described(output)
    assert after[: len(before)] == before
    table = read(path)
    rows = [0, 2, 3, 4] if job.get("filter") else range(job.get("head", 5))
    rows = [row for row in rows for _ in range(2 if job.get("explode") else 1)]
    assert read(output).select(table.column_names).equals(table.take(rows))


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_pages_are_copied_whatever_the_types_are(tmp_path, path):
    output = run(path, tmp_path / "out.parquet")
    pages, size = path.read_bytes(), 0
    written = output.read_bytes()
    group = pq.ParquetFile(path).metadata.row_group(0)
    for chunk in map(group.column, range(group.num_columns)):
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        assert pages[start : start + chunk.total_compressed_size] in written
        size += chunk.total_compressed_size
    assert size > 500


@pytest.mark.parametrize("function", [kept, without_first])
@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_types_that_a_chunk_function_gives_back_are_the_inputs(tmp_path, path, function):
    output = run(path, tmp_path / "out.parquet", function=function, by="chunk", chunk_size=5)
    optional = [line.replace("required", "optional", 1) for line in described(path)]
    for line in described(output):
        assert line.replace("required", "optional", 1) in optional
    first = 1 if function is without_first else 0
    table = read(path)
    assert read(output).cast(table.schema).equals(table.slice(first))


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_several_files_and_a_folder_of_parts_have_the_types_of_the_first(tmp_path, path):
    run((path, path), tmp_path / "two.parquet")
    assert described(tmp_path / "two.parquet")[: len(described(path))] == described(path)
    run(path, f"{tmp_path}/parts/", chunk_size=3)
    parts = sorted((tmp_path / "parts").iterdir())
    assert len(parts) == 2
    for part in parts:
        assert described(part)[: len(described(path))] == described(path)
    table = read(path)
    found = pa.concat_tables([read(part).select(table.column_names) for part in parts])
    assert found.equals(table)


def test_what_arrow_has_no_name_for_has_to_be_the_same_in_all_files(tmp_path):
    path = FILES["types-duckdb-2.0.1"]
    pq.write_table(pq.read_table(path), tmp_path / "plain.parquet", store_schema=False)
    inputs = (path, tmp_path / "plain.parquet")
    with pytest.raises(InputError, match=r"plain\.parquet: column '(iv|ttz)' .* --drop"):
        run(inputs, tmp_path / "out.parquet")


@pytest.mark.parametrize("job", ["-e id --into made", "--filter -e id>1"])
@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_pandas_is_not_imported_for_it(tmp_path, path, job):
    command = [sys.executable, "-X", "importtime", "-m", "parapply", *job.split(), path]
    command += ["-o", tmp_path / "out.parquet", "--drop", "d9"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "pyarrow.parquet.core" in imported
    assert "pandas" not in imported


def test_old_timestamps_are_of_any_year_and_in_utc(tmp_path):
    path = FILES["types-spark-4.3.0"]
    output = run(path, tmp_path / "out.jsonl", expression="[ts_far.isoformat(), str(st['t'])]")
    line = output.read_text().splitlines()[1]
    assert '"ts_far": "0001-01-02T00:00:00+00:00"' in line
    assert '"t": "9999-12-31T23:59:59+00:00"' in line
    assert '["0001-01-02T00:00:00+00:00", "9999-12-31 23:59:59+00:00"]' in line


FINE = pa.array([0, 86_400_000_000_123, None], pa.timestamp("ns"))
LISTS = pa.list_(pa.timestamp("ns"))


def test_old_timestamps_of_arrow_are_what_its_schema_says(tmp_path):
    table = pa.table({"a": FINE, "b": FINE.cast(pa.timestamp("ns", "Europe/Berlin"))})
    path = tmp_path / "in.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    found = read_csv(run(path, tmp_path / "out.csv", expression="1", into="n"))
    assert found[2] == ["1970-01-02 00:00:00.000000123", "1970-01-02 01:00:00.000000123+01:00", "1"]


def read_csv(path):
    return [line.split(",") for line in path.read_text().splitlines()]


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    "column", [FINE, pa.array([[], [[0, 123]], None], pa.list_(pa.list_(FINE.type)))]
)
def test_old_timestamps_with_nanoseconds_are_not_cut(tmp_path, column, size):
    path = tmp_path / "in.parquet"
    table = pa.table({"a": column, "n": [1, 2, 3]})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, store_schema=False)
    job = {"expression": "n", "into": "made"}
    with pytest.raises(InputError, match=r"in\.parquet: column 'a' .*000123.* --drop a"):
        run(path, tmp_path / "out.csv", chunk_size=size, **job)
    output = run(path, tmp_path / "out.parquet", **job)
    assert pq.read_table(output)["a"].combine_chunks().equals(column)


DECIMALS = [decimal.Decimal("1.10"), None, decimal.Decimal("-0.01"), decimal.Decimal("-99.99")]


@pytest.mark.parametrize("make", [pa.decimal128, pa.decimal256])
@pytest.mark.parametrize(
    ("physical", "more"),
    [(el.INT32, 0), (el.INT64, 0), (el.BYTE_ARRAY, 0),
     (el.FIXED, 2), (el.FIXED, 7), (el.FIXED, 40)],
)  # fmt: skip
def test_decimals_have_their_values_in_any_physical_type(make, physical, more):
    element = {1: (I32, physical), 3: (I32, 1), 4: (BINARY, b"d"), 2: (I32, more)}
    array = pa.array([None, *DECIMALS], make(4, 2)).slice(1)
    found = stored.stored(array, [element]).to_pylist()
    values = [
        value if not isinstance(value, bytes) else int.from_bytes(value, "big", signed=True)
        for value in found
    ]
    assert values == [110, None, -1, -9999]
    assert {len(v) for v in found if isinstance(v, bytes)} <= {16, 32, more}


def test_extremes_stay_where_the_order_of_values_is_known(tmp_path):
    path = FILES["types-duckdb-2.0.1"]
    output = run(path, tmp_path / "out.parquet", expression="True", into=(), filter=True)
    group = pq.ParquetFile(output).metadata.row_group(0)
    found = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert (found["id"].statistics.min, found["id"].statistics.max) == (0, 4)
    if PYARROW >= 23:  # before, it read none of decimals in 32 bits
        assert found["d9"].statistics.max == decimal.Decimal(4)
    footer = Footer.read(io.BytesIO(output.read_bytes()))
    for name in ("iv", "va.metadata"):
        place = list(found).index(name)
        assert set(footer.groups()[0][place].meta[12][1]) <= {3, 4}, name


def test_columns_of_old_lists_keep_their_names(tmp_path):
    """Hive calls them bag and array_element; the names are part of where values are."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": [1, 2], "l": [[1], []]}), path)
    data = path.read_bytes()
    path.write_bytes(renamed(data, {b"list": b"bag", b"element": b"array_element"}))
    for job in ({}, {"expression": "id > 0", "into": (), "filter": True}):
        output = run(path, tmp_path / "out.parquet", **job)
        names = [pq.ParquetFile(output).schema.column(i).path for i in range(2)]
        assert names == ["id", "l.bag.array_element"]
        assert pq.read_table(output)["l"].to_pylist() == [[1], []]


def renamed(data, names):
    """Return a file with other names in its schema and chunks, without ARROW:schema."""
    footer = Footer.read(io.BytesIO(data))
    struct = {number: field for number, field in footer.struct.items() if number != 5}
    for element in struct[2][1].items:
        element[4] = BINARY, names.get(element[4][1], element[4][1])
    for group in footer.groups():
        for chunk in group:
            path = chunk.meta[3][1]
            path.items[:] = [names.get(name, name) for name in path.items]
    end = encode(struct)
    return data[: footer.start] + end + len(end).to_bytes(4, "little") + b"PAR1"


PLAIN = {1: (I32, 1), 3: (I32, 1), 4: (BINARY, b"y")}
UNREAD = {
    "lists": [
        {3: (I32, 1), 4: (BINARY, b"x"), 5: (I32, 2), 6: (I32, 3)},
        {1: (I32, 1), 3: (I32, 2), 4: (BINARY, b"a")},
        {1: (I32, 1), 3: (I32, 2), 4: (BINARY, b"b")},
    ],
    "digits": [
        {1: (I32, 7), 2: (I32, 40), 3: (I32, 1), 4: (BINARY, b"x"), 6: (I32, 5), 7: (I32, 0),
         8: (I32, 90)},
    ],
    "times": [{1: (I32, 6), 3: (I32, 1), 4: (BINARY, b"x"), 6: (I32, 7)}],
}  # fmt: skip


@pytest.mark.parametrize("column", UNREAD.values(), ids=UNREAD)
def test_a_type_that_cannot_be_read_is_named_with_its_column(tmp_path, column):
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": pa.array([], pa.int32())}), path)
    footer = Footer.head_of(io.BytesIO(path.read_bytes()))
    end = footer.with_columns([*footer.columns(), column, [PLAIN]]).with_groups([])
    path.write_bytes(b"PAR1" + end)
    wanted = r"in\.parquet: column 'x' is of a type .*EXCLUDE \(\"x\"\)"
    with pytest.raises(InputError, match=wanted):
        run(path, tmp_path / "out.csv")


@pytest.mark.parametrize("data", [b"a,b\n", b"", b"PAR1" * 3, b"PAR1\x15\x04\x19\x02\0\0\0PAR1"])
def test_what_is_no_parquet_is_called_so(tmp_path, data):
    (tmp_path / "in.parquet").write_bytes(data)
    with pytest.raises(InputError, match=r"in\.parquet (is not a Parquet file|cannot be read): "):
        run(tmp_path / "in.parquet", tmp_path / "out.csv")


def test_a_shared_table_holds_moments_of_int96_that_nanoseconds_do_not(tmp_path):
    moments = [dt.datetime(1200, 1, 1), dt.datetime(2024, 1, 1)]
    path = tmp_path / "old.parquet"
    table = pa.table({"w": pa.array(moments, pa.timestamp("us"))})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    (tmp_path / "f.py").write_text(
        "from parapply import worker\n\n\n"
        "def f(row):\n    return str(worker.shared['t'].w[row.number])\n"
    )
    (tmp_path / "in.csv").write_text("number\n0\n1\n")
    out = tmp_path / "out.csv"
    parapply.run(
        Job(
            function=f"{tmp_path}/f.py:f", inputs=(tmp_path / "in.csv",), into=("w",), output=out,
            share={"t": str(path)},
        )
    )  # fmt: skip
    assert out.read_text() == "number,w\n0,1200-01-01 00:00:00\n1,2024-01-01 00:00:00\n"
    dotted = pa.table({"a": [1, 2, 3], "a.b": FINE, "l": pa.array([[0], None, [5]], LISTS)})
    pq.write_table(dotted, path, use_deprecated_int96_timestamps=True)
    assert shares._READ[".parquet"](str(path)).equals(dotted)
