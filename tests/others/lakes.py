"""Delta Lake and Iceberg write tables, parapply refuses them, and its way out writes the live rows.

    python tests/others/lakes.py      (deltalake 1.6.6, pyiceberg 0.12.0 with SQLite, pyarrow)

PARAPPLY says how parapply is called there.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

ROWS = pa.table({"id": [1, 2, 3], "k": ["a", "b", "a"]})
LIVE = [{"id": 2, "k": "b"}, {"id": 3, "k": "a"}]


def delta(folder: Path) -> Path:
    """Write a table in partitions, and delete a row."""
    path = folder / "delta"
    deltalake.write_deltalake(path, ROWS, partition_by=["k"])
    deltalake.DeltaTable(path).delete("id = 1")
    return path


def iceberg(folder: Path) -> Path:
    """Write a table, and delete a row."""
    catalog = SqlCatalog("x", uri=f"sqlite:///{folder}/c.db", warehouse=f"file://{folder}/all")
    catalog.create_namespace("db")
    table = catalog.create_table("db.t", schema=ROWS.schema)
    table.append(ROWS)
    table.delete("id = 1")
    return folder / "all" / "db" / "t"


def check(path: Path) -> None:
    """Have the table refused, and take the way out that the message names."""
    command = shlex.split(os.environ.get("PARAPPLY", f"{sys.executable} -m parapply"))
    done = subprocess.run(
        [*command, "-e", "id", "--into", "x", str(path), "-o", str(path.parent / "out.csv")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    way = re.search(r'python -c "(.*?)", or name', done.stderr)
    good = done.returncode == 2 and way is not None
    if way is not None:
        subprocess.run([sys.executable, "-c", way[1]], check=True, cwd=path.parent)
        found = pq.read_table(path.parent / "live.parquet").to_pylist()
        good = good and sorted(found, key=lambda row: int(row["id"])) == LIVE
    print(f"{path.name}: {'as it should be' if good else 'WRONG: ' + done.stderr}")


if __name__ == "__main__":
    for write in (delta, iceberg):
        with tempfile.TemporaryDirectory() as place:
            check(write(Path(place)))
