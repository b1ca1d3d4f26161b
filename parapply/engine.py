"""run(job): the whole story on one page. Load, survey, plan, dispatch, assemble, report.

Runs in the parent, which never holds a table. Neither prints nor exits.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from parapply import backends, cores
from parapply.assemble import Assembler, Columns
from parapply.backends import Crew, Session
from parapply.call import Call
from parapply.describe import (
    check_types,
    describe_call,
    kept_columns,
    make_function,
    make_target,
    surveyed,
)
from parapply.errors import OutputError, WorkerError
from parapply.expressions import Expression
from parapply.inputs import Inputs, open_inputs
from parapply.job import Chunk, Job, Report
from parapply.output import Output
from parapply.survey import survey
from parapply.worker import ChunkTask, Refit, Start


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in rows of the input; `total` is None while it is not known."""

    computed: int
    written: int
    total: int | None


Watch = Callable[[Progress], None]


def run(job: Job, *, on_progress: Watch | None = None, stdout: int = 1) -> Report:
    """Run the function over every row of the inputs and write the output, whole or not at all.

    Rows come out in the order in which they went in. Row and value functions give the same bytes
    for any number of workers, chunk size and backend. `on_progress` is called about ten times a
    second. `stdout` is the descriptor that output "-" is written to.

    Raises UsageError before anything is read where the job makes no sense; InputError, RowError,
    ResultError, WorkerError, OutputError as errors.py says. Nothing is published then.
    """
    began = time.perf_counter()
    function = make_function(job)
    backend, workers = backends.load(job.backend), cores.count_workers(job.workers)
    with Output(job.output, stdout) as output, _DiskErrors(output.name):
        inputs = open_inputs(job, output.folder)
        columns = inputs.sources[0].columns
        call, keep = describe_call(job, function, columns), kept_columns(job, columns)
        target = make_target(job, inputs)
        start = Start(None if isinstance(function, Expression) else function)
        crew = Crew(_crew_size(workers, inputs), start, job.start_method)
        with backend.open(crew) as session:
            table = survey(session, inputs, surveyed(call, keep, target))
            prompt = not output.restartable and inputs.endless
            task = ChunkTask(
                table.sources, table.fields, call, target, keep, output.folder, not prompt
            )
            agenda = Agenda(table.chunks(workers, job.chunk_size))
            made = Columns(bool(job.into) or call.by == "value", call.types)
            assembler = Assembler(
                output, target, table.fields, keep, made, agenda.push, prompt=prompt
            )
            rows, chunks = _dispatch(session, task, agenda, assembler, table.rows, on_progress)
            names = assembler.finish(_default_columns(call, table.fields))
            while assembler.waiting:
                _dispatch(session, task, agenda, assembler, table.rows, on_progress)
            check_types(call, names)
            assembler.close()
        output.publish()
    return Report(
        rows_in=rows,
        rows_out=assembler.rows_out,
        columns=names,
        chunks=chunks,
        workers=crew.workers,
        backend=job.backend,
        seconds=time.perf_counter() - began,
        output=job.output,
    )


class Agenda(Iterator[Any]):
    """What is to be dispatched: chunks in order, and before them whatever has to be done anew."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._pushed: deque[Refit] = deque()

    def push(self, item: Refit) -> None:
        """Put an item before all others."""
        self._pushed.append(item)

    def __next__(self) -> Chunk | Refit:
        return self._pushed.popleft() if self._pushed else next(self._chunks)


def _dispatch(
    session: Session,
    task: ChunkTask,
    agenda: Agenda,
    assembler: Assembler,
    total: int | None,
    on_progress: Watch | None,
) -> tuple[int, int]:
    """Have everything on the agenda done; return how many rows and chunks were computed."""
    rows = chunks = 0

    def beat() -> None:
        if on_progress is not None:
            on_progress(Progress(rows + session.units(), assembler.rows_written, total))

    for done in session.run(task, agenda, beat=beat if on_progress else None):
        item = done.item
        chunk = item.chunk if isinstance(item, Refit) else item
        if done.result is None:
            raise WorkerError(_lost(done.lost or "was lost", task, chunk))
        if chunk is item:
            rows, chunks = rows + done.result.rows_in, chunks + 1
        assembler.add(replace(chunk, data=None), done.result)
        beat()
    return rows, chunks


def _lost(how: str, task: ChunkTask, chunk: Chunk) -> str:
    name, first = task.sources[chunk.source].name, chunk.first_row + 1
    return (
        f"{name}: the worker {how} on rows {first} to {chunk.first_row + chunk.rows}; "
        "if memory ran out, try a smaller --chunk-size or fewer --workers"
    )


def _crew_size(workers: int, inputs: Inputs) -> int:
    """No more workers than a small file has records for them, at eight bytes a record."""
    return max(1, min(workers, inputs.size_bytes // 8))


def _default_columns(call: Call, fields: Any) -> dict[str, Any]:
    """The made columns of an output for which no function call made any."""
    if call.filter or call.by == "chunk":
        return {}
    if call.by == "value":
        names = call.into or tuple(fields[position].name for position in call.given)
    else:
        names = call.into or (call.name,)
    return dict.fromkeys(names, pa.null())


class _DiskErrors:
    """Translates errors of the operating system that no room below has put into words."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise OutputError(f"{error.filename or self.name}: {error.strerror}") from error
