"""What the function made of a chunk, kept beside its part so that this can be written anew.

Runs in the worker: a part whose columns turn out to be of other types is written again without
another call of the function.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from parapply.arrays import integers
from parapply.call import Made
from parapply.formats.group_target import read_part, write_part
from parapply.job import Outcome
from parapply.types import fit

_MADE, _TEXT = ".made", ".text"  # beside a part: what the function made, and a stream's text
_TAKE = "parapply:take"  # a stored column: which rows of the batch the results belong to


def store(path: str, made: Made, data: bytes | None) -> None:
    """Keep what the function made of the part at `path`, and the text it came from, if any."""
    columns = dict(columns_of(made.table) if made.table is not None else made.columns)
    if made.take is not None:
        columns[_TAKE] = integers(made.take)
    write_part(path + _MADE, _table(columns))
    if data is not None:
        Path(path + _TEXT).write_bytes(data)


def stored_text(path: str) -> bytes:
    """Return the text that the part at `path` came from."""
    return Path(_base(path) + _TEXT).read_bytes()


def stored(path: str, part: Outcome, columns: tuple[tuple[str, Any], ...]) -> Made:
    """Return what `store` kept, with these columns and types."""
    have = columns_of(read_part(_base(path) + _MADE))
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


def _base(path: str) -> str:
    """The path of the part as it was first written: each time anew adds a plus."""
    return path.rstrip("+")


def columns_of(table: pa.Table) -> dict[str, pa.Array]:
    """Return a table's columns, each in one piece."""
    return {
        name: column.combine_chunks()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _table(columns: dict[str, pa.Array]) -> pa.Table:
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))
