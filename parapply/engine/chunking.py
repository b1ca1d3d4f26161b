"""Which chunks a job on surveyed inputs has: all rows, the first, or a sample. In the parent."""

from __future__ import annotations

from collections.abc import Iterator

from parapply.backends import registry as backends
from parapply.engine.plan import most_rows
from parapply.engine.resolve.describe import Order
from parapply.engine.stages.survey import Table
from parapply.model.chunk import Chunk
from parapply.model.errors import UsageError
from parapply.model.job import Job
from parapply.model.records import replace
from parapply.storage.atomic.output import Output
from parapply.storage.part import SMALL


def chunks_of(
    job: Job, table: Table, order: Order, planned: int, output: Output
) -> Iterator[Chunk]:
    """Return the chunks, in order, planned for so many workers."""
    return _chosen(_sized(job, table, order, planned, output), table, planned, order)


def total_rows(job: Job, table: Table) -> int | None:
    """Return how many rows there are to work on, None while that is not known."""
    wanted = job.head if job.head is not None else job.sample
    if table.chosen:
        return table.rows
    return table.rows if wanted is None or table.rows is None else min(table.rows, wanted)


def small_bytes(job: Job, table: Table, output: Output) -> int:
    """Return how many bytes of a part may stay in memory: few are so small, and need no file.

    They are few in one file that is cut as it is planned: the last ones, with which all end at the
    same time.
    """
    planned = len(table.sources) == 1 and not table.streams and job.chunk_size is None
    return SMALL if planned and job.checkpoint is None and not output.is_folder else 0


def _sized(job: Job, table: Table, order: Order, workers: int, output: Output) -> Job:
    """Cut few chunks, of one size, where many would cost more than workers that wait at the end.

    An async function has less to do at the end of each. Threads take turns at all but waiting, and
    who has nothing to do relieves others (work_stealing.py), where a chunk does not make a file.
    """
    fixed = job.checkpoint is not None  # another backend may go on with the same chunks
    threads = backends.takes_turns(job.backend) and not (fixed or output.is_folder or table.streams)
    traits = order.call.traits
    few = traits.cuttable and (threads or not traits.stealable)
    if not few or job.chunk_size is not None or not table.rows:
        return job
    share = -(-min(table.rows, job.head or table.rows) // workers)
    return replace(job, chunk_size=-(-share // -(-share // most_rows(*table.indexes.values()))))


def _chosen(job: Job, table: Table, workers: int, order: Order) -> Iterator[Chunk]:
    """Return the chunks of all rows, or of the rows that were asked for."""
    chunks = table.chunks(workers, job.chunk_size, order.call.traits.wants_large)
    if table.chosen:
        return chunks
    if job.sample is not None:
        if table.rows is None:
            raise UsageError(
                "--sample needs to know all rows: write what comes through a pipe to a file first"
            )
        from parapply.engine.choose import sample

        return sample(chunks, table.rows, job.sample, job.seed)
    if job.head is None:
        return chunks
    from parapply.engine.choose import FirstRows

    return FirstRows(chunks, job.head)
