"""What a worker does with a chunk: read it, apply the function, write the part.

Runs in a worker process or thread (or, with the serial backend, in the parent). The function is
loaded once a worker; everything else comes with the task. Only an Outcome goes back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from parapply.arrays import first_value, integers
from parapply.call import Applier, Call, Made
from parapply.errors import ParapplyError
from parapply.formats import Arrangement, Batch, Field, Keep, New, Source, Target
from parapply.formats.group_target import read_part, write_part
from parapply.functions import Function
from parapply.job import Chunk, Failed, Outcome, ResultColumn
from parapply.types import fit, is_settled

_loaded = threading.local()  # the function, once a worker
_MADE, _TEXT = ".made", ".text"  # beside a part: what the function made, and a stream's text
_TAKE = "parapply:take"  # a stored column: which rows of the chunk the results belong to


@dataclass(frozen=True, slots=True)
class Start:
    """Loads the function, before a worker's first chunk."""

    function: Function | None

    def __call__(self) -> None:
        """Load it."""
        _loaded.function = None if self.function is None else self.function.load()


@dataclass(frozen=True, slots=True)
class SurveyTask:
    """Surveys one piece of one source: an item is (source, number, piece, rows before it)."""

    sources: tuple[Source, ...]
    positions: tuple[int, ...]

    def __call__(self, item: tuple[int, int, Any, int], advance: Callable[[int], None]) -> Any:
        """Return the piece's Survey."""
        del advance
        source, _, piece, before = item
        return self.sources[source].survey(piece, self.positions, before)


@dataclass(frozen=True, slots=True)
class Refit:
    """A part to write anew, because another part showed that its columns are of other types."""

    chunk: Chunk  # without data
    part: Outcome
    columns: tuple[tuple[str, Any], ...]  # name and type of each made column
    path: str  # where to write

    @property
    def number(self) -> tuple[int, ...]:
        """The chunk's."""
        return self.chunk.number


@dataclass(frozen=True, slots=True)
class Seal:
    """A part of which a file of its own is to be made, complete with what such files have."""

    part: tuple[int, ...]  # its chunk's number
    source: str | None  # where the part is; None: no rows at all
    path: str
    arrangement: Arrangement
    types: tuple[Any, ...]

    @property
    def number(self) -> tuple[int, ...]:
        """Unlike any chunk's, and before all of them."""
        return (-1, *self.part)

    def run(self, target: Target) -> None:
        """Write the file, and sync it: nothing else will before the folder is published."""
        with open(self.path, "wb") as file:
            joiner = target.joiner()
            joiner.begin(file, self.arrangement, self.types)
            if self.source is not None:
                joiner.append(self.source)
            joiner.finish()
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """Everything that chunks have in common."""

    sources: tuple[Source, ...]
    fields: tuple[Field, ...]
    call: Call
    target: Target
    keep: tuple[int, ...]  # the input's columns that stay, in order
    folder: str  # where parts are written
    refits: bool  # whether parts may have to be written anew

    def __call__(
        self, item: Chunk | Refit | Seal, advance: Callable[[int], None]
    ) -> Outcome | Failed | Seal:
        """Run the function over a chunk, or write a part anew; say where the part is."""
        try:
            if isinstance(item, Seal):
                item.run(self.target)
                return item
            return self._refit(item) if isinstance(item, Refit) else self._run(item, advance)
        except ParapplyError as error:
            return Failed(item.number, error)

    def _run(self, chunk: Chunk, advance: Callable[[int], None]) -> Outcome:
        source = self.sources[chunk.source]
        batch = self._batch(chunk, chunk.data)
        batch.expect((*self.call.read, *self.keep), typed=self.target.reads_typed)

        def where(position: int) -> str:
            place = position if chunk.pick is None else chunk.pick[position]
            return f"{source.name}: row {chunk.first_row + place + 1}"

        metadata = getattr(getattr(source, "schema", None), "metadata", None)
        applier = Applier(self.call, _loaded.function, batch, self.fields, where, metadata)
        made = applier.apply(advance)
        path = self._path(chunk.number)
        self._write(path, batch, made, chunk.last)
        if self._may_change(made) and (self.refits or made.shape == "none"):
            _store(path, made, chunk.data)
        return _outcome(chunk.number, batch.rows, made, path, where)

    def _refit(self, item: Refit) -> Outcome:
        chunk, old = item.chunk, item.part
        base = self._path(chunk.number)
        data = Path(base + _TEXT).read_bytes() if chunk.span is None else None
        batch = self._batch(chunk, data)
        made = _stored(base + _MADE, old, item.columns)
        self._write(item.path, batch, made, chunk.last)
        columns = tuple(
            replace(column, type=type_)
            for (_, type_), column in zip(item.columns, _padded(old, item.columns), strict=True)
        )
        return replace(old, columns=columns, path=item.path, shape=made.shape)

    def _batch(self, chunk: Chunk, data: bytes | None) -> Batch:
        source = self.sources[chunk.source]
        batch = source.batch(chunk.span, self.fields, data, chunk.first_row)
        return batch if chunk.pick is None else batch.pick(chunk.pick)

    def _path(self, number: tuple[int, ...]) -> str:
        return os.path.join(self.folder, "-".join(f"{part:08d}" for part in number))

    def _write(self, path: str, batch: Batch, made: Made, last: bool) -> None:
        if made.table is not None:
            arrangement: Arrangement = tuple(New(name) for name in made.table.column_names)
            self.target.write_table(path, arrangement, made.table)
            return
        names = [self.fields[position].name for position in self.keep]
        arrangement = arrange(self.keep, names, list(made.columns))
        self.target.write(path, arrangement, batch, made.columns, made.take, last)

    def _may_change(self, made: Made) -> bool:
        """Whether what other parts hold can change how this one is written."""
        if made.shape == "scalar":
            forced = self.call.types
            return not all(n in forced or is_settled(a.type) for n, a in made.columns.items())
        return made.shape != "filter"


