"""Arrow values in the physical types of a Parquet input, to be written the same way.

Arrow uses one physical type for each of its own. Values that a file stores in another one (decimals
in integers, INT96) are given to Arrow's writer as a type of the same bytes: only the footer
distinguishes them. Runs where files are written: in the parent, and in workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as at

from parapply.columns import kernels
from parapply.formats.parquet import elements as el
from parapply.formats.parquet.thrift import Struct

_DAY_US, _EPOCH = 86_400_000_000, 2_440_588  # microseconds of a day; the Julian day of 1970-01-01


class UnstorableError(Exception):
    """A type cannot be stored in this physical type."""


def can_be_stored(type_: pa.DataType, column: Sequence[Struct]) -> bool:
    """Whether all leaves of a column can be stored as its elements say."""
    try:
        stored_type(type_, column)
    except UnstorableError:
        return False
    return True


def stored_type(type_: pa.DataType, column: Sequence[Struct]) -> pa.DataType:
    """Return the type of `stored`'s result; raises UnstorableError."""
    return stored(pa.nulls(0, type_), column).type  # pa.array would import pandas


def stored(array: pa.Array, column: Sequence[Struct]) -> pa.Array:
    """Return a column's values as its elements store them; raises UnstorableError."""
    return _stored(array, iter([leaf.element for leaf in el.leaves_of(column)]))


def _stored(array: pa.Array, leaves: Iterator[Struct]) -> pa.Array:
    type_ = array.type
    if isinstance(array, pa.ExtensionArray):
        return _stored(array.storage, leaves)
    if at.is_struct(type_):
        children = [_stored(array.field(place), leaves) for place in range(type_.num_fields)]
        return _struct(children, type_, array.is_null() if array.null_count else None)
    if at.is_map(type_):
        pairs = [_stored(array.keys, leaves), _stored(array.items, leaves)]
        entries = _struct(pairs, pa.struct([type_.key_field, type_.item_field]), None)
        return _rebuilt(array, pa.map_(*entries.type), entries)
    if at.is_list(type_) or at.is_large_list(type_):
        values = _stored(array.values, leaves)
        make = pa.list_ if at.is_list(type_) else pa.large_list
        return _rebuilt(array, make(type_.value_field.with_type(values.type)), values)
    if at.is_nested(type_):
        raise UnstorableError
    return _leaf(array, next(leaves))


def _struct(children: list[pa.Array], type_: pa.DataType, mask: Any) -> pa.Array:
    fields = [field.with_type(child.type) for field, child in zip(type_, children, strict=True)]
    return pa.StructArray.from_arrays(children, fields=fields, mask=mask)


def _rebuilt(array: pa.Array, type_: pa.DataType, child: pa.Array) -> pa.Array:
    """Return lists or maps with other values in the same places."""
    buffers = array.buffers()[:2]
    return pa.Array.from_buffers(type_, len(array), buffers, offset=array.offset, children=[child])


def _leaf(array: pa.Array, element: Struct) -> pa.Array:
    convert = _RULES.get(el.physical(element))
    if convert is None:
        return array  # floats and booleans
    if at.is_dictionary(array.type):
        if not (at.is_decimal(array.type.value_type) or at.is_temporal(array.type.value_type)):
            return array
        array = array.dictionary_decode()
    return convert(array, element)


def _integers(array: pa.Array, element: Struct) -> pa.Array:
    bits = 32 if el.physical(element) == el.INT32 else 64
    type_, whole = array.type, pa.int32() if bits == 32 else pa.int64()
    if at.is_decimal(type_):
        return kernels.cast(_unscaled(array), whole)
    if (unit := el.unit(element)) and (at.is_time(type_) or at.is_timestamp(type_)):
        array = kernels.cast(array, _of_unit(type_, unit))
    if at.is_date64(type_):
        array = kernels.cast(array, pa.date32())
    if at.is_null(type_) or (at.is_integer(type_) and array.type.bit_width < bits):
        return kernels.cast(array, whole)
    if array.type.bit_width != bits:
        raise UnstorableError
    return array.view(whole)


def _of_unit(type_: Any, unit: str) -> Any:
    if at.is_timestamp(type_):
        return pa.timestamp(unit, type_.tz)
    return pa.time32(unit) if unit == "ms" else pa.time64(unit)


def _unscaled(array: pa.Array) -> pa.Array:
    """Return the unscaled integers of decimals, of at most 64 bits."""
    values = np.ascontiguousarray(_raw(array).view("<i8")[:, 0])
    return pa.Array.from_buffers(pa.int64(), len(array), [_known(array), pa.py_buffer(values)])


def _moments(array: pa.Array, element: Struct) -> pa.Array:
    """Return INT96: eight bytes of nanoseconds of the day, and four of the Julian day."""
    if not at.is_timestamp(array.type):
        raise UnstorableError
    nanoseconds = array.type.unit == "ns"
    if not nanoseconds:
        array = kernels.cast(array, pa.timestamp("us", array.type.tz))
    day = _DAY_US * (1000 if nanoseconds else 1)
    ticks = _raw(array).view("<i8")[:, 0]
    data = np.empty(len(array), [("rest", "<i8"), ("day", "<i4")])
    data["day"], rest = ticks // day + _EPOCH, ticks % day
    data["rest"] = rest if nanoseconds else rest * 1000
    return _fixed(data.view("u1").reshape(-1, 12), array)


def _bytes(array: pa.Array, element: Struct) -> pa.Array:
    """Return variable-length bytes; decimals are big-endian."""
    if at.is_decimal(array.type):
        return kernels.cast(_fixed(_big_endian(array), array), pa.binary())
    return array


def _fixed_bytes(array: pa.Array, element: Struct) -> pa.Array:
    type_, size = array.type, el.width(element)
    if at.is_decimal(type_):
        return _fixed(_resized(_big_endian(array), size), array)
    if at.is_float16(type_) or (at.is_fixed_size_binary(type_) and type_.byte_width == size):
        return array
    raise UnstorableError


def _big_endian(array: pa.Array) -> Any:
    return _raw(array)[:, ::-1]


def _raw(array: pa.Array) -> Any:
    """Return the bytes of fixed-width values, shape (rows, width)."""
    size = array.type.bit_width // 8
    data = np.frombuffer(array.buffers()[1], "u1", (array.offset + len(array)) * size)
    return data.reshape(-1, size)[array.offset :]


def _resized(data: Any, size: int) -> Any:
    """Return big-endian integers in `size` bytes, sign-extended."""
    width = data.shape[1]
    if size <= width:
        return data[:, width - size :]
    sign = np.where(data[:, :1] > 127, 255, 0).astype("u1")
    return np.hstack([np.repeat(sign, size - width, axis=1), data])


def _fixed(data: Any, array: pa.Array) -> pa.Array:
    """Return rows of bytes as fixed-length values, missing where those of `array` are."""
    buffers = [_known(array), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.binary(data.shape[1]), len(array), buffers)


def _known(array: pa.Array) -> pa.Buffer | None:
    """Return the validity bitmap; None if no value is missing."""
    if not array.null_count:
        return None
    return pa.py_buffer(np.packbits(np.array(array.is_valid()), bitorder="little"))


_RULES: dict[int, Callable[[pa.Array, Struct], pa.Array]] = {
    el.INT32: _integers,
    el.INT64: _integers,
    el.INT96: _moments,
    el.BYTE_ARRAY: _bytes,
    el.FIXED: _fixed_bytes,
}
