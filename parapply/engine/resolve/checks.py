"""Whether the options of a job make sense together: what can be told before anything is read."""

from __future__ import annotations

import multiprocessing
import sys

from parapply.backends import registry as backends
from parapply.engine.resolve.grouping import check_grouping
from parapply.execute.callers.registry import spec_of
from parapply.formats import registry as formats
from parapply.model import quantities
from parapply.model.errors import UsageError
from parapply.model.job import Job, on_error
from parapply.storage.api import FOLDER
from parapply.storage.registry import kind_of


def check_job(job: Job) -> None:
    """Raise UsageError where options contradict each other."""
    for check in (
        _check_function,
        check_grouping,
        _check_rows,
        _check_names,
        _check_workers,
        _check_calls,
        _check_reduction,
    ):
        check(job)
    _check_failures(job, on_error(job))
    if job.checkpoint is None:
        for name in ("resume", "retry_failed", "force"):
            if getattr(job, name):
                raise UsageError(f"--{name.replace('_', '-')} needs --checkpoint DIR")


def _check_function(job: Job) -> None:
    if (job.function is None) == (job.expression is None):
        raise UsageError("give a FUNCTION or an expression with -e, and only one of them")
    if job.by != "auto":
        spec_of(job.by)
    if job.filter and job.explode:
        raise UsageError("--filter and --explode cannot be used together")
    if job.filter and (job.into or job.only):
        raise UsageError("--filter keeps rows as they are; it takes neither --into nor --only")
    if job.expression is not None and job.arguments:
        raise UsageError("--arg is for functions; write the value into the expression")


def _check_rows(job: Job) -> None:
    formats.check_read("--from", job.input_format)
    formats.check_written("--to", job.output_format)
    if job.head is not None and job.sample is not None:
        raise UsageError("--head and --sample cannot be used together")
    if job.chunk_size is not None and job.chunk_size < 1:
        raise UsageError(f"--chunk-size {job.chunk_size}: give a number of rows, at least 1")
    if job.dtype_backend not in (None, "numpy_nullable", "pyarrow"):
        raise UsageError(f"--dtype-backend {job.dtype_backend}: numpy_nullable or pyarrow")


def _check_names(job: Job) -> None:
    if job.select and job.drop:
        raise UsageError("--select and --drop cannot be used together")
    if "" in (*job.into, *job.columns, *job.select, *job.drop):
        raise UsageError("an empty column name: is there a comma too many?")
    named = {"--into": job.into, "-c": job.columns, "--select": job.select}
    for option, names in named.items():
        if len(set(names)) != len(names):
            raise UsageError(f"{option} {','.join(names)}: each column once")
    try:
        ",".join(job.into).encode()
    except UnicodeEncodeError:  # bytes of a command line that are no text
        raise UsageError(f"--into {','.join(job.into)!r}: a name that is not UTF-8 text") from None


def _check_workers(job: Job) -> None:
    methods = multiprocessing.get_all_start_methods()
    if job.start_method is not None and job.start_method not in methods:
        raise UsageError(f"--start-method {job.start_method}: there are: {', '.join(methods)}")
    if (most := job.max_tasks_per_worker) is not None:
        if most < 1:
            raise UsageError(f"--max-tasks-per-worker {most}: give a number, at least 1")
        _check_apart(job, "--max-tasks-per-worker", "replaced")
    if job.memory_limit is not None:
        quantities.size("--memory-limit", job.memory_limit)
        _check_apart(job, "--memory-limit", "limited without ending the run")
        if sys.platform != "linux":
            raise UsageError("--memory-limit: only Linux kernels keep to such a limit")


def _check_calls(job: Job) -> None:
    if job.concurrency is not None and job.concurrency < 1:
        raise UsageError(f"--concurrency {job.concurrency}: give a number, at least 1")
    if job.rate is not None:
        try:
            from parapply.runtime.rates import parse_rate

            parse_rate(job.rate)
        except ValueError as error:
            raise UsageError(f"--rate {error}") from None
    if job.retries < 0:
        raise UsageError(f"--retries {job.retries}: give how often to try again, at least 0")
    if job.retry_on and not job.retries:
        raise UsageError("--retry-on says when to try again; --retries N says how often")


_UNREDUCED = (
    "group_by", "filter", "only", "select", "drop", "errors_to", "checkpoint", "sample",
)  # fmt: skip


def _check_reduction(job: Job) -> None:
    if job.reduce is None:
        return
    for name in _UNREDUCED:
        if getattr(job, name):
            option = name.replace("_", "-")
            raise UsageError(f"--reduce and --{option} cannot be used together")
    if on_error(job) != "fail":
        raise UsageError("--reduce takes every row: --on-error skip and null leave some out")


def _check_failures(job: Job, choice: str) -> None:
    if choice not in ("fail", "skip", "null"):
        raise UsageError(f"--on-error {choice}: there are: fail, skip, null")
    if choice == "fail" and (job.errors_to is not None or job.max_errors is not None):
        option = "--errors-to" if job.errors_to is not None else "--max-errors"
        raise UsageError(f"{option} needs --on-error skip or null: with fail, one error ends it")
    if choice == "null" and job.filter:
        raise UsageError("--on-error null keeps rows without a result; with --filter use skip")
    if job.max_errors is not None:
        quantities.limit("--max-errors", job.max_errors)
    if (place := job.errors_to) is not None and (place.endswith("/") or kind_of(place) == FOLDER):
        raise UsageError(f"--errors-to {place}: name a file, not a folder")


def _check_apart(job: Job, option: str, what: str) -> None:
    if not backends.has_processes(job.backend):
        raise UsageError(
            f"{option} needs worker processes: with --backend {job.backend} there is one process "
            f"for all, which cannot be {what}"
        )
