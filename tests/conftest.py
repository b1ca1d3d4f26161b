"""What many tests share: the command as a real process, a table of flights, functions to run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from tests.processes import Marked

# The same examples in every run; `pytest --hypothesis-profile=search` looks for new ones.
settings.register_profile("same", deadline=None, derandomize=True, database=None, max_examples=60)
settings.register_profile("search", deadline=None, database=None, max_examples=2000)
settings.load_profile("same")

ROWS = 6000
TIMEOUT_S = 60

# A module that a person could have written; every line of it is what some test is about.
FUNCTIONS = """
import math
from collections import namedtuple

import numpy as np
import pyarrow as pa


def speed(row):
    if row["air_time"] is None:
        return None
    return row["distance"] / row["air_time"] * 60


def late(row):
    return row.dep_delay is not None and row.dep_delay > 30


def route(row):
    return f"{row.origin}-{row.dest}"


def times(row):
    if row["dep_time"] is None:
        return {"cancelled": True}
    return {"cancelled": False, "dep_minute": row["dep_time"] // 100 * 60 + row["dep_time"] % 100}


Point = namedtuple("Point", "x y")


def point(row):
    return Point(row.distance * 2, row.carrier)


def pair(row):
    return row.hour, row.minute


def series(row):
    import pandas as pd

    return pd.Series({"a": row.hour, "b": row.carrier})


def letters(row):
    return list(row["carrier"])


def options(row, *, factor, unit="mi"):
    return f"{row['distance'] * factor}{unit}"


def clean(value):
    return None if value is None else value.strip().lower()


def double(value):
    return None if value is None else value * 2


def nothing(row):
    return None


class Scaler:
    def __init__(self, factor=10):
        self.factor = factor

    def __call__(self, row):
        return row["distance"] * self.factor

    def scale(self, row):
        return row["hour"] * self.factor


def with_ratio(df: "pd.DataFrame"):
    df["ratio"] = df["dep_delay"] / df["distance"]
    return df


def grow(table: pa.Table):
    column = pa.compute.multiply(table["distance"], 3)
    return table.append_column("triple", column)


def delays(df: "pd.DataFrame"):
    return df["arr_delay"] - df["dep_delay"]


def hours(df: "pd.DataFrame"):
    return np.asarray(df["hour"]) * 60 + np.asarray(df["minute"])


import pyarrow.compute  # noqa: E402  (pa.compute, above)

try:
    import polars as pl

    def in_polars(df: pl.DataFrame):
        return df.select("carrier", km=pl.col("distance") * 1.609)
except ImportError:
    pass
"""


@pytest.fixture
def parapply(tmp_path):
    """Run the command in `tmp_path`; output is bytes, messages are text."""

    def run(*arguments, stdin=b"", environment=None, stdout=subprocess.PIPE):
        done = subprocess.run(
            [sys.executable, "-m", "parapply", *map(str, arguments)],
            cwd=tmp_path,
            **({"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}),
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
            env={**os.environ, **(environment or {})},
        )
        done.stderr = done.stderr.decode()
        return done

    return run


@pytest.fixture
def short_path(tmp_path):
    """The test's folder by a name that leaves room for that of a socket in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        link = Path(place, "t")
        link.symlink_to(tmp_path)
        yield link


@pytest.fixture
def started(tmp_path, short_path):
    """Start the command and return its process; in the end none of all processes may live."""
    marked = Marked(tmp_path, short_path)
    yield marked
    try:
        for process in marked.running:
            process.wait(10)
    finally:
        marked.check_gone()


@pytest.fixture
def succeed(parapply):
    """Run the command, which has to succeed without a word; return what it wrote."""

    def run(*arguments, **settings):
        done = parapply(*arguments, **settings)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def fail(parapply):
    """Run the command, which has to fail with an exit code and write nothing; return its words."""

    def run(code, *arguments, **settings):
        done = parapply(*arguments, **settings)
        assert (done.returncode, done.stdout) == (code, b""), done.stderr
        assert done.stderr.startswith("parapply: error: ")
        assert "parapply/" not in done.stderr, "frames of ours are not for users"
        return done.stderr.rstrip("\n")

    return run


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    """6,000 flights in the 19 columns of nycflights13; six of them with missing values."""
    random = np.random.default_rng(13)
    flown = random.random(ROWS) > 0.03
    landed = flown & (random.random(ROWS) > 0.01)
    hour, minute = random.integers(5, 24, ROWS), random.integers(0, 60, ROWS)
    dep_delay = np.round(random.exponential(20, ROWS) - 8).astype(int)
    arr_delay = dep_delay + random.integers(-30, 30, ROWS)
    distance = random.integers(90, 4983, ROWS)
    day = pd.Timestamp("2013-01-01") + pd.to_timedelta(np.arange(ROWS) * 365 // ROWS, "D")
    tail = [
        f"N{n}{letter}"
        for n, letter in zip(random.integers(100, 999, ROWS), _letters(random), strict=True)
    ]

    def known(values, where):
        return pd.Series(values, dtype="Int64").where(where)

    return pd.DataFrame(
        {
            "year": day.year,
            "month": day.month,
            "day": day.day,
            "dep_time": known(_clock(hour * 60 + minute + dep_delay), flown),
            "sched_dep_time": hour * 100 + minute,
            "dep_delay": known(dep_delay, flown),
            "arr_time": known(_clock(hour * 60 + minute + arr_delay + 180), landed),
            "sched_arr_time": _clock(hour * 60 + minute + 180),
            "arr_delay": known(arr_delay, landed),
            "carrier": random.choice(["UA", "AA", "B6", "DL", "EV", "MQ", "9E"], ROWS),
            "flight": random.integers(1, 8500, ROWS),
            "tailnum": pd.Series(tail).where(random.random(ROWS) > 0.01),
            "origin": random.choice(["EWR", "JFK", "LGA"], ROWS),
            "dest": random.choice(["IAH", "MIA", "BQN", "ATL", "ORD", "FLL"], ROWS),
            "air_time": known(distance // 8 + random.integers(15, 40, ROWS), landed),
            "distance": distance,
            "hour": hour,
            "minute": minute,
            "time_hour": (day + pd.to_timedelta(hour, "h")).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


def _letters(random):
    return random.choice(list("ABCDEFGHJKLMNPQRSTUVWXYZ"), ROWS)


def _clock(minutes):
    minutes = minutes % (24 * 60)
    return minutes // 60 * 100 + minutes % 60


@pytest.fixture(scope="session")
def flights_folder(flights, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    flights.to_csv(folder / "flights.csv", index=False)
    flights.to_csv(folder / "flights.tsv", index=False, sep="\t")
    flights.to_parquet(folder / "flights.parquet", index=False, row_group_size=2500)
    return folder


@pytest.fixture
def flights_csv(flights_folder) -> Path:
    return flights_folder / "flights.csv"


@pytest.fixture
def flights_parquet(flights_folder) -> Path:
    return flights_folder / "flights.parquet"


@pytest.fixture
def functions(tmp_path) -> Path:
    """A file of functions to name on the command line, in the folder where that runs."""
    path = tmp_path / "functions.py"
    path.write_text(FUNCTIONS)
    return path


@pytest.fixture
def written(tmp_path):
    """Write a file into the folder where the command runs; return its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def table(written):
    """A small table with a text, an integer and a float column."""
    lines = [f"name{i},{i},{i / 4}" for i in range(20)]
    return written("table.csv", "\n".join(["name,number,share", *lines, ""]))
