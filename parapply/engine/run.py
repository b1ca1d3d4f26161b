"""run(job): the whole story on one page. Load, survey, plan, dispatch, assemble, report.

Runs in the parent, which never holds a table. Neither prints nor exits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from parapply.backends import cores
from parapply.backends import registry as backends
from parapply.backends.api import LEAVE_S, Crew, Session
from parapply.backends.limits import Limits
from parapply.engine.agenda import Agenda, World
from parapply.engine.assemble import Assembler
from parapply.engine.checkpoint.keeping import NoCheckpoint
from parapply.engine.choose import Head, sample
from parapply.engine.errors_file import Errors
from parapply.engine.inputs.sources import Inputs, open_inputs
from parapply.engine.plan import most_rows
from parapply.engine.publication import publish
from parapply.engine.resolve.checks import check_job
from parapply.engine.resolve.collisions import check_places
from parapply.engine.resolve.describe import Order, check_types, describe, make_function
from parapply.engine.result_columns import Columns
from parapply.engine.run_services import Hub
from parapply.engine.signals import heeding
from parapply.engine.stages.apply import Dispatcher, Progress, Watch
from parapply.engine.stages.survey import Table, survey
from parapply.engine.tally import Tally
from parapply.execute.callers.registry import preload
from parapply.execute.start import Start, leave
from parapply.execute.tasks import ChunkTask
from parapply.formats import registry as formats
from parapply.functions.expressions import Expression
from parapply.functions.load import Function
from parapply.model import quantities
from parapply.model.chunk import Chunk
from parapply.model.deferred_imports import load_arrow
from parapply.model.errors import UsageError
from parapply.model.job import Job
from parapply.model.records import replace
from parapply.model.report import Report
from parapply.storage.atomic.output import Output
from parapply.storage.descriptors import told, watch
from parapply.storage.disk_errors import DiskErrors
from parapply.storage.part import SMALL

if TYPE_CHECKING:
    from parapply.engine.checkpoint.checkpoint import Checkpoint

__all__ = ["Progress", "run"]

SPREAD_ROWS = 5_000  # from so many on it pays to compile a function anew
CLOSE_S = 60.0  # for close() of the user's class, in each worker at the end


def run(job: Job, *, on_progress: Watch | None = None, stdout: int = 1) -> Report:
    """Run the function over every row of the inputs and write the output, whole or not at all.

    Rows come out in the order in which they went in. Row and value functions give the same bytes
    for any number of workers, chunk size and backend. `on_progress` is called about ten times a
    second. `stdout` is the descriptor that output "-" is written to.

    Raises UsageError before anything is read where the job makes no sense; InputError, RowError,
    ResultError, WorkerError, OutputError as errors.py says. Nothing is published then.
    """
    began = time.perf_counter()
    check_job(job)
    check_places(job, stdout)
    watch()
    with (
        heeding(), told(), _open(job, stdout) as output, DiskErrors(output, _named(job)) as disk,
        Hub(job) as hub, ExitStack() as ends,
    ):  # fmt: skip
        disk.others[hub.folder] = f"{os.path.dirname(hub.folder)} (TMPDIR=DIR names another)"
        function = make_function(job)
        backend, workers = backends.load(job.backend), cores.count_workers(job.workers)
        errors = None if job.errors_to is None else ends.enter_context(Errors(job, stdout))
        kept = _kept(job, output, ends)
        inputs = open_inputs(job, output.folder)
        whole = None if isinstance(function, Expression) else function.find()
        planned = kept.begin(inputs, whole, workers)
        order = describe(job, function, inputs) if inputs.complete else None
        if order is not None and job.start_method in (None, "fork"):
            preload(order.call)
        table = _glanced(job, inputs, order)
        if table is None:
            load_arrow()
            formats.preload(inputs.format)
        hub.share(job.start_method)
        crew = _crew(job, function, hub, _crew_size(workers, inputs))
        with backend.open(crew) as session:
            inputs, order = _complete(session, job, function, inputs, order)
            surveyed = order.surveyed(len(inputs.sources[0].columns))
            table = table or survey(session, inputs, surveyed)
            for stream in table.streams.values():
                ends.callback(stream.close)  # type: ignore[attr-defined]  # a feed, or a generator
            agenda, total = Agenda(), _total(job, table)
            tally = Tally(job.max_errors, total)
            if errors is not None:
                assert order.aside is not None
                errors.begin(order.aside, table.fields, several=len(table.sources) > 1)
            with Assembler(
                output, order.target, table.fields, order.keep, Columns(order.call.types),
                agenda.push, errors, keeps=job.checkpoint is not None,
                prompt=not output.restartable and inputs.endless,
            ) as assembler:  # fmt: skip
                small = _small(job, table, output)
                task = _task(job, table, order, kept.folder, tally, small)
                world = World(table.feeds, agenda, output.pipe, hub.stopped)
                work = Dispatcher(
                    session, task, dict(table.indexes), total, hub.watched(on_progress), tally,
                    kept, assembler, world,
                )  # fmt: skip
                chunks = _chosen(_sized(job, table, order, planned, output), table, planned, order)
                agenda.chunks = kept.left(chunks, table.indexes, table.sources, work)
                names = _work_off(work, agenda, order, table)
        inputs.witness.check()
        counts, gauges = hub.finish()
        publish(output, errors)  # from here on, nothing is a failure: see Output.__exit__
        kept.finish(tally.failed)
    seconds = time.perf_counter() - began
    return _report(job, work, names, crew.workers, seconds, counts, gauges)


def _glanced(job: Job, inputs: Inputs, order: Order | None) -> Table | None:
    if not formats.FORMATS[inputs.format].preload:
        return None
    from parapply.engine.stages.fast_survey import glance

    return glance(job, inputs, order)


def _work_off(work: Dispatcher, agenda: Agenda, order: Order, table: Table) -> tuple[str, ...]:
    """Have all chunks done, and the output completed; return its columns."""
    assembler = work.assembler
    work.run(agenda)
    work.tally.check(work.rows)
    names = assembler.finish(order.default_columns(table.fields))
    while assembler.waiting:
        work.run(agenda)
    check_types(order.call, names)
    assembler.close()
    return names


def _report(
    job: Job,
    work: Dispatcher,
    names: tuple[str, ...],
    workers: int,
    seconds: float,
    counts: dict[str, int],
    gauges: dict[str, float],
) -> Report:
    made = work.assembler.columns
    return Report(
        rows_in=work.assembler.rows_in,
        rows_out=work.assembler.rows_out,
        columns=names,
        made=tuple(made.found),
        shape=made.shape,
        chunks=work.chunks,
        workers=workers,
        backend=job.backend,
        seconds=seconds,
        output=job.output,
        failed=work.tally.failed,
        causes=work.tally.causes,
        counts=counts,
        gauges=gauges,
        stopped=work.assembler.ended,
        notes=tuple(work.assembler.output.notes),
    )


def _open(job: Job, stdout: int) -> Output:
    return Output(
        job.output, stdout, temp_dir=job.temp_dir, lock=job.lock, clobber=not job.no_clobber
    )


def _named(job: Job) -> dict[str, str]:
    """Which option is to blame for files that are neither the output nor an input."""
    named = {"--checkpoint": job.checkpoint, "--log-file": job.log_file}
    places = {option: path for option, path in named.items() if path is not None}
    return {os.path.abspath(path): f"{option} {path}" for option, path in places.items()} | {
        path: f"{option} {path}" for option, path in places.items()
    }


def _kept(job: Job, output: Output, ends: ExitStack) -> Checkpoint | NoCheckpoint:
    if job.checkpoint is None:
        return NoCheckpoint(output.folder)
    from parapply.engine.checkpoint.checkpoint import Checkpoint

    return ends.enter_context(Checkpoint(job))


def _complete(
    session: Session,
    job: Job,
    function: Function | Expression,
    inputs: Inputs,
    order: Order | None,
) -> tuple[Inputs, Order]:
    """Find all columns where the head of an input does not tell them."""
    if order is None:
        found = survey(session, inputs, ())
        inputs = inputs.completed(found.sources, found.streams)
        order = describe(job, function, inputs)
    return inputs.comparing({*order.keep, *order.call.read}), order


def _sized(job: Job, table: Table, order: Order, workers: int, output: Output) -> Job:
    """Cut few chunks, of one size, where many would cost more than workers that wait at the end.

    An async function has less to do at the end of each. Threads take turns at all but waiting, and
    who has nothing to do relieves others (relief.py), where a chunk does not make a file.
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
    if job.sample is not None:
        if table.rows is None:
            raise UsageError(
                "--sample needs to know all rows: write what comes through a pipe to a file first"
            )
        return sample(chunks, table.rows, job.sample, job.seed)
    return chunks if job.head is None else Head(chunks, job.head)


