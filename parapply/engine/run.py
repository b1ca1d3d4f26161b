"""run(job): the whole story on one page. In the parent, which never holds a table.

    parent                                              workers: processes, threads, or none
    ------                                              ------------------------------------
    resolve   Job -> Request: inputs, failure policy,
              pool; what is wrong with options is said
    open      output: a temporary beside its target
              inputs -> sources: columns, from heads
    describe  function, sources -> Order: how it is
              called, what is kept, how it is written
    start     PoolConfig, Start ----------------------> load FUNCTION, once each
    survey    pieces of sources (numbers) ------------> read one: types, rows, marks
              Table <---------------------------------- Survey
    (shuffle  Chunk, then runs' keys -----------------> sort its rows by key into a run; find keys
              GroupedTable <--------------------------- Run, places: chunks are whole groups then)
    apply     Chunk (numbers; text of a stream) ------> read its rows, call FUNCTION,
              |                                         write a part file
              Assembler <------------------------------ Outcome (numbers, the part's path)
              | parts, in order -> output
              | types of columns have changed: Rewrite --> write a part anew
              | bytes have their place: Copy, Seal ----> copy them there
    publish   output takes its name, whole

Who waits for whom: workers for nothing but items, and for each other where the function asks for it
(parapply.worker). The parent waits in Session.run: for results, for deaths of workers, for input
that comes (Outside), at most a tenth of a second; between them it writes parts that are in order,
takes messages and tells listeners. Nothing waits for the parent but free workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from parapply.backends import registry as backends
from parapply.backends.api import Session
from parapply.engine.chunking import chunks_of
from parapply.engine.inputs.sources import open_inputs
from parapply.engine.publication import publish
from parapply.engine.resolve.describe import Order, check_types, describe
from parapply.engine.resolve.function import make_function
from parapply.engine.resolve.pool import pool_config
from parapply.engine.resolve.request import resolve
from parapply.engine.run_services import RunServices
from parapply.engine.setup import (
    apply_stage,
    completed,
    groups_called,
    hints,
    last_pass,
    named_files,
    open_checkpoint,
    open_errors,
    open_output,
    survey_if_small,
)
from parapply.engine.signals import heeding
from parapply.engine.stages.api import GoesOn, work_off
from parapply.engine.stages.apply import ApplyStage
from parapply.engine.stages.last_pass import Tell
from parapply.engine.stages.survey import Table, survey
from parapply.execute.callers.registry import preload
from parapply.functions.expressions import Expression
from parapply.model.events import Begun, Ended, Event, Listener, Progress, Published, Surveyed
from parapply.model.job import Job
from parapply.model.report import Report
from parapply.report.recorder import Recorder
from parapply.storage.descriptors import told, watch
from parapply.storage.disk_errors import DiskErrors

__all__ = ["Progress", "run"]


def run(
    job: Job,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stdout: int = 1,
    listeners: Sequence[Listener] = (),
) -> Report:
    """Run the function over every row of the inputs and write the output, whole or not at all.

    Rows come out in the order in which they went in. Row and value functions give the same bytes
    for any number of workers, chunk size and backend. `on_progress` is called about ten times a
    second, `listeners` hear of all that happens (model/events.py). `stdout` is the descriptor that
    output "-" is written to.

    Raises UsageError before anything is read where the job makes no sense; InputError, RowError,
    ResultError, WorkerError, OutputError as errors.py says. Nothing is published then, and the
    exception has what came of the run so far as its `report`.
    """
    recorder = Recorder(job)

    def tell(event: Event) -> None:
        for listener in (recorder, *listeners):
            listener.on(event)
        if on_progress is not None and isinstance(event, Progress):
            on_progress(event)

    try:
        _run(job, stdout, tell)
    except BaseException as error:
        report = recorder.report()
        error.report = report  # type: ignore[attr-defined]
        tell(Ended(report, error))
        raise
    report = recorder.report()
    tell(Ended(report, None))
    return report


def _run(job: Job, stdout: int, tell: Tell) -> None:
    request = resolve(job, stdout)
    watch()
    with (
        heeding(), told(), open_output(job, stdout) as output,
        DiskErrors(output, named_files(job)) as disk, RunServices(job) as services,
        ExitStack() as ends,
    ):  # fmt: skip
        place = os.path.dirname(services.folder)
        disk.others[services.folder] = f"{place} (TMPDIR=DIR names another)"
        function = make_function(job)
        backend, workers = backends.load(job.backend), request.pool.workers
        errors = open_errors(job, stdout, ends)
        kept = open_checkpoint(job, output, ends)
        inputs = open_inputs(request.inputs, output.folder)
        whole = None if isinstance(function, Expression) else function.find()
        planned = kept.begin(inputs, whole, workers)
        order = describe(request, function, inputs) if inputs.complete else None
        if order is not None and job.start_method in (None, "fork"):
            preload(order.call)
        table = survey_if_small(job, inputs, order)
        services.share(job.start_method)
        pool = pool_config(request.pool, function, services, inputs.size_bytes)
        tell(Begun(pool.workers, job.backend, job.output))
        with backend.open(pool) as session:
            inputs, order = completed(session, request, function, inputs, order)
            table = table or survey(session, inputs, order.surveyed(len(inputs.columns)))
            for stream in table.streams.values():
                ends.callback(stream.close)  # type: ignore[attr-defined]  # a feed, or a generator
            tell(Surveyed(inputs.columns, table.rows))
            if errors is not None:
                assert order.aside is not None
                grouped = order.call.grouping is not None
                errors.begin(
                    order.aside, table.fields, several=len(table.sources) > 1, grouped=grouped
                )
            last = last_pass(request, session, inputs, table, order, output, errors, services, tell)
            apply = apply_stage(request, session, inputs, last, output, kept, services)
            with apply.assembler:
                chunks = chunks_of(job, last.table, last.order, planned, output)
                known = last.table.indexes, last.table.sources
                apply.agenda.chunks = kept.left(chunks, *known, apply)
                names = _work_off(session, apply, last.order, last.table)
        inputs.guard.check()
        counts, gauges = services.finish()
        publish(output, errors)  # from here on, nothing is a failure: see Output.__exit__
        kept.finish(apply.tally.failed)
    done = apply.assembler
    found, shape = tuple(done.columns.found), done.columns.shape
    rows_in = done.rows_in if last.rows_in is None else last.rows_in
    more = groups_called(last, apply), hints(last.order.call, whole, done.chunks), last.sorted_bytes
    tell(
        Published(
            names, found, shape, rows_in, done.rows_out, done.ended, tuple(output.notes), counts,
            gauges, *more,
        )
    )  # fmt: skip


def _work_off(session: Session, apply: ApplyStage, order: Order, table: Table) -> tuple[str, ...]:
    """Have all chunks done, and the output completed; return its columns."""
    assembler = apply.assembler
    work_off(session, apply)
    if isinstance(apply, GoesOn) and apply.goes_on():
        work_off(session, apply)
    apply.tally.check(apply.calls)
    names = assembler.finish(order.default_columns(table.fields))
    while assembler.waiting:
        work_off(session, apply)
    check_types(order.call, names)
    assembler.close()
    return names
