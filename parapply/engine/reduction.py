"""A job with --reduce: chunk results, merged two by two in the order of the input. In the parent.

The tree has the chunks as its leaves and goes by their number alone: for a table there is one tree,
however many workers there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, cast

from parapply.backends.api import Session
from parapply.engine.choose import FirstRows
from parapply.engine.plan import FRAME_ROWS, most_rows
from parapply.engine.resolve.describe import Order
from parapply.engine.resolve.request import Request
from parapply.engine.stages.api import work_off
from parapply.engine.stages.last_pass import LastPass, Tell
from parapply.engine.stages.survey import Table
from parapply.engine.stages.trials import Trials
from parapply.execute.callers.registry import REDUCED
from parapply.execute.policy import Policy
from parapply.execute.reduction import MapTask, MergeTask
from parapply.execute.tasks import ChunkTask
from parapply.formats.api import Source
from parapply.formats.runs.single import SingleSource
from parapply.functions.hooks import Hook
from parapply.model.chunk import Chunk
from parapply.model.events import ChunkDone, Progress
from parapply.model.records import record, replace


@record
class ReducedTable(Table):
    """A table of one row, or of none where nothing was reduced."""

    def chunks(self, workers: int, chunk_size: int | None, whole: bool) -> Iterator[Chunk]:
        """Yield the only chunk."""
        if self.rows:
            yield Chunk((0,), 0, (), 0, 1)


def reduced(
    request: Request, session: Session, table: Table, order: Order, folder: str, tell: Tell
) -> LastPass:
    """Reduce all rows to one result; return the pass that writes it."""
    place = os.path.join(folder, "reduced")
    os.mkdir(place)
    assert request.job.reduce is not None
    merge = Hook("--reduce", request.job.reduce, 2)
    inner = ChunkTask(table.sources, table.fields, order.call, order.target, (), place)
    found = _mapped(session, request, table, MapTask(inner, merge), tell)
    paths = [path for path, _ in found if path]
    while len(paths) > 1:
        pairs = list(zip_longest(paths[::2], paths[1::2]))
        items = [(number, one, two) for number, (one, two) in enumerate(pairs) if two is not None]
        whole = os.path.join(place, f"level-{len(paths)}")
        os.mkdir(whole)
        merged = _work(session, MergeTask(whole, merge), items, "merged results", _first)
        paths = [*merged, *(one for one, two in pairs[-1:] if two is None)]
    return _last_pass(table, order, paths, sum(rows for _, rows in found), tell)


def _mapped(
    session: Session, request: Request, table: Table, task: MapTask, tell: Tell
) -> list[tuple[str, int]]:
    size = request.job.chunk_size or most_rows(*table.indexes.values(), rows=FRAME_ROWS)
    done = 0

    def counted(found: Any) -> None:
        nonlocal done
        done += found[1]
        tell(Progress(done, 0, table.rows))

    chunks = table.chunks(1, size, True)
    if request.job.head is not None:
        chunks = FirstRows(chunks, request.job.head)
    what = f"called {task.inner.call.name}"
    return _work(session, task, chunks, what, lambda chunk: chunk.number, counted)


def _first(item: Any) -> Any:
    return item[0]


def _work(
    session: Session, task: Any, items: Any, what: str, number: Callable[[Any], Any],
    heard: Callable[[Any], None] | None = None,
) -> list[Any]:  # fmt: skip
    stage = Trials(task, items, what, number, heard=heard)
    work_off(session, stage)
    return stage.found


def _last_pass(table: Table, order: Order, paths: Sequence[str], rows: int, tell: Tell) -> LastPass:
    source = cast(Source, SingleSource(table.sources[0].name))
    count = len(paths)
    last = ReducedTable((source,), (), {}, {}, (count,), count, True)
    call = replace(
        order.call, caller=REDUCED.path, traits=REDUCED.traits, reduced=paths[0] if paths else None,
        given=(), read=(), policy=Policy(), expression=None, rate=None, spread=False, filter=False,
    )  # fmt: skip

    def told(event: Any) -> None:
        if isinstance(event, ChunkDone):
            event = replace(event, rows_in=rows)
        if not isinstance(event, Progress):
            tell(event)

    return LastPass(last, replace(order, call=call, keep=(), aside=None), None, told, rows_in=rows)