def _total(job: Job, table: Table) -> int | None:
    wanted = job.head if job.head is not None else job.sample
    return table.rows if wanted is None or table.rows is None else min(table.rows, wanted)


def _small(job: Job, table: Table, output: Output) -> int:
    """How many bytes of a part may be held in memory: where few parts are small, and need no file.

    They are few in one file that is cut as it is planned: the last ones, with which all end at the
    same time.
    """
    planned = len(table.sources) == 1 and not table.streams and job.chunk_size is None
    return SMALL if planned and job.checkpoint is None and not output.is_folder else 0


def _task(job: Job, table: Table, order: Order, folder: str, tally: Tally, small: int) -> ChunkTask:
    policy = replace(order.call.policy, most=tally.most)
    few = table.rows is not None and table.rows < SPREAD_ROWS
    call = replace(order.call, policy=policy, spread=order.call.spread and not few)
    return ChunkTask(
        table.sources, table.fields, call, order.target, order.keep, folder,
        order.aside, job.checkpoint is not None, small,
    )  # fmt: skip


def _crew_size(workers: int, inputs: Inputs) -> int:
    """No more workers than a small file has records for them, at eight bytes a record."""
    return max(1, min(workers, inputs.size_bytes // 8))


def _crew(job: Job, function: Function | Expression, hub: Hub, workers: int) -> Crew:
    plain = None if isinstance(function, Expression) else function
    start = Start(plain, hub.place(workers), hub.init)
    patience_s = CLOSE_S if plain is not None and plain.ends else LEAVE_S
    wish = job.memory_limit
    memory = None if wish is None else quantities.size("--memory-limit", wish)
    limits = Limits(memory, cores.share(workers))
    most = job.max_tasks_per_worker
    return Crew(workers, start, job.start_method, most, limits, leave, patience_s, hub.before_fork)
