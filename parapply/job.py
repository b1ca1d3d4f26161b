"""The nouns that every room shares: what is to be done, and what came of it.

Plain frozen data, safe to pickle, importing nothing heavy. Rows are counted from 0 inside the
program and from 1 in every message; ranges are half-open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from parapply.checkpoints.durable import Kept
from parapply.columns.names import given_name
from parapply.records import field, record


@record(kw_only=True)
class Job:
    """One run, as a person describes it; see `parapply --help` for what each field means.

    Exactly one of `function` and `expression` is given. `function` is a reference such as
    "file.py:name" or a callable (which, unless workers are forked, has to be picklable).
    """

    function: str | Callable[..., Any] | None = None
    expression: str | None = None
    inputs: tuple[str, ...] = ("-",)
    output: str = "-"
    by: str = "auto"
    columns: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    into: tuple[str, ...] = ()
    filter: bool = False
    explode: bool = False
    only: bool = False
    select: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    dialect: str | None = None  # by name, see formats/csv/dialects.py
    output_dialect: str | None = None
    delimiter: str | None = None
    quote: str | None = None  # "" for none
    escape: str | None = None
    decimal: str | None = None
    comment: str | None = None
    encoding: str | None = None
    no_headers: bool = False
    skip_rows: int = 0
    null_values: tuple[str, ...] = ()
    all_strings: bool = False
    dtypes: Mapping[str, str] = field(default_factory=dict)
    dtype_backend: str | None = None
    compression: str | None = None
    output_encoding: str | None = None
    head: int | None = None
    sample: int | None = None
    seed: int = 0
    workers: int | str = "auto"
    backend: str = "auto"
    chunk_size: int | None = None
    start_method: str | None = None
    max_tasks_per_worker: int | None = None
    memory_limit: str | int | None = None  # "2G" or bytes, for each worker
    on_error: str | None = None  # skip where errors_to or max_errors is given, else fail
    errors_to: str | None = None
    max_errors: str | int | None = None
    timeout: str | float | None = None
    retries: int = 0
    retry_on: tuple[str, ...] = ()
    concurrency: int | None = None
    rate: str | float | None = None
    init: str | Callable[..., Any] | None = None
    share: Mapping[str, Any] = field(default_factory=dict)  # a path, a function or an object
    on_message: str | Callable[..., Any] | None = None
    log_file: str | None = None
    checkpoint: str | None = None
    resume: bool = False
    retry_failed: bool = False
    force: bool = False
    lock: bool = False
    no_clobber: bool = False
    temp_dir: str | None = None
    input_format: str | None = None
    output_format: str | None = None

    def __post_init__(self) -> None:
        """Let a single name stand for a tuple of one (into="x"), and a Path for its text."""
        for name in ("inputs", "columns", "into", "select", "drop", "null_values", "retry_on"):
            value = getattr(self, name)
            single = isinstance(value, (str, os.PathLike))
            names = tuple(map(os.fspath, (value,) if single else value))
            object.__setattr__(self, name, names)
        object.__setattr__(self, "output", os.fspath(self.output))
        for name in ("errors_to", "log_file", "checkpoint", "temp_dir"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, os.fspath(path))


def on_error(job: Job) -> str:
    """Return what becomes of a row that fails: "fail", "skip" or "null"."""
    wanted = job.errors_to is not None or job.max_errors is not None
    return job.on_error or ("skip" if wanted else "fail")


@record
class Chunk:
    """Consecutive rows of one source, as the numbers that a worker needs to read them itself."""

    number: tuple[int, ...]  # its place in the output; halves of chunk (7,) are (7, 0) and (7, 1)
    source: int  # which of the inputs
    span: Any  # where the rows are: the format's own
    first_row: int  # rows before it in its source
    rows: int
    last: bool = True  # nothing comes after it that a line without an end would run into
    data: bytes | None = None  # the text itself, where it came from a stream
    pick: tuple[int, ...] | None = None  # which rows of the span are wanted, where not all are
    wary: bool = False  # it has lost a worker: run row by row, saying where it is
    doomed: tuple[tuple[int, str], ...] = ()  # rows that no worker survives, and how they ended
    before: Outcome | None = None  # what came of it before, of which only what failed is run again
    leads: bool = False  # more of a stream's first block follows, which decides on types


@record
class ResultColumn:
    """One column that a chunk's function calls made."""

    name: str
    type: str  # as columns/names.py has it
    first: str  # the first row that gave it a value, in words
    given: tuple[int, ...] = ()  # the input's columns any of which it is, by position

    @property
    def kind(self) -> str:
        """What it is written as: its type, or the input's column that it is."""
        return given_name(self.given[0]) if self.given else self.type


MANY = 100  # different errors that are told apart
OTHERS = "other errors"  # what the rest is called


class Cause(NamedTuple):
    """An error that rows failed of."""

    text: str
    rows: int  # how many
    message: str  # the first one's, whole
    place: str  # which row that was


@record
class Outcome:
    """What a worker says of a chunk: never rows, only numbers and where the part is."""

    number: tuple[int, ...]  # the chunk's
    rows_in: int
    rows_out: int
    columns: tuple[ResultColumn, ...]
    path: str  # the part, in the output's format
    shape: str  # what the function returned: none, scalar, fields, table; filter: not kept at all
    failed: int = 0  # rows that were set aside
    causes: tuple[Cause, ...] = ()
    aside: str | None = None  # the part of those rows, where they are written
    stopped: bool = False  # the function asked for the end: nothing after these rows is wanted
    row_s: float | None = None  # what a row took, where the chunk's other rows were left to others
    files: tuple[Kept, ...] = ()  # all of it, where it is to outlive the run
    held: bytes | None = None  # the part itself, where it is so small that it needs no file
    made: bytes | None = None  # and what the function made, to write it anew
    place: tuple[int, int] = (0, 0)  # the chunk's source and first row
    alone: bool = False  # nothing was kept beside the part, to write it anew


@record
class Failed:
    """What a worker says of a chunk that ended the job: the first of its rows that failed."""

    number: tuple[int, ...]  # the chunk's
    error: Exception


@record
class Report:
    """What came of a job; durations in seconds."""

    rows_in: int
    rows_out: int
    columns: tuple[str, ...]
    made: tuple[str, ...]  # those of the columns that the function made
    shape: str  # what the function returned: scalar, fields (dicts), table, or filter
    chunks: int
    workers: int
    backend: str
    seconds: float
    output: str
    failed: int = 0  # rows that were set aside
    causes: tuple[Cause, ...] = ()  # the most frequent first
    counts: dict[str, int] = field(default_factory=dict)  # of worker.count(), over all workers
    gauges: dict[str, float] = field(default_factory=dict)  # of worker.gauge(), the last
    stopped: bool = False  # by worker.stop(): not all rows of the input were worked on
    notes: tuple[str, ...] = ()  # lines on what is not as it should be, beside the output
