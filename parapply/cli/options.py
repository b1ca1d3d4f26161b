"""The options of the command: names, help and how their text is read. Imports click alone.

Longer than other files, as it is one table: a row for each option.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

EXAMPLES = """\
Examples:

  parapply features.py:distance trips.csv -o out.csv
  parapply -e 'fare * 1.2' --into with_tip trips.csv > out.csv
  parapply text.py:clean -c name,city people.parquet -o people.parquet
  zcat log.csv.gz | parapply --filter -e 'status >= 500' | head

FUNCTION is path/to/file.py:NAME or package.module:NAME; a class is made once
a worker and its instance called. INPUT is one file or several with the same
columns; without it, or as -, standard input is read.
"""


class Option(click.Option):
    """An option that stands in a group of the help."""

    def __init__(self, *args: Any, group: str = "Help", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.group = group


class Command(click.Command):
    """A command whose help has its options in groups, and examples first."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, what it does, examples, and the options by group."""
        formatter.write("Usage: parapply [OPTIONS] FUNCTION [INPUT]...\n")
        formatter.write("       parapply [OPTIONS] -e EXPR  [INPUT]...\n\n")
        formatter.write(f"{self.help}\n\n{EXAMPLES}")
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Help"), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records, col_max=28)


class Names(click.ParamType[tuple[str, ...]]):
    """Column names with commas between them; quotes around a name that has a comma."""

    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Split as a line of CSV is split."""
        if isinstance(value, tuple):
            return value
        if value.isidentifier():
            return (value,)
        import csv

        return tuple(next(csv.reader([value]), []))


class Argument(click.ParamType[tuple[str, Any]]):
    """NAME=VALUE; VALUE is read as JSON where it is JSON, else it is text."""

    name = "argument"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Any]:
        """Return the name and the value."""
        name, equals, text = str(value).partition("=")
        if not (equals and name.isidentifier()):
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        import json

        try:
            return name, json.loads(text)
        except ValueError:
            return name, text


class Setting(click.ParamType[tuple[str, str]]):
    """NAME=TEXT."""

    name = "setting"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Return the name and the text; a name may have an equals sign, a text has none."""
        name, equals, text = str(value).rpartition("=")
        if not (equals and name and text):
            self.fail(f"{value!r} is not NAME=TYPE", param, ctx)
        return name, text


class Share(click.ParamType[tuple[str, str]]):
    """NAME=FILE or NAME=REF."""

    name = "share"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Return the name and the rest."""
        name, equals, source = str(value).partition("=")
        if not (equals and name and source):
            self.fail(f"{value!r} is not NAME=FILE or NAME=file.py:NAME", param, ctx)
        return name, source


def _no_twins(ctx: Any, param: Any, pairs: tuple[tuple[str, str], ...]) -> Any:
    """Return what is shared; raises BadParameter where two have one name."""
    names = [name for name, _ in pairs]
    twin = next((name for name in names if names.count(name) > 1), None)
    if twin is not None:
        raise click.BadParameter(f"{twin!r} is given twice", ctx, param)
    return pairs


def _all(ctx: Any, param: Any, lists: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return the names of an option that was repeated, all in order."""
    return tuple(name for names in lists for name in names)


def _option(*names: str, group: str, **settings: Any) -> Callable[[Decorated], Decorated]:
    return click.option(*names, cls=Option, group=group, **settings)


_WHAT, _RESULT, _FILES, _TEXT, _RUN, _FAIL, _SAY = (
    "What to run", "Where the result goes", "Input and output", "How text is read", "Execution",
    "Failures", "Messages",
)  # fmt: skip

