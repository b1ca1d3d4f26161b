"""Tools write Parquet with their own types, parapply adds to it, and they read what came of it.

    python tests/others/parquet_types.py [--save] TOOL...      (spark duckdb geopandas)

Python has to have the tools' packages (pyspark 4.3.0, duckdb 2.0.1, geopandas 1.2.0), PARAPPLY says
how parapply is called there. What the tools wrote is put under tests/data with --save.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
JOBS = {  # its options, the columns that it leaves out, and those that it makes
    "copied": (["-e", "id * 2", "--into", "twice"], (), ("twice",)),
    "rewritten": (["--filter", "-e", "id >= 0"], (), ()),
    "compressed": (["-e", "id * 2", "--into", "twice", "--compression", "zstd"], (), ("twice",)),
    "some columns": (
        ["-e", "id * 2", "--into", "twice", "--drop", "dropped"], ("dropped",), ("twice",)
    ),
}  # fmt: skip

SPARK = """
select id, id as dropped, cast(id as decimal(9,2)) as d9, cast(id as decimal(18,4)) as d18,
 cast(id as decimal(30,4)) as d30, timestamp'0001-01-01 00:00:00' + make_dt_interval(id) as ts_far,
 timestamp'2024-03-31 02:30:00.123456' as ts, timestamp_ntz'1500-01-01 00:00:00' as ntz,
 date'0001-01-01' as d, parse_json('{"a":'||id||'}') as v,
 named_struct('x', id, 'y', cast(id as decimal(9,2)), 't', timestamp'9999-12-31 23:59:59') as st,
 array(id, id+1) as arr, map('k', id) as m, cast('x' as binary) as b, cast(id as tinyint) as ti,
 interval '1' day as di, interval '1-2' year to month as ym
from range(5) t(id)
"""
DUCKDB = """
select id, id as dropped, interval (id) month + interval 3 day as iv, timetz '10:00:00+02' as ttz,
 time '24:00:00' as t, uuid() as u, '10:00:00.123456789'::time_ns as tns,
 case when id=1 then timestamp 'infinity' when id=2 then timestamp '-infinity'
  when id=3 then timestamp '200000-01-01' when id=4 then timestamp '4000-01-01 (BC)'
  else timestamp '2024-01-01' end as ts,
 case when id=1 then timestamptz 'infinity' else timestamptz '2024-01-01' end as tz,
 case when id=1 then date 'infinity' when id=2 then date '-infinity' else date '2024-01-01' end d,
 id::ubigint as u8, id::decimal(9,2) as d9, '{"a":1}'::json as js, id::variant as va,
 {'iv': interval 1 day, 'x': id} as st, [id] as li, map{'a': id} as mp
from range(5) t(id)
"""
MOMENTS = {
    "infinities": """
select id, case when id=1 then timestamp 'infinity' when id=2 then timestamp '-infinity'
  when id=3 then null else timestamp '2024-01-01 10:00:00.5' end as ts,
 case when id=1 then timestamptz 'infinity' else timestamptz '2024-01-01' end as tz,
 case when id=1 then date 'infinity' when id=2 then date '-infinity' else date '2024-01-01' end d,
 time '24:00:00' as t, [date 'infinity'] as l,
 case when id=1 then timestamp_s 'infinity' else timestamp_s '2024-01-01' end as s,
 case when id=1 then timestamp_ms 'infinity' else timestamp_ms '2024-01-01' end as ms
from range(5) t(id)
""",
    "far-dates": """
select id, case when id=3 then timestamp '200000-01-01' else timestamp '2024-01-01' end as ts,
 case when id=2 then date '0044-03-15 (BC)' else date '2024-01-01' end as d,
 case when id=4 then [date '2024-01-01', date '10000-01-01'] end as l,
 '10:00:00.123456789'::time_ns as tns
