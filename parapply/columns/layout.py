"""Columns in a canonical layout. In the parent, row group by row group.

Views, runs and dictionaries depend on how a column was split into parts, which would show in the
bytes of the output.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as at

from parapply.columns.arrays import take
from parapply.model.errors import OutputError


def compact(table: pa.Table) -> pa.Table:
    """Return a table in one chunk; raises OutputError for dictionaries that cannot be unified."""
    table = _unified(table).combine_chunks()
    for place, field in enumerate(table.schema):
        make = next((make for holds, make in _MAKERS if holds(field.type)), None)
        if make is not None and table.num_rows:
            table = table.set_column(place, field, make(table.column(place).combine_chunks()))
    return table


def have_one_dictionary(chunks: list[pa.Array]) -> bool:
    """Whether dictionary arrays have the same dictionary."""
    return all(chunk.dictionary.equals(chunks[0].dictionary) for chunk in chunks[1:])


def _unified(table: pa.Table) -> pa.Table:
    if not table.num_columns:
        return table
    pairs = zip(table.schema, table.columns, strict=True)
    columns = [_of_one_dictionary(field, column) for field, column in pairs]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _of_one_dictionary(field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if at.is_dictionary(column.type) and have_one_dictionary(column.chunks):
        return column
    try:
        return column.unify_dictionaries()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise OutputError(
            f"column {field.name!r} is {column.type}, and its dictionaries cannot be put "
            "together: --drop it"
        ) from error


def _views(array: pa.Array) -> pa.Array:
    """Put text and bytes into one buffer."""
    try:
        return array.cast(_without_views(array.type)).cast(array.type)
    except pa.ArrowNotImplementedError:  # deep inside of other types
        return array


def _runs(array: pa.Array) -> pa.Array:
    """Make runs as long as possible."""
    import pyarrow.compute as pc

    runs = pc.run_end_encode(pc.run_end_decode(array), run_end_type=array.type.run_end_type)
    values = take(runs.values, range(len(runs.values)))  # zeros where they are missing
    return pa.RunEndEncodedArray.from_arrays(runs.run_ends, values, array.type)


def _list_views(array: pa.Array) -> pa.Array:
    """Put lists one after the other."""
    lengths = [length or 0 for length in array.value_lengths().to_pylist()]
    width = "i8" if at.is_large_list_view(array.type) else "i4"
    sizes = np.array(lengths, width)
    starts = (np.cumsum(sizes) - sizes).astype(width)
    valid = array.is_valid().buffers()[1] if array.null_count else None
    buffers = [valid, pa.py_buffer(starts), pa.py_buffer(sizes)]
    return pa.Array.from_buffers(array.type, len(array), buffers, children=[array.flatten()])


def _without_views(type_: Any) -> Any:
    if at.is_string_view(type_):
        return pa.large_string()
    if at.is_binary_view(type_):
        return pa.large_binary()
    if at.is_list(type_):
        return pa.list_(type_.value_field.with_type(_without_views(type_.value_type)))
    if at.is_struct(type_):
        return pa.struct([field.with_type(_without_views(field.type)) for field in type_])
    return type_


_MAKERS = (
    (at.is_run_end_encoded, _runs),
    (lambda t: at.is_list_view(t) or at.is_large_list_view(t), _list_views),
    (lambda t: _without_views(t) != t, _views),
)