def arrange(keep: Sequence[int], names: Sequence[str], made: Sequence[str]) -> Arrangement:
    """Return the output's columns: made ones in place of kept ones of their name, or at the end.

    `names` are the names of the kept columns.
    """
    columns: list[Keep | New] = [
        New(name) if name in made else Keep(position)
        for position, name in zip(keep, names, strict=True)
    ]
    return (*columns, *(New(name) for name in made if name not in names))


def _outcome(
    number: tuple[int, ...], rows_in: int, made: Made, path: str, where: Callable[[int], str]
) -> Outcome:
    rows_out = rows_in if made.take is None else len(made.take)
    arrays = made.columns
    if made.table is not None:
        rows_out, arrays = made.table.num_rows, _columns(made.table)

    def first(array: pa.Array) -> str:
        position = first_value(array)
        if made.take is not None:
            position = int(made.take[position]) if len(made.take) else 0
        return where(position)

    columns = tuple(ResultColumn(name, array.type, first(array)) for name, array in arrays.items())
    return Outcome(number, rows_in, rows_out, columns, path, made.shape)


def _store(path: str, made: Made, data: bytes | None) -> None:
    """Keep what the function made, so that the part can be written anew without calling it."""
    columns = dict(_columns(made.table) if made.table is not None else made.columns)
    if made.take is not None:
        columns[_TAKE] = integers(made.take)
    write_part(path + _MADE, _table(columns))
    if data is not None:
        Path(path + _TEXT).write_bytes(data)


def _stored(path: str, part: Outcome, columns: tuple[tuple[str, Any], ...]) -> Made:
    """Return what `_store` kept, with these columns and types."""
    have = _columns(read_part(path))
    take = have.pop(_TAKE, None)
    rows = part.rows_out
    made = {
        name: fit(have[name], type_) if name in have else pa.nulls(rows, type_)
        for name, type_ in columns
    }
    positions = None if take is None else np.array(take.to_pylist(), np.int64)
    if part.shape == "table":
        return Made("table", {}, table=_table(made))
    return Made(part.shape, made, positions)


def _padded(part: Outcome, columns: tuple[tuple[str, Any], ...]) -> list[ResultColumn]:
    have = {column.name: column for column in part.columns}
    return [have.get(name, ResultColumn(name, type_, "")) for name, type_ in columns]


def _table(columns: dict[str, pa.Array]) -> pa.Table:
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def _columns(table: pa.Table) -> dict[str, pa.Array]:
    return {
        name: column.combine_chunks()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
