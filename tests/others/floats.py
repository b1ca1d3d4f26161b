"""Floats that are no finite numbers: each tool writes them as text, and reads what came of them.

    python tests/others/floats.py TOOL...      (spark postgres duckdb polars r)

Set up as dialects.py is.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dialects import parapply_command, postgres_server

VALUES = [math.nan, math.inf, -math.inf, 1.5, None]
ROWS = [(place, value) for place, value in enumerate(VALUES)]


def added(path: Path, dialect: str) -> Path:
    """Run parapply: `y` is `x`, `z` twice as much, `s` what the function was given."""
    out = path.with_name(f"out-{path.name}")
    expression = "{'y': x, 'z': x and x * 2, 's': repr(x)}"
    text = ["--from", "csv", "--to", "csv", "--dialect", dialect]
    subprocess.run([*parapply_command(), "-e", expression, path, *text, "-o", out], check=True)
    return out


def compare(what: str, found: Sequence[Sequence[Any]]) -> None:
    """Say whether what was read back is what it has to be."""
    wanted = [(i, x, x, x and x * 2, repr(x)) for i, x in ROWS]
    right = list(map(repr, sorted(map(tuple, found)))) == list(map(repr, wanted))
    print(f"{what}: {'as it should be' if right else f'WRONG {found}'}")


def spark(folder: Path) -> None:
    """Spark's defaults."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark_ = session.getOrCreate()
    spark_.createDataFrame(ROWS, "i int, x double").coalesce(1).write.csv(
        str(folder / "in"), header=True
    )
    (path,) = (folder / "in").glob("*.csv")
    schema = "i int, x double, y double, z double, s string"
    read = spark_.read.csv(str(added(path, "spark")), header=True, schema=schema)
    compare("spark", [tuple(row) for row in read.collect()])
    spark_.stop()


def duckdb(folder: Path) -> None:
    """COPY with its defaults."""
    import duckdb as tool

    connection, path = tool.connect(), folder / "in.csv"
    connection.execute("create table t (i integer, x double)")
    connection.executemany("insert into t values (?, ?)", ROWS)
    connection.execute(f"copy t to '{path}'")
    compare("duckdb", connection.execute(f"from '{added(path, 'duckdb')}'").fetchall())


def polars(folder: Path) -> None:
    """write_csv and read_csv."""
    import polars as tool

    path = folder / "in.csv"
    tool.DataFrame(ROWS, schema=["i", "x"], orient="row").write_csv(path)
    compare("polars", tool.read_csv(added(path, "polars")).rows())


def r(folder: Path) -> None:
    """write.csv and read.csv."""
    path = folder / "in.csv"
    made = f"data.frame(i=0:4, x=c(NaN, Inf, -Inf, 1.5, NA)), '{path}', row.names=FALSE"
    subprocess.run(["Rscript", "-e", f"write.csv({made})"], check=True)
    shown = "for (n in c('x', 'y', 'z')) cat(d[[n]], class(d[[n]]), '')"
    script = f"d <- read.csv('{added(path, 'r')}'); {shown}; cat(d$s)"
    done = subprocess.run(["Rscript", "-e", script], check=True, capture_output=True, text=True)
    numbers = "NA Inf -Inf 1.5 NA numeric"  # R itself writes NaN as NA
    wanted = f"{numbers} {numbers} NA Inf -Inf 3 NA numeric None inf -inf 1.5 None"
    print("r:", "as it should be" if done.stdout == wanted else f"WRONG {done.stdout}")


def postgres(folder: Path) -> None:
    """COPY in both formats."""
    with postgres_server(folder) as psql:
        values = "(0, 'NaN'), (1, 'Infinity'), (2, '-Infinity'), (3, 1.5), (4, null)"
        psql(
            f"create table t (i int, x float8); insert into t values {values};\n"
            "create table o (i int, x float8, y float8, z float8, s text);"
        )
        for dialect, copy in (("postgres", "header"), ("postgres-csv", "format csv, header")):
            path = folder / f"{dialect}.txt"
            path.write_text(psql(f"copy t to stdout with ({copy})"))
            psql(f"delete from o;\n\\copy o from '{added(path, dialect)}' with ({copy})")
            found = json.loads(psql("select json_agg(o) from o"))
            compare(dialect, [[i, *map(_float, row)] for i, *row in map(dict.values, found)])


def _float(value: Any) -> Any:
    """A value of PostgreSQL's JSON, which has text for what JSON has no number for."""
    return float(value) if value in ("NaN", "Infinity", "-Infinity", 3) else value


TOOLS: dict[str, Callable[[Path], None]] = {
    "spark": spark, "postgres": postgres, "duckdb": duckdb, "polars": polars, "r": r,
}  # fmt: skip

if __name__ == "__main__":
    for name in [one for one in sys.argv[1:] if one in TOOLS] or list(TOOLS):
        with tempfile.TemporaryDirectory() as folder:
            TOOLS[name](Path(folder))
