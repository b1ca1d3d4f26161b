"""What a run opens and makes before its stages: output, checkpoint, task. In the parent."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from parapply.backends.api import Session
from parapply.engine.agenda import Agenda, ExternalEvents
from parapply.engine.assemble import Assembler
from parapply.engine.checkpoint.keeping import NoCheckpoint
from parapply.engine.chunking import small_bytes, total_rows
from parapply.engine.inputs.sources import Inputs
from parapply.engine.resolve.describe import Order, describe
from parapply.engine.resolve.request import Request
from parapply.engine.result_columns import ResultColumns
from parapply.engine.run_services import RunServices
from parapply.engine.stages.apply import ApplyStage
from parapply.engine.stages.last_pass import LastPass, Tell
from parapply.engine.stages.survey import Table, survey
from parapply.engine.tally import Tally
from parapply.execute.call import Call
from parapply.execute.tasks import ChunkTask
from parapply.formats import registry as formats
from parapply.functions.expressions import Expression
from parapply.functions.load import Function
from parapply.model.deferred_imports import load_arrow
from parapply.model.events import Event
from parapply.model.job import Job
from parapply.model.records import replace
from parapply.storage.atomic.output import Output

if TYPE_CHECKING:
    from parapply.engine.checkpoint.checkpoint import Checkpoint
    from parapply.engine.errors_file import ErrorsFile

SPREAD_ROWS = 5_000  # from so many on it pays to compile a function anew


def last_pass(
    request: Request, session: Session, inputs: Inputs, table: Table, order: Order,
    output: Output, errors: ErrorsFile | None, services: RunServices, tell: Tell,
) -> LastPass:  # fmt: skip
    """Do what comes before the last pass: of rows nothing, groups are brought together."""
    if request.job.reduce is not None:
        from parapply.engine.reduction import reduced

        return reduced(request, session, table, order, output.folder, tell)
    if order.call.grouping is None:
        return LastPass(table, order, errors, tell)
    from parapply.engine.groups import Groups

    groups = Groups(request, session, inputs, table, order, output, errors, services, tell)
    return groups.last_pass()


def groups_called(last: LastPass, apply: ApplyStage) -> int | None:
    """Return how many groups the function was called for, None where it was given none."""
    return last.called or (apply.calls if last.order.call.grouping is not None else None)


def apply_stage(
    request: Request,
    session: Session,
    inputs: Inputs,
    last: LastPass,
    output: Output,
    kept: Checkpoint | NoCheckpoint,
    services: RunServices,
) -> ApplyStage:
    """Return the stage that calls the function, with the assembler of what it makes."""
    table, order, errors, tell = last.table, last.order, last.errors, last.tell
    job, agenda = request.job, Agenda()
    total = total_rows(job, table)
    tally = Tally(job.max_errors, None if order.call.grouping is not None else total)
    assembler = Assembler(
        output, order.target, table.fields, order.keep, ResultColumns(order.call.types),
        agenda.push, errors, keeps=job.checkpoint is not None,
        prompt=not output.restartable and inputs.endless,
    )  # fmt: skip
    small = small_bytes(job, table, output)
    task = _task(job, table, order, kept.folder, tally, small)
    task = replace(task, several=len(inputs.sources) > 1)
    world = ExternalEvents(table.feeds, agenda, output.pipe, services.stopped)

    def told(event: Event) -> None:
        services.on(event)
        tell(event)

    known = dict(table.indexes), total, told, tally, kept, assembler, agenda, world
    if last.scan is not None:
        from parapply.engine.stages.consecutive import consecutive_stage

        return consecutive_stage(session, last.scan, table, task, known)
    return ApplyStage(session, task, *known)


def hints(call: Call, function: Any, chunks: int) -> tuple[str, ...]:
    """Return what a person should know whose chunk function looks beyond its chunk."""
    if chunks < 2 or not call.traits.makes_table or call.grouping or call.lookups:
        return ()
    from parapply.functions.order_dependent import whole_table_names

    names = whole_table_names(call.expression or function)
    if not names:
        return ()
    return (
        f"{call.name} calls {', '.join(names)}, and was given {chunks} chunks: what it returns may "
        "depend on where they are cut; --group-by COLUMN gives it all rows of a key",
    )


def survey_if_small(job: Job, inputs: Inputs, order: Order | None) -> Table | None:
    """Return the table of few and small inputs; else None, and what many rows need is imported."""
    table = None
    if formats.FORMATS[inputs.format].preload:
        from parapply.engine.stages.fast_survey import fast_survey

        table = fast_survey(job, inputs, order)
    if table is None:
        load_arrow()
        formats.preload(inputs.format)
    return table


def open_output(job: Job, stdout: int) -> Output:
    """Return what the output is written to."""
    return Output(
        job.output, stdout, temp_dir=job.temp_dir, lock=job.lock, clobber=not job.no_clobber
    )


def named_files(job: Job) -> dict[str, str]:
    """Which option is to blame for files that are neither the output nor an input."""
    named = {"--checkpoint": job.checkpoint, "--log-file": job.log_file}
    places = {option: path for option, path in named.items() if path is not None}
    return {os.path.abspath(path): f"{option} {path}" for option, path in places.items()} | {
        path: f"{option} {path}" for option, path in places.items()
    }


def open_checkpoint(job: Job, output: Output, ends: ExitStack) -> Checkpoint | NoCheckpoint:
    """Return where finished parts are kept, for the next run or for this one alone."""
    if job.checkpoint is None:
        return NoCheckpoint(output.folder)
    from parapply.engine.checkpoint.checkpoint import Checkpoint

    return ends.enter_context(Checkpoint(job))


def open_errors(job: Job, stdout: int, ends: ExitStack) -> ErrorsFile | None:
    """Return the file of --errors-to, if there is to be one."""
    if job.errors_to is None:
        return None
    from parapply.engine.errors_file import ErrorsFile

    return ends.enter_context(ErrorsFile(job, stdout))


def completed(
    session: Session,
    request: Request,
    function: Function | Expression,
    inputs: Inputs,
    order: Order | None,
) -> tuple[Inputs, Order]:
    """Find all columns where the head of an input does not tell them."""
    if order is None:
        found = survey(session, inputs, ())
        inputs = inputs.completed(found.sources, found.streams)
        order = describe(request, function, inputs)
    return inputs.comparing({*order.keep, *order.call.read}), order


def _task(job: Job, table: Table, order: Order, folder: str, tally: Tally, small: int) -> ChunkTask:
    policy = replace(order.call.policy, most=tally.most)
    few = table.rows is not None and table.rows < SPREAD_ROWS
    call = replace(order.call, policy=policy, spread=order.call.spread and not few)
    return ChunkTask(
        table.sources, table.fields, call, order.target, order.keep, folder,
        order.aside, job.checkpoint is not None, small,
    )  # fmt: skip
