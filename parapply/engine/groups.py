"""A job on groups: what stands between the survey and the last pass over rows. In the parent.

The rows of each key are brought together. Where results come in the order of the keys, the chunks
of that table are the last pass. Where they go back to the rows of the input (--each, --filter,
--keys-as-met), a pass over the groups keeps what is made of them, and the last one looks it up.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from parapply.backends.api import Session
from parapply.engine.agenda import Agenda, ExternalEvents
from parapply.engine.assemble import Assembler
from parapply.engine.checkpoint.keeping import NoCheckpoint
from parapply.engine.errors_file import ErrorsFile
from parapply.engine.inputs.sources import Inputs
from parapply.engine.resolve.describe import Order
from parapply.engine.resolve.group_limits import check_keys, group_bytes
from parapply.engine.resolve.request import Request
from parapply.engine.result_columns import ResultColumns
from parapply.engine.run_services import RunServices
from parapply.engine.stages.api import work_off
from parapply.engine.stages.apply import ApplyStage
from parapply.engine.stages.last_pass import LastPass, Tell
from parapply.engine.stages.shuffle import GroupedTable, Shuffle
from parapply.engine.stages.survey import Table
from parapply.engine.tally import Tally
from parapply.execute.call import Lookups
from parapply.execute.callers.registry import LOOKUPS
from parapply.execute.policy import Policy
from parapply.execute.rewrites import OutputTask
from parapply.execute.shuffle import SortTask
from parapply.execute.tasks import ChunkTask
from parapply.formats.nouns import Arrangement
from parapply.formats.runs.results import ResultsTarget
from parapply.model.events import ChunkDone, Event, Progress
from parapply.model.outcome import Outcome
from parapply.model.records import replace
from parapply.storage.atomic.output import Output


class Groups:
    """The passes of one job over its groups, before the last."""

    def __init__(
        self, request: Request, session: Session, inputs: Inputs, table: Table, order: Order,
        output: Output, errors: ErrorsFile | None, services: RunServices, tell: Tell,
    ) -> None:  # fmt: skip
        assert order.call.grouping is not None
        self._request, self._session, self._inputs = request, session, inputs
        self._table, self._order, self._output = table, order, output
        self._errors, self._services, self._tell = errors, services, tell
        self._grouping = order.call.grouping
        self._folder = os.path.join(output.folder, "groups")  # the last pass has parts of its own
        os.mkdir(self._folder)
        self._called_groups = 0
        self._passes, self._passed = 3 if self._grouping.back else 2, 0

    def last_pass(self) -> LastPass:
        """Do all that comes before it; raises what is wrong with the rows, or with a key."""
        check_keys(self._grouping, self._table.fields)
        if self._grouping.consecutive:
            self._passes = 1
            return LastPass(self._table, self._order, self._errors, self._told, scan=self._task())
        grouped = self._shuffled()
        self._passed += 1
        if not self._grouping.back:
            return LastPass(
                grouped, self._order, self._errors, self._told, sorted_bytes=grouped.size_bytes
            )
        lookups = self._called(grouped)
        self._passed += 1
        again = {place: stream.again for place, stream in self._inputs.streams.items()}
        streams = {place: reread() for place, reread in again.items() if reread is not None}
        table = replace(self._table, streams=streams)
        order, size = self._looking_up(lookups), grouped.size_bytes
        return LastPass(
            table, order, None, self._told, sorted_bytes=size, called=self._called_groups
        )

    def _told(self, event: Event) -> None:
        """Tell of progress on one scale: each pass is as much of it as the others."""
        if isinstance(event, Progress):
            done = self._passed * (self._table.rows or 0) + event.computed
            event = replace(event, computed=done // self._passes, total=self._table.rows)
        self._tell(event)

    def _shuffled(self) -> GroupedTable:
        request, call = self._request, self._order.call
        workers = request.pool.workers
        most_bytes = group_bytes(request.job, call, workers)

        def beat(rows: int) -> None:
            self._told(Progress(rows, 0, None))

        shuffle = Shuffle(self._session, self._table, self._task(), workers, most_bytes, beat)
        return shuffle.run(request.job.chunk_size, request.job.head)

    def _task(self) -> SortTask:
        """Return the task of sorting: with all columns that are needed after it."""
        table, order = self._table, self._order
        typed, verbatim = {*order.call.read}, set[int]()
        kept = () if self._grouping.back else order.keep
        for target, places in ((order.target, kept), (order.aside, range(len(table.fields)))):
            if target is not None:
                (typed if target.reads_typed else verbatim).update(places)
        columns = tuple(sorted(typed)), tuple(sorted(verbatim))
        return SortTask(table.sources, table.fields, self._grouping, *columns, self._output.folder)

    def _called(self, grouped: GroupedTable) -> Lookups:
        """Call the function for all groups; return where to look up what it made."""
        order, agenda, sink = self._order, Agenda(), _Parts()
        call = replace(order.call, policy=replace(order.call.policy))
        tally = Tally(self._request.job.max_errors, None)
        assembler = Assembler(
            self._output, ResultsTarget(call.as_text), grouped.fields, (),
            ResultColumns(call.types), agenda.push, self._errors, sink=sink,
        )  # fmt: skip
        task = ChunkTask(
            grouped.sources, grouped.fields, call, assembler.target, (), self._folder,
            order.aside, several=len(self._inputs.sources) > 1,
        )  # fmt: skip
        world = ExternalEvents((), agenda, self._output.pipe, self._services.stopped)
        kept = NoCheckpoint(self._folder)
        stage = ApplyStage(
            self._session, task, {}, grouped.rows, self._on, tally, kept, assembler, agenda, world
        )
        agenda.chunks = grouped.chunks(self._request.pool.workers, None, True)
        with assembler:
            work_off(self._session, stage)
            tally.check(stage.calls)
            self._called_groups = stage.calls
            assembler.finish(order.default_columns(grouped.fields))
        columns = tuple(assembler.columns.plain.items())
        shape = "filter" if call.filter else assembler.columns.shape
        return Lookups(tuple(sink.paths), columns, shape, self._grouping.kept)

    def _on(self, event: Event) -> None:
        """Hear of the pass over groups: rows are counted when they are written."""
        self._services.on(event)
        if not isinstance(event, ChunkDone):
            self._told(event)

    def _looking_up(self, lookups: Lookups) -> Order:
        order = self._order
        read = lookups.keys if lookups.shape == "table" else ()
        call = replace(
            order.call, caller=LOOKUPS.path, traits=LOOKUPS.traits, lookups=lookups,
            grouping=None, read=read, policy=Policy(), explode=False, expression=None, rate=None,
        )  # fmt: skip
        return replace(order, call=call, aside=None)


class _Parts:
    """Takes parts of results, which stay where they are: a Sink."""

    waiting = False

    def __init__(self) -> None:
        self.paths: list[str] = []

    def begin(self, arrangement: Arrangement, types: Sequence[Any]) -> None:
        self.paths = []

    def append(self, outcome: Outcome, *, drop: bool) -> None:
        self.paths.append(outcome.part.path)

    def done(self, task: OutputTask) -> None:
        """No part is copied."""

    def close(self) -> None:
        """Parts are complete as they are."""

    def abandon(self) -> None:
        """They go with the folder."""
