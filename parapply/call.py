"""How the function is called on a chunk: once a row, a value or a chunk. Runs in the worker."""

from __future__ import annotations

import multiprocessing
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from parapply import frames, results
from parapply.arrays import to_list
from parapply.errors import ResultError, RowError
from parapply.expressions import Expression
from parapply.formats import Batch, Field
from parapply.functions import user_traceback
from parapply.rows import Columns, Row, no_column

_Advance = Callable[[int], None]
_BEAT_S = 0.05  # rows are counted about this often


@dataclass(frozen=True, slots=True)
class Call:
    """What the function is given and how its results are taken; positions are the input's."""

    by: str  # row, value or chunk
    name: str  # what a column of results is called where nothing else is said
    given: tuple[int, ...]  # the columns that it may see
    read: tuple[int, ...]  # those of them that are read before it is called
    frame: str = "pandas"
    dtype_backend: str | None = None
    select: tuple[str, ...] = ()  # of the columns of a DataFrame that it returns, as of the input's
    drop: tuple[str, ...] = ()
    expression: Expression | None = None
    into: tuple[str, ...] = ()
    filter: bool = False
    explode: bool = False
    types: Mapping[str, Any] = field(default_factory=dict)  # of made columns, as asked for


@dataclass(slots=True)
class Made:
    """What the calls for one chunk made."""

    shape: str  # scalar, fields, none, table, or filter: no columns at all
    columns: dict[str, pa.Array]
    take: Any = None  # positions in the chunk of the rows that stay, where not all do once
    table: pa.Table | None = None


