"""Each tool writes a table, parapply adds to it, and the same tool reads what came of it.

    python tests/others/dialects.py [--save] TOOL...      (spark postgres mariadb duckdb polars r)

Python has to have the tools' packages (pyspark, duckdb, polars), PARAPPLY says how parapply is
called there. Servers are started for the time of the run in a temporary folder, by another user
where this one is root. What the tools wrote is put under tests/data with --save.
"""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
TEXTS = [
    None, "", "NA", "NULL", "\\N", "a\\b", "ends\\", 'say "hi"', '5" pipe', '"', "a,b", "a;b",
    "a\tb", "two\nlines", "\\", 'back\\"quote', " spaced ", "é", "true", "plain", "\\t", "\\.",
]  # fmt: skip
ROWS = [
    (n, None if n % 5 == 4 else n / 4, None if n % 7 == 6 else n % 2 == 0, text)
    for n, text in enumerate(TEXTS)
]
NAMES = ("i", "x", "b", "t")


def parapply_command() -> list[str]:
    """Return how it is called."""
    return shlex.split(os.environ.get("PARAPPLY", f"{sys.executable} -m parapply"))


def parapply(*arguments: str | Path) -> None:
    """Run it: the column `copy` is `t`, `seen` tells what the function was given."""
    command = parapply_command()
    done = [*command, "-e", "{'copy': t, 'half': x and x / 2, 'yes': i > 3}", *map(str, arguments)]
    subprocess.run(done, check=True)


def seen(path: Path, *options: str) -> list[dict[str, Any]]:
    """Return the rows that a function is given."""
    command = parapply_command()
    done = subprocess.run(
        [*command, "-e", "repr([i, x, t])", "--into", "seen", "--only", "--to", "jsonl", path,
         *options],
        check=True, capture_output=True,
    )  # fmt: skip
    return [json.loads(line)["seen"] for line in done.stdout.splitlines()]


def compare(what: str, found: list[tuple[Any, ...]], texts: list[Any] | None = None) -> None:
    """Say where a table that was read back is not what it has to be."""
    texts = TEXTS if texts is None else texts
    wanted = [
        (i, x, b, t, t, None if x is None else x / 2 if x else x, i > 3)
        for (i, x, b, _), t in zip(ROWS, texts, strict=True)
    ]
    wrong = [(one, two) for one, two in zip(sorted(found), wanted, strict=True) if one != two]
    print(f"{what}: {'as it should be' if not wrong else 'WRONG'}")
    for one, two in wrong:
        print("   read ", one, "\n   wants", two)


def check_seen(what: str, path: Path, *options: str, texts: list[Any] | None = None) -> None:
    """Say which values a function does not see as they are."""
    wanted = [repr([i, x, t]) for (i, x, _, _), t in zip(ROWS, texts or TEXTS, strict=True)]
    found = seen(path, *options)
    wrong = [pair for pair in zip(found, wanted, strict=True) if pair[0] != pair[1]]
    print(f"{what}, seen: {'as it is' if not wrong else f'WRONG {wrong}'}")


def save(path: Path, name: str) -> None:
    """Ship a file."""
    if "--save" in sys.argv:
        DATA.mkdir(exist_ok=True)
        shutil.copy(path, DATA / name)


def spark(folder: Path) -> None:
    """Spark's defaults; `multiLine`, or it does not read the lines that it wrote itself."""
    import pyspark
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark_ = session.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    schema = "i bigint, x double, b boolean, t string"
    # It takes spaces off the ends of text as it writes, unless it is told not to.
    plain = {"header": True, "ignoreLeadingWhiteSpace": False, "ignoreTrailingWhiteSpace": False}
    frame = spark_.createDataFrame(ROWS, schema).coalesce(1)
    frame.write.options(**plain).csv(str(folder / "spark"))
    (path,) = (folder / "spark").glob("*.csv")
    save(path, f"spark-{pyspark.__version__}.csv")
    check_seen("spark", path, "--dialect", "spark")
    parapply(path, "--dialect", "spark", "-o", folder / "out.csv")
    whole = f"{schema}, copy string, half double, yes boolean"
    read = spark_.read.options(
        header=True,
        multiLine=True,
    ).schema(whole)
    found = [tuple(row) for row in read.csv(str(folder / "out.csv")).collect()]
    # Spark takes the "" that it writes for an empty text for a missing one, when it reads.
    compare("spark", found, [text or None for text in TEXTS])
    spark_.stop()


