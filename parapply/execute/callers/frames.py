"""The calls of a chunk function: one for the whole chunk, or for what is left of it.

Where rows that fail are set aside, a chunk on which the function fails is halved, down to the
rows that make it fail, and what it made of the others is put together again. In the worker. It is
longer than others as it is one class, each half of which needs the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from parapply.columns import json_columns
from parapply.columns.arrays import columns_of
from parapply.columns.type_words import clash
from parapply.columns.unify import unify
from parapply.columns.values.maps import holds_maps
from parapply.execute.call import Call, Made
from parapply.execute.callers.api import ChunkRun
from parapply.execute.callers.pieces import _TWO_KINDS, _in_all, _size, _stack
from parapply.execute.failures.attempts import Attempts
from parapply.execute.failures.explain import Explainer
from parapply.execute.frames import conversion, to_arrow
from parapply.execute.frames.objects import Objects
from parapply.execute.frames.unchanged import Found, Given
from parapply.execute.policy import FailedRow, is_ours
from parapply.execute.results import build
from parapply.execute.results.stored import as_table
from parapply.execute.time_limit import Alarm
from parapply.formats.api import Batch
from parapply.formats.common.pandas_schema import INDEX
from parapply.formats.nouns import Field
from parapply.functions.rows import no_column
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import ResultError, UnseenError


def preload(call: Call) -> None:
    """Import what frames of this kind need, before workers are forked, which then share it."""
    conversion.preload(call.frame)


class FrameCaller:
    """Calls a function for a batch as a frame: a TableCaller."""

    def __init__(self, run: ChunkRun) -> None:
        call, batch, fields, where = run.call, run.batch, run.fields, run.where
        self.call, self.batch, self.where, self.pace = call, batch, where, run.pace
        self.metadata, self.row_by_row = run.metadata, run.row_by_row
        expression = call.expression
        self.function = run.function if expression is None else expression.function("df")
        self.fields = [fields[position] for position in call.given]
        self.columns, self.inputs = len(fields), {field.name for field in fields}
        types = {**{field.name: field.type for field in self.fields}, **call.types}
        known = {name for name, type_ in types.items() if json_columns.is_json(type_)}
        maps = {field.name for field in self.fields if holds_maps(field.type)}
        self.objects = Objects(known, call.as_text, maps)
        self.explainer = Explainer(call, batch, fields, where)
        explain = self.explainer.explain
        self.rounds = Attempts(call.policy, batch.rows, explain, run.pace, rate=run.rate)
        self._at = 0

    def position(self) -> int:
        return self._at

    def apply(self) -> Made:
        if len(self.call.given) == self.columns:  # the frame is to have all that there is
            self.batch.check_complete()
        arrays = self.batch.columns(self.call.given)
        self._held = self._objects(self.batch)
        with Alarm(self.call.policy.timeout_s) as alarm:
            try:
                pieces = list(self._pieces(arrays, 0, self.batch.rows, alarm))
            except FailedRow as failed:
                raise self.explainer.error(failed, self.rounds.failures) from None
        self.pace.within(None)
        whole = len(pieces) == 1 and not self.rounds.failures
        made = pieces[0][1] if whole else self._joined(pieces)
        made.failures = self.rounds.failures
        return made

    def back(self) -> dict[str, pa.Array]:
        arrays, self._held = self.batch.columns(self.call.given), self._objects(self.batch)
        return self._given(arrays, 0, self.batch.rows).back()

    def _given(self, arrays: list[pa.Array], start: int, stop: int) -> Given:
        call, parts = self.call, [array.slice(start, stop - start) for array in arrays]

        def make(*, anew: bool = False) -> Any:
            """Make a frame of its own objects, if it is to be anew: a function may change them."""
            held = self._held
            if anew and held:
                held = self._objects(self.batch.pick(range(self.batch.rows)))
            held = {name: values[start:stop] for name, values in held.items()}
            return conversion.make_frame(
                call.frame, self.fields, parts, call.dtype_backend, self.metadata, held
            )

        return Given(make, self.fields, stop - start, self.objects)

    def _objects(self, batch: Batch) -> dict[str, list[Any]]:
        """Return the values of the columns that pandas is given as objects."""
        if self.call.frame != "pandas":  # Arrow and polars hold them, keys that are twice there too
            return {}
        given = zip(self.call.given, self.fields, strict=True)
        found = {field.name: self._objects_of(batch, position, field) for position, field in given}
        return {name: values for name, values in found.items() if values is not None}

    def _objects_of(self, batch: Batch, position: int, field: Field) -> list[Any] | None:
        if not json_columns.is_varied(field.type):
            return None
        held = batch.held(position)
        if held is None and (json_columns.is_json(field.type) or holds_maps(field.type)):
            try:
                return batch.values(position)
            except UnseenError as error:
                raise error.placed(self.where(error.position), field.name) from error
        return held

    def _pieces(
        self, arrays: list[pa.Array], start: int, stop: int, alarm: Alarm
    ) -> list[tuple[int, Made]]:
        """Return what the function made of rows start to stop, by their first rows."""
        if start == stop:  # none of the chunk's rows can be read
            return []
        if (
            stop - start == 1
            and self.row_by_row is not None
            and start in self.row_by_row.fatal_rows
        ):
            self.rounds.lose(self.row_by_row.fatal_rows[start], start)
            return []
        try:
            made = self._call(arrays, start, stop, alarm)
        except BaseException as error:
            if is_ours(error) or isinstance(error, ResultError):
                raise
            if not self.call.policy.tolerant:
                raise FailedRow(self.explainer.of_span(error, self._span(start, stop))) from None
            if stop - start == 1:
                self.rounds.fail(error, start)
                return []
        else:
            self.pace(stop - start)
            return [(start, made)]
        half = (start + stop) // 2
        return [
            *self._pieces(arrays, start, half, alarm),
            *self._pieces(arrays, half, stop, alarm),
        ]

    def _call(self, arrays: list[pa.Array], start: int, stop: int, alarm: Alarm) -> Made:
        given = self._given(arrays, start, stop)
        frame = given.frame
        returned: list[Any] = []
        function, self._at = self.function, start
        assert function is not None
        self.rounds.wait_turn()
        for attempt in range(self.call.policy.retries + 1):
            try:
                alarm.run(lambda *_: returned.append(function(frame)), start, self.pace)
                break
            except BaseException as error:
                if is_ours(error) or not self.rounds.again(error, attempt):
                    raise
        return self._made(returned[-1], given, start, stop)

    def _made(self, returned: Any, given: Given, start: int, stop: int) -> Made:
        indexed = INDEX in (field.name for field in self.fields)
        name = self.call.into[0] if self.call.into else self.call.name
        where = self._where_from(start)
        with self._placed(start, stop):
            table = to_arrow.as_table(returned, indexed, self.objects)
            column = None
            if table is None:
                column = to_arrow.as_column(returned, name, self.objects)
        if table is not None and not self.call.filter:
            with self._placed(start, stop):
                found = given.found(returned, table, self._exact(start, stop))
            return self._of_table(self._chosen(table, where), found, start, stop)
        if column is None or len(column) != stop - start:
            size = f" of length {len(column)}" if column is not None else ""
            raise ResultError(
                f"{self._span(start, stop)}: the function returned {type(returned).__name__}{size};"
                f" return a DataFrame or Table, or a Series or array of the chunk's length "
                f"({stop - start})"
            )
        if self.call.filter:
            kept = [bool(value) for value in column.to_pylist()]
            return Made("filter", {}, take=np.flatnonzero(kept))
        owns = () if name in self.call.types else given.column(returned, name, column)
        places = tuple(self._places[own] for own in owns)
        forced = build.force(name, column, self.call.types, where)
        return Made("scalar", {name: forced}, given={name: places} if places else {})

    @property
    def _places(self) -> dict[str, int]:
        """Where the input has the columns of the frame."""
        return {field.name: self.call.given[place] for place, field in enumerate(self.fields)}

    def _exact(self, start: int, stop: int) -> Callable[[str], Sequence[Any]]:
        """Return what gives a column of rows of the input, as it stands there and as it is read."""

        def exact(name: str) -> list[Any]:
            position = [self._places[name]]
            columns = *self.batch.verbatim(position), *self.batch.columns(position)
            return [column.slice(start, stop - start) for column in columns]

        return exact

    def _of_table(self, table: pa.Table, found: Found, start: int, stop: int) -> Made:
        """Return a table that was made of rows start to stop, and which of it is the input's."""
        places, left = self._places, set(table.column_names).difference(self.call.types)
        known = {name: owns for name, owns in found.names.items() if name in left}
        given = {name: tuple(places[own] for own in owns) for name, owns in known.items()}
        rows = found.rows
        if rows is None and stop - start < self.batch.rows:
            rows = np.arange(stop - start)
        taken = None if rows is None or not given else rows + start
        return Made("table", {}, take=taken, table=table, given=given)

    def _chosen(self, table: pa.Table, where: Callable[[int], str]) -> pa.Table:
        call, names = self.call, table.column_names
        if call.into:
            raise ResultError(
                f"--into {','.join(call.into)} names a column, and {call.name} returned a "
                "DataFrame: name its columns in the function, or return a Series"
            )
        for name in call.select:
            if name not in names:
                raise ResultError(f"--select {','.join(call.select)}: {no_column(name, names)}")
        left_out = self.inputs.difference(call.select) if call.select else {*call.drop}
        names = [name for name in names if name not in left_out]
        return build.force_table(table.select(names), call.types, where)

    def _joined(self, pieces: list[tuple[int, Made]]) -> Made:
        """Put together what the function made of parts of the chunk."""
        shapes = {made.shape for _, made in pieces}
        if len(shapes) > 1:
            raise ResultError(f"{self._span(0, self.batch.rows)}: {_TWO_KINDS}")
        failed, skips = self.rounds.failures, self.call.policy.on_error == "skip"
        if shapes == {"filter"}:
            taken = [made.take + start for start, made in pieces]
            return Made("filter", {}, take=np.concatenate(taken))
        if shapes == {"table"}:
            tables = [columns_of(made.table) for _, made in pieces]
            columns = self._stacked(tables, [start for start, _ in pieces])
            parts = [made.table.schema for _, made in pieces if made.table is not None]
            return self._of_pieces([made for _, made in pieces], as_table(columns, parts))
        if not pieces:
            return Made("none", {}, take=np.array([], np.int64) if skips else None)
        kept = [row for row in range(self.batch.rows) if row not in failed]
        columns = self._stacked([made.columns for _, made in pieces], [s for s, _ in pieces])
        if skips:
            given = _in_all([made for _, made in pieces])
            return Made("scalar", columns, take=np.array(kept, np.int64), given=given)
        places = np.full(self.batch.rows, -1)
        places[kept] = np.arange(len(kept))
        index = pa.array(places, mask=places < 0)
        return Made("scalar", {name: column.take(index) for name, column in columns.items()})

    def _of_pieces(self, pieces: list[Made], table: pa.Table) -> Made:
        """Return what was made of parts of the chunk: what is the input's in all of them is so."""
        given = _in_all(pieces)
        if not given:
            return Made("table", {}, table=table)
        takes = [np.arange(self.batch.rows) if m.take is None else m.take for m in pieces]
        return Made("table", {}, take=np.concatenate(takes), table=table, given=given)

    def _stacked(self, tables: list[dict[str, pa.Array]], starts: list[int]) -> dict[str, pa.Array]:
        types: dict[str, Any] = {}
        for table, start in zip(tables, starts, strict=True):
            for name, column in table.items():
                known = types.get(name, column.type)
                types[name] = unify(known, column.type)
                if types[name] is None:
                    one, other = clash(known, column.type)
                    raise ResultError(
                        f"column {name!r}: {self.where(0)} gave {one}, {self.where(start)} gave "
                        f"{other}; one column holds one type: return str for both, say"
                    )
        return {name: _stack([table.get(name, _size(table)) for table in tables], type_)
                for name, type_ in types.items()}  # fmt: skip

    @contextmanager
    def _placed(self, start: int, stop: int) -> Iterator[None]:
        """Say for which rows it is that what was returned is no column."""
        try:
            yield
        except ResultError as error:
            raise ResultError(f"{self._span(start, stop)}: {error}") from error

    def _where_from(self, start: int) -> Callable[[int], str]:
        return lambda position: self.where(start + position)

    def _span(self, start: int, stop: int) -> str:
        first, last = self.where(start), self.where(max(stop - 1, start))
        return f"{first.replace(': row ', ': rows ')} to {last.rpartition(' ')[2]}"