OPTIONS = (
    _option("-e", "--expr", metavar="EXPR", group=_WHAT,
            help="an expression over column names, `row`, `value` or `df`; "
                 "modules that it names (math, re, json, np, pd) are imported"),
    _option("--by", default="auto", metavar="KIND", group=_WHAT,
            help="what the function is given: row, value (of -c), chunk, group, or auto: group "
                 "with --group-by, chunk where its parameter is annotated as a DataFrame or Table, "
                 "value with -c, else row"),
    _option("-c", "--columns", type=Names(), default=(), metavar="A,B", group=_WHAT,
            help="the columns whose values are given, and replaced"),
    _option("--group-by", type=Names(), multiple=True, callback=_all, metavar="A,B", group=_WHAT,
            help="call the function once for all rows of a key, wherever they stand: its parameter "
                 "is a DataFrame, Table or parapply.Group, and -e sees lists, or `df`"),
    _option("--sort-by", type=Names(), multiple=True, callback=_all, metavar="A,-B", group=_WHAT,
            help="the order of a group's rows, else the input's; -B is descending"),
    _option("--each", is_flag=True, group=_RESULT,
            help="with --group-by: a column beside the rows, of what it returns for each of them"),
    _option("--keys-as-met", is_flag=True, group=_RESULT,
            help="groups in the order of their first rows, not of their keys"),
    _option("--sorted", is_flag=True, group=_WHAT,
            help="rows of a key stand together in the input: groups are done as they come"),
    _option("--drop-missing-keys", is_flag=True, group=_WHAT,
            help="leave rows out whose key is missing, which are a group else"),
    _option("--arg", "arguments", type=Argument(), multiple=True, metavar="NAME=VALUE",
            group=_WHAT, help="a keyword argument for the function; repeatable; VALUE may be JSON"),
    _option("--into", type=Names(), default=(), metavar="A,B", group=_RESULT,
            help="the column for the result, or columns for a tuple, list or dict"),
    _option("--filter", is_flag=True, group=_RESULT,
            help="keep the rows for which it returns something true"),
    _option("--explode", is_flag=True, group=_RESULT,
            help="make one row of each item that it returns"),
    _option("--reduce", metavar="REF", group=_RESULT,
            help="write one result for all: chunk results (of rows: theirs) are merged by this "
                 "function of two, in their order, two by two"),
    _option("--only", is_flag=True, group=_RESULT,
            help="write the results without the input's columns"),
    _option("--select", type=Names(), default=(), metavar="A,B", group=_RESULT,
            help="keep these of the input's columns"),
    _option("--drop", type=Names(), default=(), metavar="A,B", group=_RESULT,
            help="keep all but these of the input's columns"),
    _option("-o", "--output", default="-", metavar="PATH", group=_FILES,
            help="the output, written whole or not at all; may be an INPUT; else standard output"),
    _option("--no-clobber", is_flag=True, group=_FILES,
            help="fail where the output is there already, before anything is read"),
    _option("--from", "input_format", metavar="FORMAT", group=_FILES,
            help="csv, tsv, jsonl, parquet, arrow or arrows, where the name does not say so"),
    _option("--to", "output_format", metavar="FORMAT", group=_FILES,
            help="the same, for the output"),
    _option("--head", type=click.IntRange(0), metavar="N", group=_FILES,
            help="only the first N rows"),
    _option("--sample", type=click.IntRange(0), metavar="N", group=_FILES,
            help="only N rows, chosen at random, in their order"),
    _option("--seed", type=int, default=0, metavar="N", group=_FILES,
            help="another seed is another sample"),
    _option("--dialect", metavar="NAME", group=_TEXT,
            help="CSV as a tool writes it: spark, mysql, postgres, postgres-csv, duckdb, polars, "
                 "r or excel; read and written so"),
    _option("--to-dialect", "output_dialect", metavar="NAME", group=_TEXT,
            help="another one for the output"),
    _option("-d", "--delimiter", metavar="CHAR", group=_TEXT,
            help="what stands between fields; else a comma (a tab in .tsv), or what the header "
                 "plainly has instead: ; tab |"),
    _option("--quote", metavar="CHAR", group=_TEXT,
            help="the quote character, else \"; '' for none"),
    _option("--escape", metavar="CHAR", group=_TEXT,
            help="a character that takes the next one's meaning away, as the dialect has it"),
    _option("--decimal", metavar="CHAR", group=_TEXT,
            help="stands in numbers before the fraction, else a point"),
    _option("--comment", metavar="CHAR", group=_TEXT,
            help="lines that begin with it are no rows"),
    _option("--no-headers", is_flag=True, group=_TEXT,
            help="the first line is a row; columns are called 0, 1, ..."),
    _option("--skip-rows", type=click.IntRange(0), default=0, metavar="N", group=_TEXT,
            help="lines to leave out at the top"),
    _option("--encoding", metavar="NAME", group=_TEXT,
            help="of the input, else UTF-8 or what its byte order mark says; and of the same "
                 "format's output"),
    _option("--to-encoding", "output_encoding", metavar="NAME", group=_TEXT,
            help="another encoding for the output"),
    _option("--null-value", "null_values", multiple=True, metavar="TEXT", group=_TEXT,
            help="also stands for a missing value, as NA, null and an empty field do; repeatable"),
    _option("--all-strings", is_flag=True, group=_TEXT,
            help="infer no types: every field is its text, and none is missing"),
    _option("--dtype", "dtypes", type=Setting(), multiple=True, metavar="COLUMN=TYPE",
            group=_TEXT, help="the type of a column, read or made: str, int, float, bool, date, "
                              "timestamp, decimal(20, 2), ...; repeatable"),
    _option("--dtype-backend", metavar="NAME", group=_TEXT,
            help="for chunk functions: numpy_nullable or pyarrow, as in pandas.read_csv"),
    _option("--compression", metavar="CODEC", group=_FILES,
            help="of the output: gzip, bz2, xz, zstd (else by its suffix .gz .bz2 .xz .zst); "
                 "Parquet: snappy, zstd, gzip, lz4, brotli, none"),
    _option("-j", "--workers", default="auto", metavar="N", group=_RUN,
            help="how many at once: a number, a percentage of the cores, or auto"),
    _option("--backend", default="auto", metavar="NAME", group=_RUN,
            help="processes (auto), threads for functions that wait, or serial for pdb"),
    _option("--chunk-size", type=int, metavar="ROWS", group=_RUN,
            help="rows in a chunk, instead of what suits the input"),
    _option("--concurrency", type=int, metavar="N", group=_RUN,
            help="calls of an async function at once in each worker; else 100"),
    _option("--rate", metavar="RATE", group=_RUN,
            help="call the function no more often than this, over all workers: 20/s, 100/min"),
    _option("--init", metavar="REF", group=_RUN,
            help="a function to call once in each worker before anything else: file.py:NAME"),
    _option("--share", type=Share(), multiple=True, callback=_no_twins, metavar="NAME=FILE",
            group=_RUN,
            help="a table, or what a function returns (NAME=file.py:NAME), loaded once for all "
                 "workers, as worker.shared[NAME]; repeatable"),
    _option("--on-message", metavar="REF", group=_RUN,
            help="a function of a name and an object, for what functions send with worker.put()"),
    _option("--log-file", metavar="FILE", group=_SAY,
            help="append what functions print and log to FILE instead, with the time"),
    _option("--start-method", metavar="NAME", group=_RUN,
            help="how processes start: fork, forkserver or spawn"),
    _option("--max-tasks-per-worker", type=int, metavar="N", group=_RUN,
            help="replace a worker process after so many chunks, as it may leak memory"),
    _option("--memory-limit", metavar="SIZE", group=_RUN,
            help="for each worker process: 2G, 500M; a row that needs more has failed"),
    _option("--memory", metavar="SIZE", group=_RUN,
            help="what groups may take in all workers together, else a quarter of the machine's"),
    _option("--temp-dir", metavar="DIR", group=_RUN,
            help="where parts and other temporary files go, instead of beside the output"),
    _option("--on-error", metavar="WHAT", group=_FAIL,
            help="of a row on which the function fails: fail (the default) ends the run, skip "
                 "leaves the row out, null keeps it without a result"),
    _option("--errors-to", metavar="PATH", group=_FAIL,
            help="where rows that failed go, as they were, with _row, _error and _traceback"),
    _option("--max-errors", metavar="N|P%", group=_FAIL,
            help="more failed rows than these end the run"),
    _option("--timeout", metavar="DURATION", group=_FAIL,
            help="for each row (each call of a chunk function): 5s, 500ms, 2m; more is an error"),
    _option("--retries", type=int, default=0, metavar="N", group=_FAIL,
            help="try a row that fails again so often, after 0.1 s, 0.2 s, 0.4 s, ..."),
    _option("--retry-on", multiple=True, metavar="EXCEPTION", group=_FAIL,
            help="only after this error, by its class' name; repeatable"),
    _option("--checkpoint", metavar="DIR", group=_FAIL,
            help="keep what is done there, until the output is published"),
    _option("--resume", is_flag=True, group=_FAIL,
            help="go on with what --checkpoint has, if it has anything"),
    _option("--retry-failed", is_flag=True, group=_FAIL,
            help="run only the rows that failed in the run that --checkpoint has kept"),
    _option("--force", is_flag=True, group=_FAIL,
            help="with --checkpoint: go on though the function has changed; else start afresh"),
    _option("--lock", is_flag=True, group=_FAIL,
            help="exit with 75 at once where another run with --lock writes the same output"),
    _option("--progress", is_flag=True, group=_SAY,
            help="show the bar also where standard error is not a terminal"),
    _option("-q", "--quiet", is_flag=True, group=_SAY, help="no bar; errors only"),
    _option("-v", "--verbose", is_flag=True, group=_SAY,
            help="say what was done; whole tracebacks"),
)  # fmt: skip


def options(function: Decorated) -> Decorated:
    """Give a command all options, in the order of the help."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function
