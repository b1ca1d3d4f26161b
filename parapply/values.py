"""Python values, as a function returned them, to Arrow arrays of one type. Runs in the worker.

`pa.array(list)` would do most of this, but imports pandas by itself (1.1 s), guesses differently
for numpy scalars, and makes one type of int and str only by failing without saying where.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import pyarrow as pa

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)


class MixedTypesError(Exception):
    """Two values (by position) have types that no column holds together."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(first, second)
        self.first, self.second = first, second


class UnsupportedValueError(Exception):
    """The value at a position is nothing that a table can hold."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(position, why)
        self.position, self.why = position, why


def to_array(values: Sequence[Any]) -> pa.Array:
    """Return `values` as one array: None, NaT and NA are null, int and Decimal
    together are decimal, and either with float is float.

    Raises MixedTypesError where two values do not fit into one column, UnsupportedValueError for
    an object that no column can hold (a class of the user's own).
    """
    types = set(map(type, values))
    if not all(kind in _PLAIN for kind in types):
        values = [plain(value) for value in values]
        types = set(map(type, values))
    types.discard(type(None))
    builders = {_builder(kind) for kind in types}
    if builders <= set(_TOWER):
        builders = set(sorted(builders, key=_TOWER.index)[-1:])
    if len(builders) > 1:
        raise _mixed(values)
    if not builders:
        return pa.nulls(len(values))
    (build,) = builders
    if build is None:
        raise _unsupported(values)
    return build(values)


def plain(value: Any) -> Any:
    """Turn what libraries wrap (numpy scalars, NaT, NA, enums) into the plain value inside."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, (np.datetime64, np.timedelta64)):
        unit = "D" if value.dtype.name.endswith("[D]") else "us"
        return value.astype(f"{value.dtype.kind}8[{unit}]").item()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value


def _valid(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    if None not in values:  # NaN is compared by identity first: no surprise there
        return None
    return np.fromiter((value is not None for value in values), bool, len(values))


def _bitmap(valid: np.ndarray[Any, Any] | None) -> pa.Buffer | None:
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _numbers(values: Sequence[Any], dtype: str, type_: pa.DataType) -> pa.Array:
    valid = _valid(values)
    if valid is not None:
        values = [0 if value is None else value for value in values]
    data = np.array(values, dtype=dtype)
    return pa.Array.from_buffers(type_, len(data), [_bitmap(valid), pa.py_buffer(data)])


def _floats(values: Sequence[Any]) -> pa.Array:
    return _numbers(values, "f8", pa.float64())


def _ints(values: Sequence[Any]) -> pa.Array:
    try:
        return _numbers(values, "i8", pa.int64())
    except OverflowError:
        pass
    return _decimals(values)  # beyond 64 bits


def _bools(values: Sequence[Any]) -> pa.Array:
    valid, data = _valid(values), np.array([bool(value) for value in values])
    bits = pa.py_buffer(np.packbits(data, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [_bitmap(valid), bits])


def _texts(values: Sequence[Any]) -> pa.Array:
    valid = _valid(values)
    texts = values if valid is None else [value or "" for value in values]
    joined = "".join(texts)
    if not joined.isascii():
        return _unicode(values)
    offsets = np.zeros(len(values) + 1, np.int32)  # four times faster than a StringBuilder
    np.cumsum(np.fromiter(map(len, texts), np.int32, len(values)), out=offsets[1:])
    buffers = [_bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(joined.encode())]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _unicode(values: Sequence[Any]) -> pa.Array:
    builder = pa.lib.StringBuilder()
    try:
        builder.append_values(values)
    except UnicodeEncodeError as error:
        position = next(i for i, v in enumerate(values) if v is not None and not _encodes(v))
        why = f"text that is not valid Unicode ({error.reason}); clean it with .encode/.decode"
        raise UnsupportedValueError(position, why) from None
    return builder.finish()


def _encodes(text: str) -> bool:
    try:
        return text.encode() is not None
    except UnicodeEncodeError:
        return False


def _bytes(values: Sequence[Any]) -> pa.Array:
    pieces = [b"" if value is None else bytes(value) for value in values]
    offsets = np.zeros(len(pieces) + 1, np.int32)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    buffers = [_bitmap(_valid(values)), pa.py_buffer(offsets), pa.py_buffer(b"".join(pieces))]
    return pa.Array.from_buffers(pa.binary(), len(pieces), buffers)


def _each(values: Sequence[Any], convert: Callable[[Any], int]) -> list[int | None]:
    return [None if value is None else convert(value) for value in values]


def _dates(values: Sequence[Any]) -> pa.Array:
    days = _each(values, lambda value: value.toordinal() - 719163)  # 1970-01-01
    return _numbers(days, "i4", pa.date32())


def _datetimes(values: Sequence[Any]) -> pa.Array:
    zones = {value.tzinfo for value in values if value is not None}
    if None in zones and len(zones) > 1:
        aware = [i for i, v in enumerate(values) if v is not None and v.tzinfo is not None]
        naive = [i for i, v in enumerate(values) if v is not None and v.tzinfo is None]
        raise MixedTypesError(*sorted((aware[0], naive[0])))
    if None in zones:
        ticks = _each(values, lambda value: (value - _EPOCH) // _MICROSECOND)
        return _numbers(ticks, "i8", pa.timestamp("us"))
    start = _EPOCH.replace(tzinfo=dt.UTC)
    ticks = _each(values, lambda value: (value - start) // _MICROSECOND)
    names = {getattr(zone, "key", None) for zone in zones}
    name = names.pop() if len(names) == 1 else None
    return _numbers(ticks, "i8", pa.timestamp("us", name or "UTC"))


def _times(values: Sequence[Any]) -> pa.Array:
    def ticks(value: dt.time) -> int:
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return seconds * 1_000_000 + value.microsecond

    return _numbers(_each(values, ticks), "i8", pa.time64("us"))


def _durations(values: Sequence[Any]) -> pa.Array:
    ticks = _each(values, lambda value: value // _MICROSECOND)
    return _numbers(ticks, "i8", pa.duration("us"))


def _decimals(values: Sequence[Any]) -> pa.Array:
    values = [decimal.Decimal(value) if isinstance(value, int) else value for value in values]
    scale = digits = 0
    for position, value in enumerate(values):
        if value is None:
            continue
        if not value.is_finite():
            raise UnsupportedValueError(position, f"{value} as a Decimal; return None or a float")
        _, shown, exponent = value.as_tuple()
        scale, digits = max(scale, -exponent), max(digits, len(shown) + exponent)
        if scale + max(digits, 0) > 76:
            raise UnsupportedValueError(position, "a number of more than 76 digits; return text")
    precision = max(1, scale + max(digits, 0))
    type_ = (pa.decimal128 if precision <= 38 else pa.decimal256)(max(precision, 38), scale)
    if precision > 38:
        type_ = pa.decimal256(76, scale)
    return _texts(_each(values, lambda value: f"{value:f}")).cast(type_)  # type: ignore[arg-type,return-value]


def _strings_of(values: Sequence[Any]) -> pa.Array:
    return _texts([None if value is None else str(value) for value in values])


def _lists(values: Sequence[Any]) -> pa.Array:
    items = [[] if value is None else _ordered(value) for value in values]
    offsets = np.zeros(len(items) + 1, np.int32)
    np.cumsum([len(item) for item in items], out=offsets[1:])
    owners = np.repeat(np.arange(len(items)), np.diff(offsets))
    child = _nested(lambda: to_array([value for item in items for value in item]), owners)
    buffers = [_bitmap(_valid(values)), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(child.type), len(items), buffers, children=[child])


def _ordered(value: Any) -> list[Any]:
    """The items in an order that does not change from process to process, as a set's does."""
    if not isinstance(value, Set):
        return list(value)
    try:
        return sorted(value)
    except TypeError:
        return sorted(value, key=repr)


def _structs(values: Sequence[Any]) -> pa.Array:
    keys = list(dict.fromkeys(str(key) for value in values if value for key in value))
    owners = np.arange(len(values))
    rows = [{str(key): item for key, item in (value or {}).items()} for value in values]
    children = [
        _nested(lambda key=key: to_array([row.get(key) for row in rows]), owners)  # type: ignore[misc]
        for key in keys
    ]
    type_ = pa.struct([pa.field(k, c.type) for k, c in zip(keys, children, strict=True)])
    return pa.Array.from_buffers(type_, len(rows), [_bitmap(_valid(values))], children=children)


def _nested(build: Callable[[], pa.Array], owners: np.ndarray[Any, Any]) -> pa.Array:
    """Build a child array; where it fails, say so by the position of the value around it."""
    try:
        return build()
    except MixedTypesError as error:
        raise MixedTypesError(int(owners[error.first]), int(owners[error.second])) from None
    except UnsupportedValueError as error:
        raise UnsupportedValueError(int(owners[error.position]), error.why) from None


_Builder = Callable[[Sequence[Any]], pa.Array]
# In this order: bool is an int, and datetime a date.
_BUILDERS: tuple[tuple[type, _Builder], ...] = (
    (bool, _bools),
    (int, _ints),
    (float, _floats),
    (str, _texts),
    (bytes, _bytes),
    (bytearray, _bytes),
    (memoryview, _bytes),
    (dt.datetime, _datetimes),
    (dt.date, _dates),
    (dt.time, _times),
    (dt.timedelta, _durations),
    (decimal.Decimal, _decimals),
    (uuid.UUID, _strings_of),
    (Mapping, _structs),
    (Set, _lists),
    (list, _lists),
    (tuple, _lists),
)
_TOWER: tuple[_Builder | None, ...] = (_ints, _decimals, _floats)  # the last one there wins
_PLAIN = {type(None), bool, int, float, str, bytes, list, dict, tuple, dt.datetime, dt.date}


def _builder(kind: type) -> _Builder | None:
    return next((build for base, build in _BUILDERS if issubclass(kind, base)), None)


def _mixed(values: Sequence[Any]) -> Exception:
    firsts: dict[Any, int] = {}
    for position, value in enumerate(values):
        if value is None:
            continue
        build = _builder(type(value))
        if build is None:
            return _unsupported(values)
        firsts.setdefault(build, position)
    numbers = [build for build in firsts if build in _TOWER]
    for build in numbers[1:]:  # they go together, and were not the matter
        del firsts[build]
    first, second, *_ = firsts.values()
    return MixedTypesError(first, second)


def _unsupported(values: Sequence[Any]) -> UnsupportedValueError:
    for position, value in enumerate(values):
        if value is not None and _builder(type(value)) is None:
            why = f"{type(value).__qualname__}; return text, a number, a date, a list or a dict"
            return UnsupportedValueError(position, why)
    raise AssertionError("no unsupported value")
