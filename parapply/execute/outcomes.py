"""What a worker says of a chunk that is done."""

from __future__ import annotations

from typing import Any

from parapply.columns.arrays import columns_of
from parapply.columns.list_column import ListColumn
from parapply.columns.type_names import name_of
from parapply.execute.call import Made
from parapply.execute.failures.quarantine import ChunkRows
from parapply.model.deferred_imports import pa
from parapply.model.outcome import Outcome, PartFile, ResultColumn, Returned


def outcome_of(number: tuple[int, ...], rows: ChunkRows, made: Made, path: str) -> Outcome:
    """Return what is said of a chunk with this number, whose part is at `path`."""
    rows_out = rows.batch.rows if made.take is None else len(made.take)
    arrays = made.columns
    if made.table is not None:
        rows_out, arrays = made.table.num_rows, columns_of(made.table)

    def first(array: pa.Array | ListColumn) -> str:
        position = _first_value(array)
        if made.take is not None:
            position = int(made.take[position]) if len(made.take) else 0
        return rows.where(position)

    columns = tuple(
        ResultColumn(name, name_of(array.type), first(array), made.given.get(name, ()))
        for name, array in arrays.items()
    )
    place = rows.chunk.source, rows.chunk.first_row
    returned = Returned(made.shape, columns)
    return Outcome(number, place, rows.count, rows_out, returned, PartFile(path))


def padded(outcome: Outcome, columns: tuple[tuple[str, Any], ...]) -> list[ResultColumn]:
    """Return what a part says of all of these columns, also of those that it has not."""
    have = {column.name: column for column in outcome.returned.columns}
    return [have.get(name, ResultColumn(name, type_, "")) for name, type_ in columns]


def _first_value(array: pa.Array | ListColumn) -> int:
    """Return the position of the first value that is not null, or 0 where all are."""
    if isinstance(array, ListColumn):
        return array.first
    if array.null_count in (0, len(array)):
        return 0
    return next(position for position in range(len(array)) if array[position].is_valid)
