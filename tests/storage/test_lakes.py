"""Tables of Delta Lake, Iceberg and Hudi are neither read nor replaced as plain files."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.model.errors import UsageError

# By the names that deltalake 1.6.6, pyiceberg 0.12.0 and Hudi give, see tests/others/lakes.py.
TABLES = {
    "a Delta Lake table": ("_delta_log/00000000000000000000.json", "k=a/part-00000-c000.parquet"),
    "an Iceberg table": ("metadata/00010-61d9.metadata.json", "data/part-00000-e70a.parquet"),
    "a Hudi table": (".hoodie/hoodie.properties", "k=a/part-00000_0-1-0.parquet"),
}


@pytest.fixture(params=TABLES)
def table(request, tmp_path):
    """A table's folder, its file of rows, and what it is."""
    folder = tmp_path / "here" / "table"
    log, rows = (folder / name for name in TABLES[request.param])
    for path in (log, rows):
        path.parent.mkdir(parents=True)
    log.write_text("{}")
    pq.write_table(pa.table({"id": [1, 2]}), rows)
    return folder, rows, request.param


def run(inputs, output, **job):
    job = {"expression": "id", "into": "made", **job}
    return parapply.run(Job(inputs=inputs, output=output, backend="serial", **job))


def test_a_table_is_refused_wherever_it_is_in_a_folder(table, tmp_path):
    folder, rows, kind = table
    for path in (folder, folder.parent, folder / "..", rows.parent):
        with pytest.raises(UsageError, match=f"{kind}, .*deleted.* live .*, or name the files"):
            run(path, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_its_files_are_read_when_they_are_named(table, tmp_path):
    assert run(table[1], tmp_path / "out.csv").rows_out == 2


def test_the_way_out_names_the_table(table, tmp_path):
    with pytest.raises(UsageError) as refused:
        run(table[0], tmp_path / "out.csv")
    assert str(table[0]) in str(refused.value).partition("write the live ones first")[2]


def test_the_way_out_of_iceberg_begins_at_the_newest_of_its_logs(tmp_path):
    (tmp_path / "in" / "metadata").mkdir(parents=True)
    for name in ("00009-77aa", "00010-61d9", "00002-ffff"):
        (tmp_path / "in" / "metadata" / f"{name}.metadata.json").write_text("{}")
    with pytest.raises(UsageError, match=r"metadata/00010-61d9\.metadata\.json"):
        run(tmp_path / "in", tmp_path / "out.csv")


def test_a_folder_of_part_files_never_takes_the_place_of_a_part_of_it(table, tmp_path):
    folder, rows, kind = table
    pq.write_table(pa.table({"id": [1]}), tmp_path / "in.parquet")
    before = rows.read_bytes()
    for path in (folder, rows.parent, folder / "new" / "one"):
        with pytest.raises(UsageError, match=f"{kind}, .* name another output"):
            run(tmp_path / "in.parquet", f"{path}/")
    assert rows.read_bytes() == before
    assert run(tmp_path / "in.parquet", f"{folder.parent}/other/").rows_out == 1


def test_folders_that_are_only_called_alike_are_read(tmp_path):
    for name in ("_delta_log", "metadata", "k=1"):
        (tmp_path / "in" / name).mkdir(parents=True)
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "in" / "k=1" / "x.parquet")
    assert run(tmp_path / "in", tmp_path / "out.csv").rows_out == 2
