"""The jobs: each a command, and the old output that it is to replace, or to leave as it is."""

from __future__ import annotations

import gzip
import os
import shlex
from pathlib import Path
from typing import NamedTuple

import pandas as pd

ROWS = 60
_CHUNKS = "--chunk-size 25"

FUNCTIONS = """
from __future__ import annotations

import time

from parapply import worker


def twice(row):
    return row.number * 2


def late(row):  # int becomes float in the last chunk: parts are written anew
    return row.number if row.number < 55 else row.number / 2


def picky(row):
    if row.number in (7, 31):
        raise ValueError("bad")
    return row.number


def items(row):
    return [row.text, "x"] * (row.number % 2)


def slow(row):  # the journal is written once a second
    time.sleep(0.04)
    return row.number


def says(row):
    if row.number in (7, 31):
        print("seven")
    return row.number


def enough(row):
    worker.count("seen")
    if row.number == 40:
        worker.stop()
    return row.number


def wide(row):
    return row.text * 30


def shout(df: pandas.DataFrame):
    return df.assign(text=df["text"].str.upper())


def table():
    return {"one": 1}
"""

# FUNCTION INPUT and options, with %s for the folder of inputs. Small jobs are quick: a quarter of a
# second; `large` has parts that a worker copies into the output (over 256 kB).
COMMANDS = {
    "csv": "twice table.csv -o out.csv -j 2",
    "csv-serial": "twice table.csv -o out.csv --backend serial",
    "csv-threads": "twice table.csv -o out.csv --backend threads -j 2",
    "csv-one": "late table.csv -o out.csv -j 1",
    "csv-large": "wide large.csv -o out.csv -j 2 --chunk-size 1500",
    "csv-copies": "twice table.csv -o out.csv -j 2",
    "csv-gz": "twice table.csv -o out.csv.gz -j 2",
    "csv-zst": "twice table.csv.gz -o out.csv.zst -j 1",
    "tsv": "items table.csv --explode --into item -o out.tsv -j 2",
    "jsonl": "late table.jsonl -o out.jsonl -j 2",
    "jsonl-gz": "twice table.csv -o out.jsonl.gz --backend threads -j 2",
    "parquet": "late table.csv -o out.parquet -j 2",
    "parquet-copy": "twice table.parquet -o out.parquet -j 2",
    "parquet-serial": "twice table.parquet -o out.parquet --backend serial",
    "arrow": "late table.jsonl -o out.arrow -j 2",
    "arrow-one": "twice table.arrow -o out.arrow -j 1",
    "frame": "shout table.csv -o out.parquet -j 2",
    "forkserver": "twice table.csv -o out.csv -j 2 --start-method forkserver",
    "folder": "twice table.csv -o out/ -j 2",
    "folder-renames": "twice table.csv -o out/ -j 2",
    "folder-parquet": "late table.parquet -o out/ -j 2 --to parquet",
    "folder-jsonl": "twice table.jsonl -o out/ --backend serial",
    "folder-errors": "picky table.csv -o out/ -j 2 --errors-to bad.csv",
    "errors": "picky table.csv -o out.csv -j 2 --errors-to bad.csv",
    "errors-parquet": "picky table.csv -o out.parquet -j 2 --errors-to bad.jsonl",
    "errors-serial": "picky table.jsonl -o out.jsonl --backend serial --errors-to bad.parquet",
    "errors-stdout": "picky table.csv -j 2 --errors-to bad.csv",
    "stdout": "twice table.csv -j 2",
    "stdout-parquet": "twice table.parquet -j 2",
    "pipe": "twice table.csv -j 2",
    "pipe-late": "late table.jsonl -j 1 --to csv",
    "checkpoint": "late table.csv -o out.csv -j 2 --checkpoint kept --resume",
    "checkpoint-slow": "slow table.csv -o out.csv -j 2 --checkpoint kept --resume",
    "checkpoint-serial":
        "late table.jsonl -o out.jsonl --backend serial --checkpoint kept --resume",
    "checkpoint-parquet": "twice table.parquet -o out.parquet -j 2 --checkpoint kept --resume",
    "checkpoint-folder": "twice table.csv -o out/ -j 2 --checkpoint kept --resume",
    "checkpoint-errors":
        "picky table.csv -o out.csv -j 2 --errors-to bad.csv --checkpoint kept --resume",
    "temp-dir": "late table.csv -o out.csv -j 2 --temp-dir temp",
    "temp-dir-folder": "late table.csv -o out/ -j 2 --to jsonl --temp-dir temp",
    "lock": "twice table.csv -o out.csv -j 2 --lock",
    "no-clobber": "twice table.csv -o out.csv -j 2 --no-clobber",
    "no-clobber-folder": "twice table.csv -o out/ -j 2 --no-clobber",
    "no-clobber-renames": "twice table.csv -o out.csv -j 2 --no-clobber",
    "log-file": "says table.csv -o out.csv -j 2 --log-file said.log",
    "stop": "enough table.csv -o out.csv -j 1",
    "rate": "twice table.csv -o out.csv -j 2 --rate 3000/s",
    "share": "twice table.csv -o out.csv -j 2 --share names=table.csv",
}  # fmt: skip
# What the system has not got, so that what stands in for it is at work.
LACKS = {"folder-renames": "exchange", "no-clobber-renames": "link", "csv-copies": "send"}
OLD = b"what was there before\n"
_OLD_TIME_S = 1_000_000_000


