"""How Parquet output is encoded: read back it is the same table, whatever was chosen."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parapply import Job, run

ROWS = 40_000
TABLE = pa.table(
    {
        "unique": pa.array(range(ROWS)),
        "few": pa.array([place % 7 for place in range(ROWS)]),
        "text": pa.array([f"t{place}" if place % 3 else None for place in range(ROWS)]),
        "word": pa.array(["north", "south", None, "west"] * (ROWS // 4)),
        "flag": pa.array([place % 2 == 0 for place in range(ROWS)]),
        "day": pa.array([dt.date(2024, 1, 1 + place % 28) for place in range(ROWS)]),
        "kind": pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode(),
        "none": pa.nulls(ROWS, pa.string()),
    }
)


def written(tmp_path, table, workers=2):
    source, output = tmp_path / "in.arrow", tmp_path / f"out{workers}.parquet"  # none is carried
    with pa.ipc.new_file(source, table.schema) as writer:
        writer.write_table(table)
    run(Job(expression="unique * 2", inputs=(source,), output=output, workers=workers))
    return output


def dictionaries(path):
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    return {c.path_in_schema for c in columns if c.has_dictionary_page}


def test_what_repeats_has_a_dictionary_and_all_reads_back(tmp_path):
    output = written(tmp_path, TABLE)
    assert {"few", "word", "day", "kind"} <= dictionaries(output)
    assert not {"unique", "text", "result"} & dictionaries(output)
    back = pq.read_table(output)
    assert back.drop_columns("result").equals(TABLE)


def test_the_bytes_do_not_depend_on_the_workers(tmp_path):
    one, other = written(tmp_path, TABLE, 1), written(tmp_path, TABLE, 3)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(tmp_path, rows):
    assert pq.read_table(written(tmp_path, TABLE.slice(0, rows))).num_rows == rows


def test_nested_columns_are_written_too(tmp_path):
    table = TABLE.append_column("list", pa.array([[place, 1] for place in range(ROWS)]))
    back = pq.read_table(written(tmp_path, table))
    assert back.column("list").equals(table.column("list"))