def duckdb(folder: Path) -> None:
    """DuckDB: COPY with its defaults."""
    import duckdb as tool

    path, out = folder / "in.csv", folder / "out.csv"
    connection = tool.connect()
    connection.execute("create table t (i bigint, x double, b boolean, t varchar)")
    connection.executemany("insert into t values (?, ?, ?, ?)", ROWS)
    connection.execute(f"copy t to '{path}'")
    save(path, f"duckdb-{tool.__version__}.csv")
    check_seen("duckdb", path, "--dialect", "duckdb")
    parapply(path, "--dialect", "duckdb", "-o", out)
    types = {"t": "varchar", "copy": "varchar"}
    found = connection.execute(f"from read_csv('{out}', types={types}, allow_quoted_nulls=false)")
    compare("duckdb", found.fetchall())


def polars(folder: Path) -> None:
    """polars: write_csv and read_csv."""
    import polars as tool

    path, out = folder / "in.csv", folder / "out.csv"
    tool.DataFrame(ROWS, schema=list(NAMES), orient="row").write_csv(path)
    save(path, f"polars-{tool.__version__}.csv")
    check_seen("polars", path, "--dialect", "polars")
    parapply(path, "--dialect", "polars", "-o", out)
    schema = {"t": tool.String, "copy": tool.String}
    compare("polars", tool.read_csv(out, schema_overrides=schema).rows())


