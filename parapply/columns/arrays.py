"""Small things that are done with Arrow arrays everywhere, without importing pandas."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from parapply.columns import kernels


def integers(values: Any) -> pa.Array:
    """Return whole numbers (a sequence or numpy array without missing ones) as int64."""
    data = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])


def take(array: pa.Array, positions: Any) -> pa.Array:
    """Return the values at `positions`, of any type: some have no kernel for it."""
    try:
        return kernels.take(array, integers(positions))
    except pa.ArrowNotImplementedError:
        pass
    if pa.types.is_run_end_encoded(array.type):
        import pyarrow.compute as pc

        return pc.run_end_encode(take(pc.run_end_decode(array), positions))
    plain = pa.large_binary() if pa.types.is_binary_view(array.type) else pa.large_string()
    taken = kernels.take(kernels.cast(array, plain), integers(positions))
    return kernels.cast(taken, array.type)


def to_list(array: pa.Array) -> list[Any]:
    """Return the Python values of `array`, as `to_pylist` does, without its import of pandas.

    Timestamps in nanoseconds are pandas.Timestamp, the only type that holds them; others are
    datetime.datetime, with the zone of the column.
    """
    if not (pa.types.is_timestamp(array.type) and array.type.unit != "ns"):
        return array.to_pylist()  # type: ignore[no-any-return]
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in to_list(chunk)]
    ticks = np.frombuffer(array.buffers()[1], "i8")[array.offset : array.offset + len(array)]
    if array.null_count:
        ticks = np.where(np.array(array.is_valid()), ticks, 0)  # no date may be there
    values = ticks.view(f"M8[{array.type.unit}]").astype("M8[us]").tolist()
    if array.type.tz is not None:
        zone = _zone(array.type.tz)
        values = [value.replace(tzinfo=dt.UTC).astimezone(zone) for value in values]
    if array.null_count:
        known = array.is_valid().to_pylist()
        values = [value if ok else None for value, ok in zip(values, known, strict=True)]
    return values  # type: ignore[no-any-return]


def _zone(name: str) -> dt.tzinfo:
    if name[:1] in "+-":
        offset = dt.timedelta(hours=int(name[1:3]), minutes=int(name[-2:]))
        return dt.timezone(-offset if name[0] == "-" else offset)
    import zoneinfo

    return zoneinfo.ZoneInfo(name)


def first_value(array: pa.Array) -> int:
    """Return the position of the first value that is not null, or 0 where all are."""
    if array.null_count in (0, len(array)):
        return 0
    return next(position for position in range(len(array)) if array[position].is_valid)
