"""What a worker does with a chunk: read it, apply the function, write the part.

Runs in a worker process or thread (or, with the serial backend, in the parent). The function is
loaded once a worker; everything else comes with the task. Only an Outcome goes back.
"""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import Any

from parapply.backends.api import ItemProgress
from parapply.execute.call import Call, Made
from parapply.execute.callers.api import ChunkRun, TableCaller
from parapply.execute.callers.registry import caller_of
from parapply.execute.failures.quarantine import ChunkRows, set_aside
from parapply.execute.outcomes import outcome_of, padded
from parapply.execute.policy import Failure, RowByRow, causes
from parapply.execute.results.failed_rows import store_failed, stored_failed
from parapply.execute.results.stored import files_of, made_of, part_name, store, stored, stored_text
from parapply.execute.rewrites import OutputTask, Rewrite
from parapply.execute.write import PartWriter
from parapply.formats.api import KeepsTables, Source, Target
from parapply.formats.nouns import Field
from parapply.model.chunk import Chunk
from parapply.model.errors import ParapplyError, UnseenError
from parapply.model.outcome import Failed, FailedRows, Outcome, PartFile, Returned, given_of
from parapply.model.records import record, replace
from parapply.runtime.allocation import give_back
from parapply.runtime.chunk_end import End
from parapply.runtime.context import bound
from parapply.runtime.stops import GivenUp, Skipped
from parapply.storage.descriptors import DescriptorsError, placed
from parapply.storage.part import Part
from parapply.storage.private import Naming

_RATE = "--rate"  # the name of the one that is given on the command line


