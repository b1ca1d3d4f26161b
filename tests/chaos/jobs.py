"""The jobs that are disturbed: a function, an input, options, and what an undisturbed run gives."""

from __future__ import annotations

import gzip
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tests.injection import library

LIBRARY = "faults.so"
ROWS = 1200
MOST_WORKERS = 4
METHODS = ("fork", "forkserver", "spawn")
INPUTS = ("table.csv", "table.jsonl", "table.parquet", "table.csv.gz", "table.jsonl.gz")
OUTPUTS = ("out.csv", "out.jsonl", "out.parquet", "out.csv.gz")

# Results change their type and their columns late, so that parts have to be written anew.
FUNCTIONS = """
import os
import signal
import time

import pandas as pd

PAUSE_S = float(os.environ.get("CHAOS_PAUSE", "0"))
BAD = set(map(int, os.environ.get("CHAOS_BAD", "").split()))
DEADLY = set(map(int, os.environ.get("CHAOS_DEADLY", "").split()))
CALLS = open(os.environ["CHAOS_CALLS"], "ab", buffering=0)


def work(number):
    CALLS.write(b".")
    time.sleep(PAUSE_S)
    if number in DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if number in BAD:
        raise ValueError(f"number {number} is bad")


def scalar(row):
    work(row.number)
    return row.number * 2 if row.number < 900 else row.number / 2


def fields(row):
    work(row.number)
    return {"length": len(row.text), **({"late": True} if row.number > 1100 else {})}


def kept(row):
    work(row.number)
    return row.number % 7 < 3


def items(row):
    work(row.number)
    return [f"{row.text}{place}" for place in range(row.number % 3)]


def value(number):
    work(number)
    return number if number < 900 else number + 0.5


def column(df: pd.DataFrame):
    for number in df["number"]:
        work(number)
    return df["number"] * 3


def frame(df: pd.DataFrame):
    return df.assign(triple=column(df), text=df["text"].str.upper())


def group(df: pd.DataFrame):
    column(df)
    late = {"late": True} if df["team"].iloc[0] > 160 else {}
    return {"rows": len(df), "sum": df["number"].sum(), **late}


def beside(df: pd.DataFrame):
    return column(df).rank() / (2 if df["team"].iloc[0] > 160 else 1)


def chosen(df: pd.DataFrame):
    column(df)
    return df["team"].iloc[0] % 3 > 0
"""
KINDS = {
    "scalar": (),
    "fields": (),
    "kept": ("--filter",),
    "items": ("--explode", "--into", "item"),
    "value": ("-c", "number"),
    "column": ("--into", "triple"),
    "frame": (),
}
GROUPED = {
    "group": ("--group-by", "team"),
    "beside": ("--group-by", "team", "--each"),
    "chosen": ("--group-by", "team", "--filter"),
}

# In every Python of a run: what a hung one was doing is asked for with SIGUSR1.
SITE = """
import faulthandler, os, signal
if "CHAOS_DUMP" in os.environ:
    faulthandler.register(signal.SIGUSR1, file=open(os.environ["CHAOS_DUMP"], "a"))
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A job: what has a say in its result."""

    function: str
    source: str
    output: str
    on_error: str = "fail"
    bad: str = ""  # numbers of rows that raise
    deadly: str = ""  # and that kill their worker
    aside: bool = False  # whether failed rows are written to a file

    def command(self, base: Path) -> list[str]:
        """Return the command without what has no say in the result."""
        aside = ["--errors-to", "bad.csv"] if self.aside else []
        return [
            sys.executable, "-P", "-m", "parapply", f"{base}/functions.py:{self.function}",
            f"{base}/{self.source}", "-o", self.output, *(KINDS | GROUPED)[self.function],
            "--on-error", self.on_error, *aside,
        ]  # fmt: skip

    def environment(self, pause_s: float) -> dict[str, str]:
        """Return what the functions read."""
        return {"CHAOS_PAUSE": str(pause_s), "CHAOS_BAD": self.bad, "CHAOS_DEADLY": self.deadly}

    @property
    def sound(self) -> bool:
        """Whether no row fails."""
        return not (self.bad or self.deadly)


def pick(generator: random.Random, *, fails: bool = True, grouped: bool = False) -> Case:
    """Return a case at random.

    `fails`: it may be one that ends with an error; `grouped`: it may be of groups.
    """
    kinds = [*KINDS, *(GROUPED if grouped else ())]
    function, source = generator.choice(kinds), generator.choice(INPUTS)
    output = generator.choice(OUTPUTS)
    fate = generator.choice(("none", "none", "one", "few", "few", "deadly"))
    if fate == "none" or (fate == "one" and not fails):
        return Case(function, source, output)
    if fate == "one":
        return Case(function, source, output, bad="613")
    deadly = "401 1199" if fate == "deadly" else ""
    aside = generator.random() < 0.5
    return Case(function, source, output, "skip", "17 613 614 1100", deadly, aside)


def settings(generator: random.Random) -> tuple[str, list[str]]:
    """Return a start method, and options that have no say in the result, that among them."""
    method = generator.choice(METHODS)
    options = ["--start-method", method, "-j", str(generator.randint(2, MOST_WORKERS))]
    if generator.random() < 0.25:
        # A worker costs a second to spawn, and there may be hundreds of chunks.
        most = generator.choice((1, 3)) if method == "fork" else 20
        options += ["--max-tasks-per-worker", str(most)]
    return method, options


def prepare(base: Path) -> None:
    """Write the functions and the inputs, and build what kills a process before a call."""
    if library.available():
        library.build(base)
    (base / "functions.py").write_text(FUNCTIONS)
    (base / "site").mkdir()
    (base / "site" / "sitecustomize.py").write_text(SITE)
    numbers = list(range(ROWS))
    odd = ["plain {}", 'with, "{}"', "two\nlines {}", "ä{}", " {} "]
    texts = [odd[number % len(odd)].format(number) for number in numbers]
    teams = [number * 7 % 200 for number in numbers]
    share = [number / 8 for number in numbers]
    table = pd.DataFrame({"number": numbers, "text": texts, "share": share, "team": teams})
    table.to_csv(base / "table.csv", index=False)
    table.to_json(base / "table.jsonl", orient="records", lines=True)
    table.to_parquet(base / "table.parquet", index=False, row_group_size=250)
    for name in ("table.csv", "table.jsonl"):
        (base / f"{name}.gz").write_bytes(gzip.compress((base / name).read_bytes(), mtime=0))


def plain(text: str) -> str:
    """Return messages without what chance may change.

    That is which signal ended the worker of a deadly row at last, and how a chunk was cut.
    """
    text = re.sub(r"was killed by SIG[A-Z]+", "was killed", text)
    return re.sub(r"rows \d+ to \d+", "rows", text)
