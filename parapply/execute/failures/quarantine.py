"""Rows that failed, as they were, with what was wrong: what --errors-to writes. In the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parapply.columns.arrays import integers
from parapply.execute.policy import Failure
from parapply.formats.api import Batch, GroupedBatch, Target
from parapply.formats.common.encodable import escaped
from parapply.formats.nouns import Arrangement, Field, Keep, arrange
from parapply.model.chunk import Chunk
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import (
    BadRowsError,
    InputError,
    ResultError,
    UnencodableError,
    UnseenError,
)
from parapply.model.records import field, record, replace
from parapply.storage.part import Part


@record
class ChunkRows:
    """The rows of a chunk: the whole of them, and the batch of those that can be read."""

    chunk: Chunk
    name: str  # of the source
    whole: Batch
    batch: Batch
    bad: Mapping[int, str] = field(default_factory=dict)  # by position in the whole: why
    places: Sequence[int] | None = None  # in the whole, of the batch's rows, where not all are
    groups: Any = None  # where groups begin in the whole, if there are any

    @property
    def count(self) -> int:
        """How many there are."""
        return self.whole.rows

    def number(self, place: int) -> int:
        """Return a row's number in its source, counted from 1, by its position in the whole."""
        if isinstance(self.whole, GroupedBatch):
            return self.whole.place(place)[1]
        pick = self.chunk.pick
        return self.chunk.first_row + (place if pick is None else pick[place]) + 1

    def numbers(self) -> tuple[int, Any]:
        """Return the source, and the rows of the batch in it, counted from 0: a numpy array."""
        pick = self.chunk.pick
        rows = np.arange(self.whole.rows) if pick is None else np.asarray(pick, np.int64)
        rows = rows if self.places is None else rows[np.asarray(self.places, np.int64)]
        return self.chunk.source, rows + self.chunk.first_row

    def number_at(self, position: int) -> int:
        """Return a row's number in its source, counted from 1, by its position in the batch."""
        return self.number(position if self.places is None else self.places[position])

    def until(self, stop: int) -> ChunkRows:
        """Return the rows up to a position in the batch."""
        places = None if self.places is None else self.places[:stop]
        end = stop if places is None else places[-1] + 1
        return replace(
            self,
            whole=self.whole.pick(tuple(range(end))),
            batch=self.batch.pick(tuple(range(stop))),
            bad={place: why for place, why in self.bad.items() if place < end},
            places=places,
        )

    def where(self, position: int) -> str:
        """Say which row is at a position in the batch; of a batch without any, which input."""
        if position >= self.batch.rows:
            return self.name
        place = position if self.places is None else self.places[position]
        return f"{self.file(place)}: row {self.number(place)}"

    def file(self, place: int) -> str:
        """Return the name of the input that a row of the whole came from."""
        return self.whole.place(place)[0] if isinstance(self.whole, GroupedBatch) else self.name

    def unseen(
        self, error: UnseenError, fields: Sequence[Field], positions: Sequence[int]
    ) -> UnseenError:
        """Return an error in writing one of these columns, with the value's row and column."""
        from parapply.columns.text.strings import (
            strings,  # it is rare, and there may be no text else
        )

        for position in positions:
            try:
                strings(self.batch.columns([position])[0])
            except UnseenError as found:
                return found.placed(self.where(found.position), fields[position].name)
        return error

    def failures(self, of_batch: Mapping[int, Failure]) -> dict[int, Failure]:
        """Return all failures by position in the whole, in order."""
        places = self.places
        found = {
            position if places is None else places[position]: failure
            for position, failure in of_batch.items()
        }
        for place, why in self.bad.items():
            where = f"{self.name}: row {self.number(place)}"
            cause = why.removeprefix(where).lstrip(",: ")
            ragged = cause.startswith("has ")  # then the row itself is the last of it
            short = cause.partition(": ")[0] if ragged else cause
            found[place] = Failure(why, short, where, text=cause)
        return dict(sorted(found.items()))


def arrangement(
    fields: Sequence[Field], *, several: bool, grouped: bool = False
) -> tuple[Arrangement, list[pa.DataType]]:
    """Return the columns that are written, with their types.

    They are all of the input's and what is said of each row: of `several` files which one it is in.
    """
    said: dict[str, Any] = {"_file": pa.string()} if several else {}
    said |= {"_group": pa.string()} if grouped else {}
    said |= {"_row": pa.int64(), "_error": pa.string(), "_traceback": pa.string()}
    columns = arrange(range(len(fields)), [one.name for one in fields], list(said))
    types = [
        fields[column.position].type if isinstance(column, Keep) else said[column.name]
        for column in columns
    ]
    return columns, types


def set_aside(
    target: Target,
    path: str,
    rows: ChunkRows,
    failures: Mapping[int, Failure],
    fields: Sequence[Field],
    *,
    several: bool,
) -> None:
    """Write the part of a chunk's rows that failed, of one of `several` files or the only one.

    A record with too few fields gets empty ones and one with too many loses them (its message has
    all of it); in formats with types, rows that cannot be read are empty.
    """
    grouped = isinstance(rows.whole, GroupedBatch)
    if grouped:
        failures = _of_all_rows(rows, failures)
    places = list(failures)
    columns, _ = arrangement(fields, several=several, grouped=grouped)
    said = [failures[place] for place in places]
    texts: dict[str, list[str | None]] = {
        "_file": [rows.file(place) for place in places],
        "_group": [failure.place.partition(": group ")[2] for failure in said],
        "_error": [failure.text or failure.cause for failure in said],
        "_traceback": [failure.details or None for failure in said],
    }
    made = {
        name: pa.array([escaped(text, target.encoding) for text in column], pa.string())
        for name, column in texts.items()
    }
    made["_row"] = integers([rows.number(place) for place in places])
    blank = set[int]()
    while True:
        batch = rows.whole.mended(places, rows.bad, blank)
        try:
            target.write(Part(path), columns, batch, made, None, False)
            return
        except UnencodableError as error:
            where = f"{rows.name}: row {rows.number(places[error.row])}"
            raise ResultError(error.placed(where)) from error
        except UnseenError as error:
            found = rows.unseen(error, fields, range(len(fields)))
            raise InputError(f"{found}; or name a Parquet file with --errors-to") from error
        except BadRowsError as error:
            unread = {places[row] for row in error.rows}
            if blank.issuperset(unread):
                raise
            blank |= unread


def _of_all_rows(rows: ChunkRows, failures: Mapping[int, Failure]) -> dict[int, Failure]:
    """Return the failures of groups, which are those of their first rows, for all their rows."""
    starts = [int(start) for start in rows.groups]
    ends = dict(zip(starts, [*starts[1:], rows.count], strict=True))
    return {
        place: failure for start, failure in failures.items() for place in range(start, ends[start])
    }
