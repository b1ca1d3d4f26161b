"""What is measured: a function, a table, its size, and the column that all outputs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
THREADS = 64
WAIT_S = 0.005  # what functions.wait waits


@dataclass(frozen=True)
class Workload:
    """One letter of the table."""

    key: str
    title: str
    rows: int  # at size 1
    function: str  # in programs/functions.py
    made: str  # the column that it makes
    by: str = "row"
    suffix: str = ".csv"
    column: str = ""  # of --by value
    fixed: bool = False  # the same number of rows at any size


@dataclass(frozen=True)
class Case:
    """A workload with its files, for one contender's run."""

    workload: Workload
    rows: int
    input: Path
    output: Path
    workers: int


WORKLOADS = {
    work.key: work
    for work in (
        Workload("A", "a tiny row function, CSV to CSV", 1_000_000, "distance", "made"),
        Workload(
            "B", "a text function on one column, Parquet to Parquet", 1_000_000,
            "slug", "note", by="value", suffix=".parquet", column="note",
        ),
        Workload(
            "C", "a vectorised chunk function, Parquet to Parquet", 2_000_000,
            "rates", "rate", by="chunk", suffix=".parquet",
        ),
        Workload("D", "a millisecond of work a row", 20_000, "slow", "made"),
        Workload("E", f"five milliseconds of waiting, {THREADS} threads", 20_000, "wait", "made"),
        Workload("F", "ten rows", 10, "distance", "made", fixed=True),
        Workload("G", "an expression over two columns", 1_000_000, "tip", "made"),
        Workload("H", "ten times A", 10_000_000, "distance", "made"),
        Workload("I", "A from standard input to standard output", 1_000_000, "distance", "made"),
    )
}  # fmt: skip
