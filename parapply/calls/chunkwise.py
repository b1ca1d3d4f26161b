"""The calls of a chunk function: one for the whole chunk, or for what is left of it.

Where rows that fail are set aside, a chunk on which the function fails is halved, down to the
rows that make it fail, and what it made of the others is put together again. In the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from parapply.backends import Pace
from parapply.calls import frames, results
from parapply.calls.alarm import Alarm
from parapply.calls.objects import Objects
from parapply.calls.rows import no_column
from parapply.calls.stored import as_table, columns_of
from parapply.columns import jsons
from parapply.columns.types import fit, unify
from parapply.columns.words import clash
from parapply.errors import ResultError
from parapply.failures.explain import Explainer
from parapply.failures.policy import FailedRow, Wary, is_ours
from parapply.failures.trial import Rounds
from parapply.formats import Batch, Field
from parapply.formats.pandas_schema import INDEX
from parapply.functions.call import Call, Made
from parapply.lazily import np, pa
from parapply.sharing.rates import Rate


class ChunkCaller:
    """Calls a chunk function for a batch; arguments as those of Applier."""

    def __init__(
        self,
        call: Call,
        function: Callable[[Any], Any] | None,
        batch: Batch,
        fields: tuple[Field, ...],
        where: Callable[[int], str],
        pace: Pace,
        wary: Wary | None = None,
        metadata: Mapping[bytes, bytes] | None = None,
        rate: Rate | None = None,
    ) -> None:
        self.call, self.batch, self.where, self.pace = call, batch, where, pace
        self.metadata, self.wary = metadata, wary
        self.function = function if call.expression is None else call.expression.function("df")
        self.fields = [fields[position] for position in call.given]
        self.columns = len(fields)
        types = {**{field.name: field.type for field in self.fields}, **call.types}
        known = {name for name, type_ in types.items() if jsons.is_json(type_)}
        self.objects = Objects(known, call.as_text)
        self.explainer = Explainer(call, batch, fields, where)
        explain = self.explainer.explain
        self.rounds = Rounds(call.policy, batch.rows, explain, pace, rate=rate)
        self._at = 0

    def position(self) -> int:
        """The first row of those that are being worked on."""
        return self._at

    def apply(self) -> Made:
        """Return what the function made of the batch; raises as Applier does."""
        if len(self.call.given) == self.columns:  # the frame is to have all that there is
            self.batch.check_complete()
        arrays = self.batch.columns(self.call.given)
        self._held = self._objects()
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

    def _objects(self) -> dict[str, list[Any]]:
        """Return the values of the columns that pandas is given as objects."""
        given = zip(self.call.given, self.fields, strict=True)
        found = {field.name: self._objects_of(position, field) for position, field in given}
        return {name: values for name, values in found.items() if values is not None}

    def _objects_of(self, position: int, field: Field) -> list[Any] | None:
        if not jsons.is_varied(field.type):
            return None
        held = self.batch.held(position)
        return self.batch.values(position) if held is None and jsons.is_json(field.type) else held

    def _pieces(
        self, arrays: list[pa.Array], start: int, stop: int, alarm: Alarm
    ) -> list[tuple[int, Made]]:
        """Return what the function made of rows start to stop, by their first rows."""
        if start == stop:  # none of the chunk's rows can be read
            return []
        if stop - start == 1 and self.wary is not None and start in self.wary.doomed:
            self.rounds.lose(self.wary.doomed[start], start)
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
        parts = [array.slice(start, stop - start) for array in arrays]
        frame = frames.make_frame(
            self.call.frame, self.fields, parts, self.call.dtype_backend, self.metadata,
            {name: values[start:stop] for name, values in self._held.items()},
        )  # fmt: skip
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
        return self._made(returned[-1], start, stop)

    def _made(self, returned: Any, start: int, stop: int) -> Made:
        indexed = INDEX in (field.name for field in self.fields)
        name = self.call.into[0] if self.call.into else self.call.name
        where = self._where_from(start)
        with self._placed(start, stop):
            table = frames.as_table(returned, indexed, self.objects)
            column = None if table is not None else frames.as_column(returned, name, self.objects)
        if table is not None and not self.call.filter:
            return Made("table", {}, table=self._chosen(table, where))
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
        return Made("scalar", {name: results.force(name, column, self.call.types, where)})

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
        wanted = set(call.select or names).difference(call.drop)
        names = [name for name in names if name in wanted]
        return results.force_table(table.select(names), call.types, where)

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
            return Made("table", {}, table=as_table(columns, parts))
        if not pieces:
            return Made("none", {}, take=np.array([], np.int64) if skips else None)
        kept = [row for row in range(self.batch.rows) if row not in failed]
        columns = self._stacked([made.columns for _, made in pieces], [s for s, _ in pieces])
        if skips:
            return Made("scalar", columns, take=np.array(kept, np.int64))
        places = np.full(self.batch.rows, -1)
        places[kept] = np.arange(len(kept))
        index = pa.array(places, mask=places < 0)
        return Made("scalar", {name: column.take(index) for name, column in columns.items()})

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


_TWO_KINDS = "the function returned a DataFrame for some rows and something else for others"


def _stack(columns: list[Any], type_: Any) -> pa.Array:
    """Put columns below each other; a number stands for so many missing values."""
    return pa.concat_arrays(
        [
            pa.nulls(column, type_) if isinstance(column, int) else fit(column, type_)
            for column in columns
        ]
    )


def _size(table: dict[str, pa.Array]) -> int:
    return len(next(iter(table.values()), ()))
