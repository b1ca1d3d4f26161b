#!/usr/bin/env bash
# polars 2.1.0, duckdb 2.0.1: a folder's key that the file has as a column, too, wins silently.
#
# Seen: polars' write_parquet(partition_by=...) keeps the key in the files as well. Where somebody
# moves a file to another folder, so that folder and file disagree, polars and DuckDB both give the
# folder's value and say nothing; read without hive columns the file has the other one.
#
# Output seen:
#   columns of a file: ['v', 'k']
#   polars: [(1, 2)]
#   duckdb: [(1, 2)]
#   duckdb without hive columns: [(1, 1)]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q polars==2.1.0 duckdb==2.0.1 2>/dev/null
cd "$folder"
cat > seen.py <<'PY'
from pathlib import Path

import duckdb
import polars as pl

pl.DataFrame({"v": [1], "k": [1]}).write_parquet("in/", partition_by="k")
(file,) = Path("in").rglob("*.parquet")
print("columns of a file:", pl.read_parquet_schema(file) and list(pl.read_parquet_schema(file)))
file.parent.rename("in/k=2")
print("polars:", pl.read_parquet("in/").select("v", "k").rows())
for name, hive in (("duckdb", "true"), ("duckdb without hive columns", "false")):
    query = f"select v, k from read_parquet('in/**/*.parquet', hive_partitioning={hive})"
    print(f"{name}:", duckdb.sql(query).fetchall())
PY
"$folder/venv/bin/python" seen.py | tee seen.txt
diff - seen.txt <<'OUT'
columns of a file: ['v', 'k']
polars: [(1, 2)]
duckdb: [(1, 2)]
duckdb without hive columns: [(1, 1)]
OUT
echo "as it was seen"
