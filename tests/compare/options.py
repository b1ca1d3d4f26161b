"""A value for each option that the command has: one that does, or one that is refused.

Options are those that click has. One that has no row here yet is given what its type takes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import click

from parapply.cli.command import command


class Values(NamedTuple):
    """What an option may be given, and what it is of no use without."""

    sound: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # of which each begins with an option


class Option(NamedTuple):
    """An option of the command."""

    names: tuple[str, ...]  # the long one last
    flag: bool
    number: bool  # whether it takes an integer

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.names[-1]


_FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow", "arrows")
_DIALECTS = ("spark", "mysql", "postgres", "postgres-csv", "duckdb", "polars", "r", "excel")

VALUES: Mapping[str, Values] = {
    "--expr": Values(("number + 1", "text", "row['number'] % 5", "[number]"), ("", "1 +", "é")),
    "--by": Values(("auto", "row", "value", "chunk"), ("chunks", "")),
    "--columns": Values(("number", "text", "number,share"), ("nowhere", "", "number,number")),
    "--arg": Values(("factor=3", "factor=2.5", "shift=1"), ("factor", "no=1", "1=2", 'factor="x"')),
    "--into": Values(("result", "number", "a,b", '"a,b"', "text"), ("", "a,a", "a,b,c,d")),
    "--select": Values(("number,text", "text", "share,number"), ("nowhere", "", "text,text")),
    "--drop": Values(("text", "share,flag", "day"), ("nowhere", "")),
    "--output": Values(
        (
            "out.csv",
            "out.tsv",
            "out.jsonl",
            "out.parquet",
            "out.arrow",
            "out.arrows",
            "old.csv",
            "out.csv.gz",
            "out.jsonl.zst",
            "out.tsv.bz2",
            "out.csv.xz",
            "out/",
            "-",
            "/dev/null",
        ),
        ("absent/out.csv", "out.xyz", "out", "plain.py", "out.csv.zip", "empty_folder"),
    ),
    "--no-clobber": Values((), (), ("--output old.csv",)),
    "--from": Values(_FORMATS, ("xml", "")),
    "--to": Values(_FORMATS, ("json", "CSV")),
    "--head": Values(("0", "1", "10", "45", "100000"), ("-1", "x")),
    "--sample": Values(("0", "5", "30", "100000"), ("-1", "1.5")),
    "--seed": Values(("1", "7", "-3"), ("x",), ("--sample 20",)),
    "--dialect": Values(_DIALECTS, ("oracle",)),
    "--to-dialect": Values(_DIALECTS, ("",), ("--output out.csv",)),
    "--delimiter": Values((",", ";", "|", "tab", "\t"), ("", "::", "a")),
    "--quote": Values(('"', "'", ""), ("xx", ",")),
    "--escape": Values(("\\", "/"), ("ab", ",")),
    "--decimal": Values((",", "."), ("x", ""), ("--delimiter ;",)),
    "--comment": Values(("#", "%"), ("##", ",")),
    "--skip-rows": Values(("0", "1", "3", "61", "200"), ("-1", "many")),
    "--encoding": Values(("utf-8", "latin-1", "utf-8-sig", "utf-16", "ascii"), ("klingon", "")),
    "--to-encoding": Values(("latin-1", "utf-16", "ascii", "utf-8-sig"), ("hex",)),
    "--null-value": Values(("plain", "-", "x", ""), ()),
    "--dtype": Values(
        (
            "number=float",
            "number=str",
            "share=decimal(9, 2)",
            "day=date",
            "code=int",
            "flag=bool",
            "day=timestamp",
            "result=str",
            "double=float",
            "text=json",
        ),
        ("text=int", "number=quark", "nowhere=int", "number", "=int"),
    ),
    "--dtype-backend": Values(("numpy_nullable", "pyarrow"), ("polars",), ("--by chunk",)),
    "--compression": Values(
        ("gzip", "bz2", "xz", "zstd", "snappy", "none", "lz4", "brotli"), ("rar",)
    ),
    "--workers": Values(("1", "2", "3", "50%", "auto"), ("0", "-2", "x", "0%")),
    "--backend": Values(("processes", "threads", "serial", "auto"), ("dask", "")),
    "--chunk-size": Values(("2", "7", "25", "1000"), ("0", "-1", "x")),
    "--concurrency": Values(("1", "5", "200"), ("0", "x")),
    "--rate": Values(("2000/s", "100000/min"), ("fast", "0/s", "-1/s", "3/day")),
    "--init": Values(("shared.py:begin_badly", "plain.py:missing_name", "shared.py:made"), ("x",)),
    "--share": Values(
        ("table=plain.csv", "table=plain.parquet", "made=shared.py:made"),
        ("table=missing.csv", "table", "=plain.csv", "made=shared.py:nothing"),
    ),
    "--on-message": Values(("shared.py:hear",), ("shared.py:nothing", "hear")),
    "--log-file": Values(("said.log",), ("absent/said.log", "plain.csv")),
    "--start-method": Values(("fork", "forkserver", "spawn"), ("thread",)),
    "--max-tasks-per-worker": Values(("2", "5"), ("0", "x")),
    "--memory-limit": Values(("4G", "4000M"), ("lots", "-1", "0")),
    "--temp-dir": Values(("temporary",), ("absent", "plain.csv")),
    "--on-error": Values(("fail", "skip", "null"), ("ignore",)),
    "--errors-to": Values(("bad.csv", "bad.jsonl", "bad.parquet"), ("bad.xyz", "absent/b.csv")),
    "--max-errors": Values(("0", "3", "50%", "100%", "1000"), ("-1", "some", "200%")),
    "--timeout": Values(("30s", "2m", "40000ms"), ("0s", "soon", "-1s")),
    "--retries": Values(("1", "2"), ("-1", "x")),
    "--retry-on": Values(
        ("ValueError", "OSError", "LookupError"), ("", "No Error"), ("--retries 1",)
    ),
    "--checkpoint": Values(("kept",), ("plain.csv", "absent/kept"), ("--output out.csv",)),
    "--resume": Values((), (), ("--checkpoint kept", "--output out.csv")),
    "--retry-failed": Values(
        (), (), ("--checkpoint kept", "--errors-to bad.csv", "--output out.csv")
    ),
    "--force": Values((), (), ("--checkpoint kept", "--output out.csv")),
    "--lock": Values((), (), ("--output out.csv",)),
}


# Options of text files: of no use with others, and refused there.
OF_TEXT = frozenset(
    ("--dialect", "--to-dialect", "--delimiter", "--quote", "--escape", "--decimal", "--comment",
     "--no-headers", "--skip-rows", "--encoding", "--to-encoding", "--null-value", "--all-strings")
)  # fmt: skip


def known(*helps: str) -> list[Option]:
    """Return the options of the command that all of these texts of --help have."""
    found = []
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option):
            names = tuple(sorted(parameter.opts, key=len))
            number = isinstance(parameter.type, click.types.IntParamType)
            found.append(Option(names, parameter.is_flag or not parameter.expose_value, number))
    return [one for one in found if all(re.search(rf"{one.name}\b", text) for text in helps)]


def words(option: Option, generator: random.Random, *, wrong: bool = False) -> list[str]:
    """Return the option with a value, under any of its names."""
    name = generator.choice(option.names)
    if option.flag:
        return [name]
    values = VALUES.get(option.name, Values(("3",) if option.number else ("new.csv", "number")))
    chosen = generator.choice((wrong and values.wrong) or values.sound)
    if name.startswith("--") and generator.random() < 0.2:
        return [f"{name}={chosen}"]
    return [name, chosen]


def needs(option: Option) -> Sequence[Sequence[str]]:
    """Return what has to be given, too, for the option to be of use: options with their values."""
    values = VALUES.get(option.name)
    return [text.split(" ", 1) for text in values.needs] if values is not None else []
