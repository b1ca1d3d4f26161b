"""Arrow arrays to Python values and back, without importing pandas."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

from parapply.columns import json_columns, kernels
from parapply.columns.values.maps import Map, as_lists, holds_maps
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import UnseenError


def integers(values: Any) -> pa.Array:
    """Return a sequence or numpy array of integers, none missing, as int64."""
    data = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])


def text_data(array: pa.Array) -> memoryview:
    """Return the concatenated bytes of a string array."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :]
    return memoryview(array.buffers()[2])[int(offsets[0]) : int(offsets[len(array)])]


def size_of(table: Any) -> int:
    """Return a table's or batch's size in bytes; before Arrow 24 `nbytes` fails for views."""
    try:
        return int(table.nbytes)
    except pa.ArrowTypeError:
        return int(table.get_total_buffer_size())


def take(array: pa.Array, positions: Any) -> pa.Array:
    """Return the values at `positions`, also of types without a kernel."""
    with suppress(pa.ArrowNotImplementedError):
        return kernels.take(array, integers(positions))
    if pa.types.is_run_end_encoded(array.type):
        import pyarrow.compute as pc

        taken = take(pc.run_end_decode(array), positions)
        return pc.run_end_encode(taken, run_end_type=array.type.run_end_type)
    return pa.concat_arrays([array.slice(first, count) for first, count in _runs(positions)])


def _runs(positions: Any) -> list[tuple[int, int]]:
    """Return the runs (first, length) of positions; at least one."""
    places = np.asarray(positions, np.int64)
    if not len(places):
        return [(0, 0)]
    edges = np.flatnonzero(np.diff(places) != 1) + 1
    return [(int(run[0]), len(run)) for run in np.split(places, edges)]


def to_list(array: pa.Array) -> list[Any]:
    """Return the Python values of `array`, as `to_pylist` does, without its import of pandas.

    Nanosecond timestamps are pandas.Timestamp, others datetime.datetime in the column's zone; JSON
    is parsed. Raises UnseenError for values that Python's types do not hold.
    """
    if json_columns.is_json(array.type):
        return json_columns.values_of(array)
    if holds_maps(array.type) and isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in to_list(chunk)]
    try:
        return _to_list(array)
    except _FOREIGN as error:
        if len(array) == 1:
            raise UnseenError(0, _beyond(array, error)) from error
    for position in range(len(array)):
        try:
            to_list(array.slice(position, 1))
        except UnseenError as error:
            raise UnseenError(position, error.why) from error
    raise AssertionError("an array whose values are values is a list of them")


_FOREIGN = (ArithmeticError, ValueError, LookupError, TypeError)


def _beyond(array: pa.Array, error: Exception) -> str:
    if isinstance(error, _FineTimeError):
        return str(error)
    if pa.types.is_temporal(array.type) and not isinstance(error, LookupError):
        ticks = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())[0]
        return (
            f"{ticks} as {array.type} is beyond what Python's dates and times hold: take chunks as "
            "pyarrow.Table, or leave the column out"
        )
    return f"a {array.type} that Python has no value for: {error}"


class _FineTimeError(ValueError):
    """A time with nanoseconds, which Arrow would drop."""


def check_times(array: Any) -> None:
    """Raise ValueError for times, nested ones too, with nanoseconds, which Python's lack."""
    if not _has_fine_times(array.type):
        return
    if isinstance(array, pa.ChunkedArray):
        for chunk in array.chunks:
            check_times(chunk)
    elif isinstance(array, pa.ExtensionArray):
        check_times(array.storage)
    elif pa.types.is_struct(array.type):
        for child in array.flatten():
            check_times(child)
    elif pa.types.is_map(array.type):
        ends = array.offsets
        first, last = ends[0].as_py(), ends[len(array)].as_py()
        for child in (array.keys, array.items):  # these ignore the slice
            check_times(child.slice(first, last - first))
    elif pa.types.is_dictionary(array.type):
        check_times(array.dictionary)
    elif pa.types.is_nested(array.type):
        check_times(array.flatten())
    else:
        ticks = kernels.drop_null(array).view(pa.int64()).to_pylist()
        if (fine := next((tick for tick in ticks if tick % 1000), None)) is not None:
            moment = pa.scalar(fine, pa.time64("ns")).cast(pa.string())
            raise _FineTimeError(
                f"{moment} has nanoseconds, which Python's times have not: take chunks as "
                "pyarrow.Table, or leave the column out"
            )


