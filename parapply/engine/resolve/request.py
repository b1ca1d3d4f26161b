"""Turns a job, once, into what each layer needs. Runs in the parent, before anything is opened.

What is wrong with the options alone is said here, by `checks` and `collisions`; what is wrong with
them for these inputs, by `describe`, which adds the call and the output. Nobody below reads a Job.
"""

from __future__ import annotations

from parapply.backends import cores
from parapply.engine.inputs.opener import InputOptions
from parapply.engine.resolve.checks import check_job
from parapply.engine.resolve.collisions import check_places
from parapply.engine.resolve.grouping import returns_to_rows
from parapply.engine.resolve.pool import PoolOptions
from parapply.execute.policy import Policy
from parapply.formats.nouns import Reading
from parapply.model import quantities
from parapply.model.job import Job, on_error
from parapply.model.records import record
from parapply.storage.atomic.output import STDOUT
from parapply.storage.codecs.encodings import input_encoding


@record
class Request:
    """What a job asks for: how inputs are read, what becomes of failed rows, which workers."""

    job: Job
    inputs: InputOptions
    policy: Policy
    pool: PoolOptions


def resolve(job: Job, stdout: int) -> Request:
    """Return what the job asks for; raises UsageError for options that cannot be meant."""
    check_job(job)
    check_places(job, stdout)
    return Request(job, _inputs(job), _policy(job), _pool(job))


def _inputs(job: Job) -> InputOptions:
    reading = Reading(
        job.dialect, job.delimiter, job.quote, job.escape, job.decimal, job.comment,
        job.no_headers, job.skip_rows, on_error(job) != "fail", job.null_values,
        job.all_strings, job.dtypes, cached=_cached(job), prompt=job.output in STDOUT,
    )  # fmt: skip
    encoding, twice = input_encoding(job.encoding), returns_to_rows(job)
    return InputOptions(job.inputs, job.input_format, encoding, reading, twice)


def _cached(job: Job) -> tuple[str, ...] | None:
    """Return what a survey keeps as it stands, None where chunks read the text themselves."""
    if not job.group_by:
        return None
    return () if returns_to_rows(job) else job.group_by


def _policy(job: Job) -> Policy:
    return Policy(
        on_error=on_error(job),
        timeout_s=None if job.timeout is None else quantities.duration("--timeout", job.timeout),
        retries=job.retries,
        retry_on=job.retry_on,
        memory_limit=job.memory_limit,
        traces=job.errors_to is not None,
    )


def _pool(job: Job) -> PoolOptions:
    wish = job.memory_limit
    memory = None if wish is None else quantities.size("--memory-limit", wish)
    most = job.max_tasks_per_worker
    return PoolOptions(cores.count_workers(job.workers), job.start_method, most, memory)
