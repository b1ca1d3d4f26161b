"""Arrow streams, which have no directory of their batches, copied to Arrow files. In the parent."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa

from parapply.columns import kernels
from parapply.formats.common.groups import readable
from parapply.model.errors import InputError


def to_file(stream: BinaryIO, file: BinaryIO, name: str) -> None:
    """Copy a stream's batches to a file, one at a time; raises InputError for an invalid stream.

    A stream may replace a dictionary between batches, a file can only append to it: each batch gets
    all values of those before it, in order of first appearance.
    https://arrow.apache.org/docs/format/Columnar.html#dictionary-messages
    """
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with (
        readable(f"{name} is not a whole Arrow stream"),
        pa.ipc.open_stream(_Whole(stream)) as batches,
    ):
        known: dict[int, Any] = {}
        with pa.ipc.new_file(file, batches.schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(_grown(batch, known, name))


def _grown(batch: pa.RecordBatch, known: dict[int, Any], name: str) -> pa.RecordBatch:
    columns = list(batch.columns)
    for place, column in enumerate(columns):
        if pa.types.is_dictionary(column.type):
            values = known.get(place, column.dictionary.slice(0, 0))
            where = f"{name}: column {batch.schema[place].name!r}"
            columns[place] = _with_values(column, values, where)
            known[place] = columns[place].dictionary
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _with_values(column: Any, known: Any, name: str) -> Any:
    """Return a dictionary column whose dictionary begins with the `known` values."""
    values, indices = column.dictionary, column.indices
    if values.slice(0, len(known)).equals(known):
        return column
    if not known.slice(0, len(values)).equals(values):
        new = kernels.call("invert", [kernels.is_in(values, known)])
        known = pa.concat_arrays([known, values.filter(new)])
        indices = kernels.take(kernels.index_in(values, known), indices)
    try:
        indices = kernels.cast(indices, column.type.index_type)
    except pa.ArrowInvalid as error:
        raise InputError(
            f"{name} has {len(known):,} different values over all batches of the stream, and its "
            f"type {column.type} has no place for so many"
        ) from error
    return pa.DictionaryArray.from_arrays(indices, known, ordered=column.type.ordered)


class _Whole:
    """A file whose reads have the requested length, as those of a pipe do not."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size and (part := self._file.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever opened the file closes it."""