class Job(NamedTuple):
    """A job by its name."""

    name: str

    @property
    def words(self) -> list[str]:
        """Return the command's words as they are listed."""
        return shlex.split(COMMANDS[self.name])

    def arguments(self, inputs: Path) -> list[str]:
        """Return the command's arguments."""
        function, *rest = [
            word.replace("table.", f"{inputs}/table.").replace("large.", f"{inputs}/large.")
            for word in self.words
        ]
        chunks = [] if "--chunk-size" in rest else _CHUNKS.split()
        return [f"{inputs}/functions.py:{function}", *rest, *chunks]

    def after(self, option: str) -> str | None:
        """Return the value of an option."""
        words = self.words
        return words[words.index(option) + 1] if option in words else None

    @property
    def outputs(self) -> list[str]:
        """Return the names of what is published: the output first, if it is a file."""
        return [name.rstrip("/") for name in map(self.after, ("-o", "--errors-to")) if name]

    @property
    def others(self) -> set[str]:
        """Return the names of what may be there besides, in the end."""
        named = map(self.after, ("--checkpoint", "--log-file"))
        return {"stdout", "tmp", "temp", *filter(None, named)}

    @property
    def resumes(self) -> bool:
        """Whether another run goes on with what this one leaves."""
        return "--resume" in self.words

    @property
    def locks(self) -> bool:
        """Whether it asks for a lock."""
        return not {"--lock", "--rate"}.isdisjoint(self.words)

    @property
    def pipes(self) -> bool:
        """Whether standard output is a pipe, and no file."""
        return self.name.startswith("pipe")

    def lay(self, folder: Path) -> None:
        """Have the folder as a run finds it: the old output in it."""
        for name in ("tmp", "temp"):
            (folder / name).mkdir(parents=True)
        for name in self.outputs * ("--no-clobber" not in self.words):
            path = folder / name
            if self.after("-o") == f"{name}/":
                path.mkdir()
                _write_old(path / "part-00000.csv")
                os.utime(path, (_OLD_TIME_S, _OLD_TIME_S))
            else:
                _write_old(path)


def _write_old(path: Path) -> None:
    path.write_bytes(OLD)
    path.chmod(0o640)
    os.utime(path, (_OLD_TIME_S, _OLD_TIME_S))


def prepare(folder: Path) -> None:
    """Write the inputs and the functions."""
    (folder / "functions.py").write_text(FUNCTIONS)
    numbers = list(range(ROWS))
    texts = [f'{number}, "{number % 7}"' for number in numbers]
    table = pd.DataFrame({"number": numbers, "text": texts, "share": [n / 8 for n in numbers]})
    table.to_csv(folder / "table.csv", index=False)
    table.to_json(folder / "table.jsonl", orient="records", lines=True)
    table.to_parquet(folder / "table.parquet", index=False, row_group_size=20)
    table.to_feather(folder / "table.arrow", compression="uncompressed")
    plain = (folder / "table.csv").read_bytes()
    (folder / "table.csv.gz").write_bytes(gzip.compress(plain, mtime=0))
    pd.concat([table] * 50).to_csv(folder / "large.csv", index=False)