def r(folder: Path) -> None:
    """R: write.csv, and fread, which tells NA from "NA"."""
    path, out, script = folder / "in.csv", folder / "out.csv", folder / "r.R"
    texts = ", ".join("NA" if t is None else json.dumps(t, ensure_ascii=False) for t in TEXTS)
    numbers = ", ".join("NA" if x is None else repr(x) for _, x, _, _ in ROWS)
    truth = ", ".join({None: "NA", True: "TRUE", False: "FALSE"}[b] for _, _, b, _ in ROWS)
    script.write_text(
        f"d <- data.frame(i=0:{len(ROWS) - 1}, x=c({numbers}), b=c({truth}), t=c({texts}))\n"
        f"write.csv(d, '{path}', row.names=FALSE, fileEncoding='UTF-8')\n"
        "cat(as.character(getRversion()))\n"
    )
    version = subprocess.run(
        ["Rscript", script], check=True, capture_output=True, text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    ).stdout  # fmt: skip
    save(path, f"r-{version}.csv")
    check_seen("r", path, "--dialect", "r")
    parapply(path, "--dialect", "r", "-o", out)
    script.write_text(
        "library(data.table)\n"
        f"d <- read.csv('{out}', fileEncoding='UTF-8')\n"
        f"w <- read.csv('{path}', fileEncoding='UTF-8')\n"
        "same <- function(a, b) identical(a, b)\n"
        "cat(same(d[, 1:4], w), same(d$copy, w$t), same(d$half, w$x / 2), same(d$yes, w$i > 3),"
        " sapply(d, class), '\\n')\n"
    )
    done = subprocess.run(
        ["Rscript", script], check=True, capture_output=True, text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    print("r:", done.stdout.strip())


def _other_user(name: str) -> dict[str, Any]:
    """Servers do not run as root."""
    if os.geteuid():
        return {}
    known = pwd.getpwnam(name)
    return {"user": known.pw_uid, "group": known.pw_gid}


@contextmanager
def server(command: list[str], user: str, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a server until it is no longer wanted."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_other_user(user)
    )
    try:
        end = time.monotonic() + 60
        while not ready():
            if time.monotonic() > end:
                raise TimeoutError(command[0])
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _sql(value: Any) -> str:
    if value is None or isinstance(value, (int, float)):
        return "null" if value is None else str(value).lower()
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def postgres_server(folder: Path) -> Iterator[Callable[[str], str]]:
    """Run a server; yield what runs SQL there and returns what it says."""
    home = Path(os.environ.get("PGBIN", "/usr/lib/postgresql/15/bin"))
    data = folder / "pg"
    other = _other_user("postgres")
    folder.chmod(0o777)
    initdb = [home / "initdb", "-D", data, "-A", "trust", "-U", "me", "-E", "UTF8", "--locale=C"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **other)

    def psql(text: str) -> str:
        done = subprocess.run(
            ["psql", "-h", data, "-U", "me", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1"],
            input=text, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    def ready() -> bool:
        done = subprocess.run([home / "pg_isready", "-h", data], stdout=subprocess.DEVNULL)
        return done.returncode == 0

    command = [str(home / "postgres"), "-D", str(data), "-k", str(data), "-h", ""]
    with server(command, "postgres", ready):
        yield psql


def postgres(folder: Path) -> None:
    """PostgreSQL: COPY in its text format, and as csv."""
    with postgres_server(folder) as psql:
        version = psql("show server_version").split()[0]
        rows = ", ".join(f"({', '.join(map(_sql, row))})" for row in ROWS)
        psql(
            "create table t (i bigint, x float8, b boolean, t text);\n"
            "create table o (i bigint, x float8, b boolean, t text, copy text, half float8,"
            f" yes boolean);\ninsert into t values {rows};"
        )
        for dialect, copy, suffix in (
            ("postgres", "header", "txt"), ("postgres-csv", "format csv, header", "csv"),
        ):  # fmt: skip
            path, out = folder / f"in.{suffix}", folder / f"out.{suffix}"
            path.write_text(psql(f"copy t to stdout with ({copy})"))
            save(path, f"{dialect}-{version}.{suffix}")
            check_seen(dialect, path, "--from", "csv", "--dialect", dialect)
            parapply(path, "--from", "csv", "--to", "csv", "--dialect", dialect, "-o", out)
            psql(f"delete from o;\n\\copy o from '{out}' with ({copy})")
            found = json.loads(psql("select json_agg(o) from o"))
            compare(dialect, [tuple(row.values()) for row in found])


def mariadb(folder: Path) -> None:
    """MariaDB: SELECT INTO OUTFILE and LOAD DATA."""
    data, socket = folder / "my", folder / "my.sock"
    folder.chmod(0o777)
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    other = _other_user("mysql")
    subprocess.run(
        ["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal",
         "--skip-test-db"],
        check=True, stdout=subprocess.DEVNULL, **other,
    )  # fmt: skip

    def sql(text: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["mariadb", "-S", socket, "-u", "root", "-N", "-r", "--default-character-set=utf8mb4"],
            input=text, check=check, capture_output=True, text=True,
        )  # fmt: skip

    command = [
        "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}",
        "--skip-networking", "--secure-file-priv=", f"--pid-file={folder}/my.pid",
    ]  # fmt: skip
    with server(command, "mysql", lambda: sql("select 1", check=False).returncode == 0):
        version = sql("select version()").stdout.split("-")[0]
        rows = ", ".join(f"({', '.join(map(_sql, row))})" for row in ROWS).replace("\\", "\\\\")
        path, out = folder / "in.txt", folder / "out.txt"
        sql(
            "create database d; use d; set names utf8mb4;\n"
            "create table t (i bigint, x double, b boolean, t text) charset utf8mb4;\n"
            "create table o (i bigint, x double, b boolean, t text, copy text, half double,"
            f" yes boolean) charset utf8mb4;\ninsert into t values {rows};\n"
            f"select * into outfile '{path}' from t;"
        )
        save(path, f"mariadb-{version}.txt")
        headed = folder / "headed.txt"
        headed.write_bytes(b"i\tx\tb\tt\n" + path.read_bytes())
        options = ("--from", "csv", "--dialect", "mysql")
        check_seen("mariadb", headed, *options)
        parapply(headed, *options, "--to", "csv", "-o", out)
        out.chmod(0o644)
        sql(f"use d; load data infile '{out}' into table o character set utf8mb4 ignore 1 lines;")
        pairs = ", ".join(f"'{n}', {n}" for n in (*NAMES, "copy", "half", "yes"))
        found = sql(f"use d; select json_object({pairs}) from o").stdout
        table = [json.loads(line) for line in found.splitlines()]
        for row in table:
            for name in ("b", "yes"):
                row[name] = None if row[name] is None else bool(row[name])
        compare("mariadb", [tuple(row.values()) for row in table])


TOOLS: dict[str, Callable[[Path], None]] = {
    "spark": spark, "postgres": postgres, "mariadb": mariadb, "duckdb": duckdb, "polars": polars,
    "r": r,
}  # fmt: skip

if __name__ == "__main__":
    for name in [one for one in sys.argv[1:] if one in TOOLS] or list(TOOLS):
        with tempfile.TemporaryDirectory() as folder:
            TOOLS[name](Path(folder))