from range(5) t(id)
""",
}


def parapply(*arguments: str | Path) -> None:
    """Run it."""
    command = shlex.split(os.environ.get("PARAPPLY", f"{sys.executable} -m parapply"))
    subprocess.run([*command, *map(str, arguments)], check=True)


def check(path: Path, read: Callable[[Path], tuple[list[str], list[Any]]]) -> None:
    """Compare what a tool reads of a file with what it reads of each output: types and values."""
    before = columns(*read(path))
    for what, (job, lost, made) in JOBS.items():
        output = path.with_name(f"{path.stem}-{what.replace(' ', '-')}.parquet")
        parapply(*job, path, "-o", output)
        after = columns(*read(output))
        wrong = [name for name in before if name not in lost and after.get(name) != before[name]]
        wrong += list(set(after) - set(before) ^ set(made))
        print(f"  {what}: {'WRONG: ' + ', '.join(wrong) if wrong else 'as it should be'}")


def columns(types: list[str], rows: list[Any]) -> dict[str, Any]:
    """Return each column's type and values by its name."""
    return {
        one.split(" ")[0]: (one, [row[place] for row in rows]) for place, one in enumerate(types)
    }


def spark(folder: Path) -> None:
    """Of Spark: decimals in integers, INT96 of any year, variants, intervals."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sql(SPARK).coalesce(1).write.parquet(str(folder / "spark"))
    path = shutil.copy(next((folder / "spark").glob("*.parquet")), folder / "spark.parquet")
    save(Path(path), "types-spark-4.3.0.parquet")

    def read(path: Path) -> tuple[list[str], list[Any]]:
        frame = session.read.parquet(str(path))
        types = [f"{f.name} {f.dataType.simpleString()}" for f in frame.schema.fields]
        texts = frame.selectExpr(*(f"cast({f.name} as string)" for f in frame.schema.fields))
        return types, [list(row) for row in texts.collect()]

    check(Path(path), read)
    session.stop()


def duckdb(folder: Path) -> None:
    """Of DuckDB: intervals, times of a zone, variants, infinities, and annotations of integers."""
    import duckdb

    path = folder / "duckdb.parquet"
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"copy ({DUCKDB}) to '{path}' (format parquet)")
    save(path, "types-duckdb-2.0.1.parquet")
    for name, query in MOMENTS.items():
        connection.execute(f"copy ({query}) to '{folder}/{name}' (format parquet)")
        save(folder / name, f"{name}-duckdb-2.0.1.parquet")

    def read(path: Path) -> tuple[list[str], list[Any]]:
        names = connection.execute(f"describe from '{path}'").fetchall()
        columns = ", ".join(f'cast("{name[0]}" as varchar)' for name in names)
        rows = connection.execute(f"select {columns} from '{path}'").fetchall()
        return [f"{name[0]} {name[1]}" for name in names], [list(row) for row in rows]

    check(path, read)


def geopandas(folder: Path) -> None:
    """Of GeoPandas: its key says which columns are geometries."""
    import geopandas
    from shapely.geometry import Point, Polygon

    other = geopandas.GeoSeries([Polygon([(0, 0), (1, 0), (1, 1)])] * 3, crs=3857)
    places = [Point(1, 2), Point(3, 4), None]
    columns = {"id": [0, 1, 2], "dropped": [0, 1, 2], "other": other}
    frame = geopandas.GeoDataFrame(columns, geometry=places, crs=4326)
    path = folder / "geopandas.parquet"
    frame.to_parquet(path, write_covering_bbox=True)
    save(path, "keys-geopandas-1.2.0.parquet")

    def read(path: Path) -> tuple[list[str], list[Any]]:
        try:
            found: Any = geopandas.read_parquet(path)
        except ValueError:  # no geometry is left
            import pandas

            found = pandas.read_parquet(path)
        types = [f"{name} {dtype}" for name, dtype in found.dtypes.items()]
        return types, found.astype(str).values.tolist()

    check(path, read)


def save(path: Path, name: str) -> None:
    """Ship a file."""
    if "--save" in sys.argv:
        shutil.copy(path, DATA / name)


TOOLS = {"spark": spark, "duckdb": duckdb, "geopandas": geopandas}

if __name__ == "__main__":
    for tool in [name for name in sys.argv[1:] if not name.startswith("--")] or list(TOOLS):
        print(tool)
        with tempfile.TemporaryDirectory() as place:
            TOOLS[tool](Path(place))
