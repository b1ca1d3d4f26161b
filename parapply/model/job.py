"""One run, as a person describes it: plain frozen data, safe to pickle, importing nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from parapply.model.records import field, record

_TUPLES = (
    "inputs", "group_by", "sort_by", "columns", "into", "select", "drop", "null_values", "retry_on",
)  # fmt: skip


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
    group_by: tuple[str, ...] = ()
    each: bool = False
    sorted: bool = False
    sort_by: tuple[str, ...] = ()  # of a group's rows; "-x": descending
    keys_as_met: bool = False
    drop_missing_keys: bool = False
    memory: str | int | None = None  # "2G" or bytes, for all workers together
    reduce: str | Callable[..., Any] | None = None  # of two results: what both are together
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
        for name in _TUPLES:
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
