"""Whether two contenders wrote the same table: the same rows in one order, in any form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq


def difference(one: Path, other: Path, made: str) -> str:
    """Say what is different in `id` and the made column; "" where nothing is."""
    left, right = _read(one, made), _read(other, made)
    if left.num_rows != right.num_rows:
        return f"{left.num_rows} rows and {right.num_rows}"
    if not left.column("id").equals(right.column("id")):
        return "the rows are in another order"
    return _in_column(left.column(made), right.column(made), made)


def _read(path: Path, made: str) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path, columns=["id", made])
    return pacsv.read_csv(path, convert_options=pacsv.ConvertOptions(include_columns=["id", made]))


def _in_column(left: pa.ChunkedArray, right: pa.ChunkedArray, made: str) -> str:
    if pa.types.is_floating(left.type) or pa.types.is_floating(right.type):
        # The last digit is each contender's own: a sum is not added up in the same order by all.
        alike = np.isclose(left.to_numpy(), right.to_numpy(), rtol=1e-9, atol=1e-9, equal_nan=True)
    else:
        alike = np.array(left.cast(pa.string()).to_numpy() == right.cast(pa.string()).to_numpy())
    if alike.all():
        return ""
    row = int(np.argmin(alike))
    return f"{made} differs from row {row + 1} on: {left[row].as_py()!r}, {right[row].as_py()!r}"