@cache
def _has_fine_times(type_: Any) -> bool:
    if isinstance(type_, pa.BaseExtensionType):
        return _has_fine_times(type_.storage_type)
    if pa.types.is_dictionary(type_):
        return _has_fine_times(type_.value_type)
    if pa.types.is_nested(type_):
        return any(_has_fine_times(type_.field(i).type) for i in range(type_.num_fields))
    return bool(type_ == pa.time64("ns"))


def _to_list(array: pa.Array) -> list[Any]:
    check_times(array)
    if holds_maps(array.type):
        return _with_maps(array)
    if not (pa.types.is_timestamp(array.type) and array.type.unit != "ns"):
        return array.to_pylist()  # type: ignore[no-any-return]
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in to_list(chunk)]
    ticks = np.frombuffer(array.buffers()[1], "i8")[array.offset : array.offset + len(array)]
    if array.null_count:
        ticks = np.where(np.array(array.is_valid()), ticks, 0)  # these may be beyond any date
    second = {"s": 1, "ms": 10**3, "us": 10**6}[array.type.unit]
    if len(ticks) and not _FIRST * second <= ticks.min() <= ticks.max() < _END * second:
        raise OverflowError  # which numpy does not raise
    values = ticks.view(f"M8[{array.type.unit}]").astype("M8[us]").tolist()
    if array.type.tz is not None:
        zone = _zone(array.type.tz)
        values = [value.replace(tzinfo=dt.UTC).astimezone(zone) for value in values]
    if array.null_count:
        rows = zip(values, array.is_valid().to_pylist(), strict=True)
        values = [value if ok else None for value, ok in rows]
    return values  # type: ignore[no-any-return]


def _with_maps(array: pa.Array) -> list[Any]:
    type_, known = array.type, array.is_valid().to_pylist()
    if isinstance(array, pa.ExtensionArray):
        return _to_list(array.storage)
    if pa.types.is_struct(type_):
        names = [field.name for field in type_]
        rows = zip(*map(_to_list, array.flatten()), strict=True)
        pairs = zip(known, rows, strict=True)
        return [dict(zip(names, row, strict=True)) if ok else None for ok, row in pairs]
    lists = as_lists(array) if pa.types.is_map(type_) else array
    edges = _edges(lists)
    if lists is array:
        items = _to_list(array.flatten())
        return [items[a:b] if ok else None for ok, (a, b) in zip(known, edges, strict=True)]
    keys, items = map(_to_list, lists.flatten().flatten())
    return [
        Map.of(keys[a:b], items[a:b], type_) if ok else None
        for ok, (a, b) in zip(known, edges, strict=True)
    ]


def _edges(array: pa.Array) -> list[tuple[int, int]]:
    """Return the half-open range of each list's items in `array.flatten()`."""
    if pa.types.is_fixed_size_list(array.type):
        lengths = [array.type.list_size if ok else 0 for ok in array.is_valid().to_pylist()]
    else:
        lengths = [length or 0 for length in array.value_lengths().to_pylist()]
    return list(pairwise(accumulate(lengths, initial=0)))


_FIRST, _END = -62_135_596_800, 253_402_300_800  # the years 1 and 10000, in seconds from 1970


def _zone(name: str) -> dt.tzinfo:
    if name[:1] in "+-":
        offset = dt.timedelta(hours=int(name[1:3]), minutes=int(name[-2:]))
        return dt.timezone(-offset if name[0] == "-" else offset)
    import zoneinfo

    return zoneinfo.ZoneInfo(name)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; `combine_chunks` alone would copy a single chunk."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def columns_of(table: pa.Table) -> dict[str, pa.Array]:
    """Return a table's columns by name, each as one array."""
    return dict(zip(table.column_names, map(whole, table.columns), strict=True))
