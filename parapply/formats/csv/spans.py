"""Fields as they stand in CSV text, as Arrow arrays, without a copy where possible."""

from __future__ import annotations

from parapply.columns import kernels as pc
from parapply.columns.arrays import integers
from parapply.formats.csv.records import Records
from parapply.model.deferred_imports import Array, np, pa


def run_span(
    records: Records, edges: Array | None, width: int, first: int, last: int
) -> tuple[Array, Array]:
    """Return where the fields `first` to `last` of each record begin and end."""
    starts = records.starts if first == 0 or edges is None else edges[:, first - 1] + 1
    stops = records.stops if last == width - 1 or edges is None else edges[:, last]
    return starts, stops


def strings(text: bytes, starts: Array, stops: Array) -> pa.Array:
    """Return text[start:stop] for each pair; no copy where spans follow each other."""
    count = len(starts)
    if (starts[1:] == stops[:-1]).all():
        offsets = np.append(starts, stops[-1]).astype(np.int32)
        return _array(text, offsets, count)
    offsets = np.empty(2 * count + 1, np.int32)
    offsets[0:-1:2], offsets[1::2], offsets[-1] = starts, stops, stops[-1]
    return pc.take(_array(text, offsets, 2 * count), integers(np.arange(0, 2 * count, 2)))


def _array(text: bytes, offsets: Array, count: int) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), count, buffers)
