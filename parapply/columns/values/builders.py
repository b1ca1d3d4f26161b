"""Plain values of one kind (numbers, text, bytes) to an Arrow array. In the worker.

Numpy fills the buffers, as `pa.array(list)` imports pandas (1.1 s) and guesses types.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from parapply.model.deferred_imports import decimal, np, pa


class MixedTypesError(Exception):
    """The values at two positions fit no common column; `kinds` are they, or values in them."""

    def __init__(self, first: int, second: int, kinds: tuple[Any, Any]) -> None:
        super().__init__(first, second, kinds)
        self.first, self.second, self.kinds = first, second, kinds


class UnsupportedValueError(Exception):
    """The value at a position fits no column."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(position, why)
        self.position, self.why = position, why


def valid_mask(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    """Return which values are not None; None where all are not."""
    if None not in values:  # safe: compares by identity first
        return None
    return np.fromiter((value is not None for value in values), bool, len(values))


def bitmap(valid: np.ndarray[Any, Any] | None) -> pa.Buffer | None:
    """Return a mask as Arrow's validity buffer."""
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


def numbers(values: Sequence[Any], dtype: str, type_: pa.DataType) -> pa.Array:
    """Return numbers as an array of `type_`, numpy's `dtype`."""
    valid = valid_mask(values)
    if valid is not None:
        values = [0 if value is None else value for value in values]
    data = np.array(values, dtype=dtype)
    return pa.Array.from_buffers(type_, len(data), [bitmap(valid), pa.py_buffer(data)])


def whole_floats(values: Sequence[float]) -> pa.Array:
    """Return floats, none missing, as float64; `struct` takes half of numpy's time."""
    data = pa.py_buffer(struct.pack(f"{len(values)}d", *values))
    return pa.Array.from_buffers(pa.float64(), len(values), [None, data])


def floats(values: Sequence[Any]) -> pa.Array:
    """Return numbers of any kind as float64."""
    return numbers(values, "f8", pa.float64())


def floats_with_others(values: Sequence[Any]) -> pa.Array:
    """Return floats, integers and Decimals as float64.

    Raises UnsupportedValueError if the values but floats would, whichever part the floats are in.
    """
    try:
        array = floats(values)
    except OverflowError:
        _check_exact(values)
        raise
    small = np.abs(np.frombuffer(array.buffers()[1], "f8")) < 2**62
    if not small.all() or decimal.Decimal in set(map(type, values)):
        _check_exact(values)
    return array


def _check_exact(values: Sequence[Any]) -> None:
    exact = (value for value in values if not isinstance(value, float))
    if any(isinstance(v, decimal.Decimal) or (v is not None and abs(v) >= 2**63) for v in exact):
        decimals([None if isinstance(value, float) else value for value in values])


def ints(values: Sequence[Any]) -> pa.Array:
    """Return int64, or decimals where a number is beyond 64 bits."""
    with suppress(OverflowError):
        return numbers(values, "i8", pa.int64())
    return decimals(values)


def bools(values: Sequence[Any]) -> pa.Array:
    """Return booleans."""
    valid, data = valid_mask(values), np.array([bool(value) for value in values])
    bits = pa.py_buffer(np.packbits(data, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [bitmap(valid), bits])


def texts(values: Sequence[Any]) -> pa.Array:
    """Return text; raises UnsupportedValueError for invalid Unicode."""
    valid = valid_mask(values)
    return _joined(values if valid is None else [value or "" for value in values], values, valid)


def whole_texts(values: Sequence[str]) -> pa.Array:
    """Do as `texts`, for values none of which is missing."""
    return _joined(values, values, None)


def _joined(known: Sequence[str], values: Sequence[Any], valid: Any) -> pa.Array:
    joined = "".join(known)
    if not joined.isascii():
        return _unicode(values)
    offsets = np.zeros(len(values) + 1, np.int32)  # four times faster than a StringBuilder
    np.cumsum(np.array(list(map(len, known)), np.int32), out=offsets[1:])
    buffers = [bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(joined.encode())]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


NOT_UNICODE = "that is not valid Unicode (surrogates not allowed); clean it with .encode/.decode"


def _unicode(values: Sequence[Any]) -> pa.Array:
    builder = pa.lib.StringBuilder()
    try:
        builder.append_values(values)
    except UnicodeEncodeError as error:
        position = next(i for i, v in enumerate(values) if v is not None and not encodes(v))
        raise UnsupportedValueError(position, f"text {NOT_UNICODE}") from error
    return builder.finish()


def encodes(text: str) -> bool:
    """Whether text is valid Unicode: Python and JSON allow half of a surrogate pair."""
    try:
        return text.isascii() or text.encode() is not None
    except UnicodeEncodeError:
        return False


def binaries(values: Sequence[Any]) -> pa.Array:
    """Return bytes, bytearrays and memoryviews as binary."""
    pieces = [b"" if value is None else bytes(value) for value in values]
    offsets = np.zeros(len(pieces) + 1, np.int32)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    buffers = [bitmap(valid_mask(values)), pa.py_buffer(offsets), pa.py_buffer(b"".join(pieces))]
    return pa.Array.from_buffers(pa.binary(), len(pieces), buffers)


def each(values: Sequence[Any], convert: Callable[[Any], int]) -> list[int | None]:
    """Return `convert` of each value but None."""
    return [None if value is None else convert(value) for value in values]


def decimals(values: Sequence[Any]) -> pa.Array:
    """Return Decimals and integers as decimals with the finest scale of all.

    The digits before the point are rounded up to 19, 38, 57 or 76, so that types of different parts
    (and int64) can be joined whatever their values.
    """
    values = [decimal.Decimal(value) if isinstance(value, int) else value for value in values]
    scale = digits = 0
    for position, value in enumerate(values):
        if value is None:
            continue
        if not value.is_finite():
            raise UnsupportedValueError(position, f"{value} as a Decimal; return None or a float")
        _, shown, exponent = value.as_tuple()
        scale, digits = max(scale, -exponent), max(digits, len(shown) + exponent)
        if decimal_type(digits, scale) is None:
            why = "a number of too many digits (76, or 57 after the point, are the most)"
            raise UnsupportedValueError(position, f"{why}; return text")
    type_ = decimal_type(digits, scale)
    return texts(each(values, lambda value: f"{value:f}")).cast(type_)  # type: ignore[arg-type,return-value]


def decimal_type(digits: int, scale: int) -> pa.DataType | None:
    """Return the type for digits before the point and after it; None beyond 76."""
    precision = 19 * max(1, -(-digits // 19)) + scale
    if precision > 76:
        return None
    return (pa.decimal128 if precision <= 38 else pa.decimal256)(precision, scale)


def spelled(values: Sequence[Any]) -> pa.Array:
    """Return each value by its str()."""
    return texts([None if value is None else str(value) for value in values])