@record
class ChunkTask:
    """Everything that chunks have in common."""

    sources: tuple[Source, ...]
    fields: tuple[Field, ...]
    call: Call
    target: Target
    keep: tuple[int, ...]  # the input's columns that stay, in order
    folder: str  # where parts are written
    aside: Target | None = None  # how rows that failed are written, if they are
    durable: bool = False  # parts are to outlive the run
    small: int = 0  # parts of so many bytes need no file
    several: bool = False  # inputs, which rows that failed are told apart by

    def __call__(
        self, item: Chunk | Rewrite | OutputTask, pace: ItemProgress
    ) -> Outcome | Failed | OutputTask | Skipped:
        """Run the function over a chunk, or write a part anew: say where it is. Or do a chore."""
        try:
            if isinstance(item, OutputTask):
                item.run(self.target)
                return item
            return self._refit(item, pace) if isinstance(item, Rewrite) else self._run(item, pace)
        except ParapplyError as error:
            return Failed(item.number, error)
        except GivenUp:
            return Skipped(item.number)
        finally:
            give_back()

    def _run(self, chunk: Chunk, pace: ItemProgress) -> Outcome:
        began, context = time.perf_counter(), bound()
        assert context is not None
        end = End(context, chunk.number)
        end.check()
        with Naming(self.sources[chunk.source].name):
            rows = self._open(chunk, chunk.data)
        if chunk.before is None:
            made = self._made(chunk, rows, pace, end)
        else:
            made = self._made_again(chunk, chunk.before, rows, pace, end)
        if (last := context.stopped) is not None and self.call.traits.cuttable:
            rows = rows.until(last + 1)
        elif made.left is not None:
            rows = rows.until(made.left.done)
        path = self._path(chunk.number)
        failures = rows.failures(made.failures)
        changes = self._writer.may_change(made)
        part, kept = Part(path, self.small), None
        with Naming(path):
            try:
                self._writer.write(part, rows, made, chunk.last and made.left is None)
            except UnseenError as error:
                raise rows.unseen(error, self.fields, self.keep) from error
            alone = not (changes or (self.durable and failures))
            if not alone:
                kept = self._store(path, made, chunk, listed=rows.batch.listed)
        outcome = outcome_of(chunk.number, rows, made, path)
        seconds = time.perf_counter() - began
        file = PartFile(path, part.held, kept, alone)
        groups = None if made.groups is None else len(made.groups)
        outcome = replace(outcome, part=file, seconds=seconds, groups=groups)
        if context.stopped is not None:
            outcome = replace(outcome, stopped=True)
        elif made.left is not None:
            outcome = replace(outcome, row_s=made.left.row_s)
        if failures:
            grouped = replace(rows, groups=made.groups)
            outcome = self._with_failures(outcome, grouped, failures)
        if self.durable:
            if failures:  # where none could be read, none was the function's
                store_failed(path, made.failures)
            from parapply.execute.entries import facts
            from parapply.storage.durable import known

            files = known(files_of(path), facts(outcome))
            outcome = replace(outcome, part=replace(outcome.part, files=files))
        return outcome

    def called(self, chunk: Chunk, pace: ItemProgress, end: End) -> tuple[Made, int]:
        """Return what the function makes of a chunk, and its rows; no part is written."""
        with Naming(self.sources[chunk.source].name):
            rows = self._open(chunk, chunk.data)
        return self._made(chunk, rows, pace, end), rows.count

    @property
    def _writer(self) -> PartWriter:
        return PartWriter(self.target, self.keep, self.fields, self.call.types)

    def _store(self, path: str, made: Made, chunk: Chunk, *, listed: bool) -> bytes | None:
        """Keep what the function made beside its part, unless that tells it itself."""
        told = made.table is not None and isinstance(self.target, KeepsTables)
        return store(path, None if told else made, chunk.data, self.small, listed=listed)

    def _with_failures(
        self, outcome: Outcome, rows: ChunkRows, failures: dict[int, Failure]
    ) -> Outcome:
        path = None
        if self.aside is not None:
            path = f"{outcome.part.path}.aside"
            with Naming(path):
                set_aside(self.aside, path, rows, failures, self.fields, several=self.several)
        found = causes(failures.values())
        return replace(outcome, failures=FailedRows(len(failures), found, path))

    def _made_again(
        self, chunk: Chunk, before: Outcome, rows: ChunkRows, pace: ItemProgress, end: End
    ) -> Made:
        """Run the function over the rows on which it failed before, and keep what it made then."""
        from parapply.execute.results.merge import merged

        failed = stored_failed(before.part.path, rows.batch.rows)
        places = range(rows.count) if rows.places is None else rows.places
        some = replace(
            rows, batch=rows.batch.pick(failed), places=[places[position] for position in failed]
        )
        columns = tuple((column.name, column.kind) for column in before.returned.columns)
        old, new = stored(before.part.path, before, columns), self._made(chunk, some, pace, end)
        return merged(old, new, failed, rows.batch.rows, rows.where)

    def _made(self, chunk: Chunk, rows: ChunkRows, pace: ItemProgress, end: End) -> Made:
        call, row_by_row = self.call, RowByRow(dict(chunk.fatal_rows)) if chunk.row_by_row else None
        context, function = end.context, end.context.function
        rate = None if call.rate is None else context.place.store.rate(_RATE, call.rate)
        run = ChunkRun(
            call, function, rows.batch, self.fields, rows.where, pace, row_by_row, rows.places,
            end.check, rate, self._metadata(chunk.source), rows.numbers,
        )  # fmt: skip
        caller = caller_of(run)
        context.begin(chunk.number, caller.position, rows.number_at, whole=chunk.before is None)
        pace(1)  # whoever finds the worker dead before knows that no row was to blame
        try:
            made = caller.apply()
            pace(0)
            return made
        except DescriptorsError as error:
            name, row = self.sources[chunk.source].name, max(context.row - 1, chunk.first_row + 1)
            raise placed(f"{name}: row {row}") from error
        finally:
            context.end()

    def _refit(self, item: Rewrite, pace: ItemProgress) -> Outcome:
        chunk, old = item.chunk, item.outcome
        data = stored_text(old.part.path) if chunk.span is None else None
        rows, part = self._open(chunk, data), Part(item.path, self.small)
        back = partial(self._back, rows, pace, chunk.source)
        if old.returned.shape == "table" and isinstance(self.target, KeepsTables):
            written = old.part.path if old.part.held is None else old.part.held
            names = [column.name for column in old.returned.columns if not column.given]
            table, taken = self.target.table_of(written, rows.batch, names)
            made = made_of(table, taken, old, item.columns, back)
        else:
            made = stored(old.part.path, old, item.columns, back, item.shape)
        with Naming(item.path):
            self._writer.write(part, rows, made, chunk.last)
        columns = tuple(
            replace(column, type=type_, given=())
            if (given := given_of(type_)) is None
            else replace(column, given=(given,))
            for (_, type_), column in zip(item.columns, padded(old, item.columns), strict=True)
        )
        file = replace(old.part, path=item.path, held=part.held)
        return replace(old, returned=Returned(made.shape, columns), part=file)

    def _back(self, rows: ChunkRows, pace: ItemProgress, source: int) -> dict[int, Any]:
        """Return what comes of the input's columns in a table that is given back, by position."""
        metadata, where = self._metadata(source), rows.where
        run = ChunkRun(self.call, None, rows.batch, self.fields, where, pace, metadata=metadata)
        caller = caller_of(run)
        assert isinstance(caller, TableCaller)
        places = {self.fields[position].name: position for position in self.call.given}
        return {places[name]: column for name, column in caller.back().items()}

    def _metadata(self, source: int) -> Any:
        schema = self.sources[source].schema
        return None if schema is None else schema.metadata

    def _open(self, chunk: Chunk, data: bytes | None) -> ChunkRows:
        """Open a chunk's rows; where rows may be set aside, without those that cannot be read."""
        source = self.sources[chunk.source]
        whole = source.batch(chunk.span, self.fields, data, chunk.first_row)
        if chunk.pick is not None:
            whole = whole.pick(chunk.pick)
        needed = (*self.call.read, *self.target.read(self.keep))
        whole.expect(needed, typed=self.target.reads_typed)
        if not self.call.policy.tolerant:
            return ChunkRows(chunk, source.name, whole, whole)
        bad = whole.bad_rows(*self._wanted())
        if not bad:
            return ChunkRows(chunk, source.name, whole, whole)
        batch = whole.without(bad)
        batch.expect(needed, typed=self.target.reads_typed)
        places = [place for place in range(whole.rows) if place not in bad]
        return ChunkRows(chunk, source.name, whole, batch, bad, places)

    def _wanted(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Which columns are asked for as arrays, and which by their values alone."""
        typed = self.target.read(self.keep) if self.target.reads_typed else ()
        read = self.call.read
        return ((*read, *typed), ()) if self.call.traits.reads_arrays else (typed, read)

    def _path(self, number: tuple[int, ...]) -> str:
        """Return a path of this worker's own: another may still be at the same chunk."""
        name = f"{part_name(number)}.{threading.get_native_id()}"
        return os.path.join(self.folder, name)