class Applier:
    """Calls the function for the rows of one chunk."""

    def __init__(
        self,
        call: Call,
        function: Callable[[Any], Any] | None,
        batch: Batch,
        fields: tuple[Field, ...],
        where: Callable[[int], str],
        metadata: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.call, self.batch, self.fields, self.where = call, batch, fields, where
        self.metadata = metadata
        self.function = function

    def apply(self, advance: _Advance) -> Made:
        """Return what the function made of the chunk.

        Raises RowError where it raises, ResultError where what it returns does not fit.
        """
        if self.call.by == "chunk":
            return self._chunk(advance)
        if self.call.by == "value":
            return self._values(advance)
        return self._rows(advance)

    def _rows(self, advance: _Advance) -> Made:
        found: list[Any] = []
        self._each(self._row_step(found), [found], advance)
        return self._made(found, self.call.name)

    def _row_step(self, found: list[Any]) -> Callable[[int, int], None]:
        names = tuple(self.fields[position].name for position in self.call.given)
        places: dict[str | int, int] = dict(enumerate(self.call.given))
        places.update(zip(reversed(names), reversed(self.call.given), strict=True))
        columns = Columns(names, lambda name: self._list(name, places))
        if self.call.read:
            self.batch.columns(self.call.read)
        if self.call.expression is None:
            function = self.function
            assert function is not None

            def step(start: int, stop: int) -> None:
                found.extend(map(function, map(Row, repeat(columns), range(start, stop))))

            return step
        return self._expression_step(found, columns)

    def _expression_step(self, found: list[Any], columns: Columns) -> Callable[[int, int], None]:
        expression = self.call.expression
        assert expression is not None
        uses_row = expression.uses_row(columns.names)
        names = expression.named(columns.names)
        loop = expression.loop(("row", *names) if uses_row else names)

        def step(start: int, stop: int) -> None:
            lists = [columns[name][start:stop] for name in names]
            if uses_row:
                rows = map(Row, repeat(columns), range(start, stop))
                loop(found.append, zip(rows, *lists, strict=True))
            else:
                loop(found.append, zip(*lists, strict=True) if lists else range(start, stop))

        return step

    def _list(self, name: str | int, places: dict[str | int, int]) -> list[Any]:
        if name not in places:
            given = tuple(self.fields[position].name for position in self.call.given)
            raise KeyError(no_column(name, given))
        return to_list(self.batch.columns([places[name]])[0])

    def _values(self, advance: _Advance) -> Made:
        arrays = self.batch.columns(self.call.given)
        lists = [to_list(array) for array in arrays]
        every: list[list[Any]] = [[] for _ in lists]
        function = self.function
        if self.call.expression is not None:
            function = self.call.expression.function("value")
        assert function is not None

        def step(start: int, stop: int) -> None:
            for found, values in zip(every, lists, strict=True):
                found.extend(map(function, values[start:stop]))

        self._each(step, every, advance)
        names = [self.fields[position].name for position in self.call.given]
        if len(every) == 1:
            return self._made(every[0], names[0])
        columns = dict(zip(self.call.into or names, every, strict=True))
        return Made("scalar", results.build_columns(columns, self.where, self.call.types))

    def _each(
        self, step: Callable[[int, int], None], founds: list[list[Any]], advance: _Advance
    ) -> None:
        """Run `step` over ranges of rows, larger ones as long as they take no time."""
        start, size = 0, 1
        while start < self.batch.rows:
            stop = min(start + size, self.batch.rows)
            began = time.perf_counter()
            try:
                step(start, stop)
            except BaseException as error:
                if is_ours(error):
                    raise
                # extend() keeps what came before the exception: that many rows were done
                done = max(len(found) for found in founds if len(found) < stop)
                raise self._failed(error, done) from None
            advance(stop - start)
            size = _next_size(size, time.perf_counter() - began)
            start = stop

    def _chunk(self, advance: _Advance) -> Made:
        arrays = self.batch.columns(self.call.given)
        fields = [self.fields[position] for position in self.call.given]
        function = self.function
        if self.call.expression is not None:
            function = self.call.expression.function("df")
        assert function is not None
        frame = frames.make_frame(
            self.call.frame, fields, arrays, self.call.dtype_backend, self.metadata
        )
        try:
            returned = function(frame)
        except BaseException as error:
            if is_ours(error):
                raise
            raise self._failed(error, None) from None
        advance(self.batch.rows)
        return self._chunk_made(returned)

    def _chunk_made(self, returned: Any) -> Made:
        indexed = frames.INDEX in (self.fields[position].name for position in self.call.given)
        table = frames.as_table(returned, indexed)
        if table is not None and not self.call.filter:
            return Made("table", {}, table=self._chosen(table))
        column = frames.as_column(returned)
        if column is None or len(column) != self.batch.rows:
            size = f" of length {len(column)}" if column is not None else ""
            raise ResultError(
                f"{self._span()}: the function returned {type(returned).__name__}{size}; "
                f"return a DataFrame or Table, or a Series or array of the chunk's length "
                f"({self.batch.rows})"
            )
        if self.call.filter:
            kept = [bool(value) for value in column.to_pylist()]
            return Made("filter", {}, take=np.flatnonzero(kept))
        name = self.call.into[0] if self.call.into else self.call.name
        return Made("scalar", {name: results.force(name, column, self.call.types, self.where)})

    def _chosen(self, table: pa.Table) -> pa.Table:
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
        return results.force_table(table.select(names), call.types, self.where)

    def _made(self, found: list[Any], name: str) -> Made:
        call, take, where = self.call, None, self.where
        if call.filter:
            return Made("filter", {}, take=np.flatnonzero([bool(value) for value in found]))
        if call.explode:
            lengths, found = results.explode(found)
            take = np.repeat(np.arange(len(lengths)), lengths)
            rows = take.tolist()
            where = lambda position: self.where(rows[position])  # noqa: E731
        shape, columns = results.shape_columns(found, call.into, name, where)
        return Made(shape, results.build_columns(columns, where, call.types), take)

    def _span(self) -> str:
        first, last = self.where(0), self.where(max(self.batch.rows - 1, 0))
        return f"{first.replace(': row ', ': rows ')} to {last.rpartition(' ')[2]}"

    def _failed(self, error: BaseException, row: int | None) -> RowError:
        """Say which row it was, with its values, and keep the user's part of the traceback."""
        place = self._span() if row is None else self.where(row)
        values = "" if row is None else self._values_of(row)
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        message = f"{place}: {self.call.name} raised {type(error).__name__}"
        message += (f": {text}" if text else "") + (f" [{values}]" if values else "")
        if "=None" in values and isinstance(error, (TypeError, AttributeError)):
            message += "; a missing value is None: say what becomes of it, as in `x and x * 2`"
        details = "" if self.call.expression is not None else user_traceback(error)
        return RowError(message, details, "".join(traceback.format_exception(error)))

    def _values_of(self, row: int) -> str:
        shown = []
        for position in self.call.read[:8] or self.call.given[:8]:
            value = repr(to_list(self.batch.columns([position])[0].slice(row, 1))[0])
            cut = value if len(value) <= 40 else value[:37] + "..."
            shown.append(f"{self.fields[position].name}={cut}")
        return ", ".join(shown)


def is_ours(error: BaseException) -> bool:
    """Whether an exception ends the run, not the row: a signal that came to the parent.

    Anything else that the user's code raises is its failure, SystemExit and a KeyboardInterrupt
    in a worker (which ignores the signal) too.
    """
    if isinstance(error, Exception) or multiprocessing.parent_process() is not None:
        return False
    ours = isinstance(error, KeyboardInterrupt) or type(error).__module__.startswith("parapply.")
    return ours and threading.current_thread() is threading.main_thread()


def _next_size(size: int, spent_s: float) -> int:
    """How many rows to run at once, so that progress is reported about every `_BEAT_S`."""
    if spent_s < _BEAT_S / 2:
        return size * 2
    return max(size // 2, 1) if spent_s > _BEAT_S else size
