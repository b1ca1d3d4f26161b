"""Conversion of a part's column to its type over all parts (unify.py)."""

from __future__ import annotations

from typing import Any

from parapply.columns import json_columns, kernels
from parapply.columns.arrays import to_list
from parapply.columns.unify import UNITS, is_text
from parapply.columns.values.builders import bitmap, spelled
from parapply.columns.values.maps import as_lists
from parapply.model.deferred_imports import at, decimal, np, pa
from parapply.model.errors import ResultError

_DIGITS = 500  # hold any float, to any scale


def fit(array: pa.Array, type_: Any) -> pa.Array:
    """Return `array` as `type_`, which `unify` gave for it and others.

    Raises ResultError for times beyond nanoseconds, pyarrow.ArrowInvalid if `type_` is another.
    """
    if array.type == type_:
        return array
    if at.is_null(array.type):
        return pa.nulls(len(array), type_)
    if json_columns.is_json(type_):
        return _fit_json(array)
    if is_text(type_) and at.is_nested(array.type):
        return kernels.cast(json_columns.texts_of(json_columns.of_values(to_list(array))), type_)
    if at.is_struct(type_):
        return _fit_struct(array, type_)
    if at.is_map(type_):
        return _fit_map(array, type_)
    if at.is_list(type_):
        size, buffers, start = len(array), array.buffers()[:2], array.offset
        children = [fit(array.values, type_.value_type)]
        return pa.Array.from_buffers(type_, size, buffers, offset=start, children=children)
    if at.is_integer(array.type) and at.is_floating(type_):
        return kernels.cast(array, type_, safe=False)  # beyond 2**53 rounded, as in Python
    if at.is_decimal(type_) and not at.is_decimal(array.type):
        return _fit_decimal(array, type_)
    if _has_unit(type_) and _has_unit(array.type) and type_.unit == "ns":
        return _fit_nanoseconds(array, type_)
    return kernels.cast(array, type_)


def _fit_json(array: pa.Array) -> pa.Array:
    if json_columns.is_json(array.type):
        return json_columns.of_texts(json_columns.texts_of(array))
    if is_text(array.type):
        return json_columns.checked(array)
    return json_columns.of_values(to_list(array))


def fit_column(name: str, array: pa.Array, type_: Any) -> pa.Array:
    """Do as `fit`, with the column's name in ResultErrors."""
    try:
        return fit(array, type_)
    except ResultError as error:
        raise ResultError(f"column {name!r}: {error}") from error


def _has_unit(type_: Any) -> bool:
    return bool(at.is_timestamp(type_) or at.is_duration(type_))


def _fit_nanoseconds(array: pa.Array, type_: Any) -> pa.Array:
    try:
        return array.cast(type_)
    except pa.ArrowInvalid as error:
        most = 2**63 // 10 ** (3 * (3 - UNITS.index(array.type.unit)))
        ticks = array.cast(pa.int64()).to_pylist()
        far = next(i for i, tick in enumerate(ticks) if tick is not None and abs(tick) >= most)
        raise ResultError(
            f"{array[far].as_py()} and a time with nanoseconds, which reach from 1677 to 2262, do "
            "not go into one column: round to microseconds, or return text"
        ) from error


def _fit_decimal(array: pa.Array, type_: Any) -> pa.Array:
    """Convert numbers by their shortest digits; floats with more digits are rounded."""
    texts = array.cast(pa.string())
    if at.is_string(array.type) and any(v and len(v) > 76 for v in texts.to_pylist()):
        raise pa.ArrowInvalid("more digits than a decimal has")  # Arrow would make 10**300 0
    try:
        return texts.cast(type_)
    except pa.ArrowInvalid:
        if not at.is_floating(array.type):
            raise
    rounded = [None if v is None else _rounded(v, type_.scale) for v in texts.to_pylist()]
    return spelled(rounded).cast(type_)


def _rounded(text: str, scale: int) -> str:
    number = decimal.Decimal(text)
    if not number.is_finite() or number.adjusted() > 76:
        return text
    wide = decimal.Context(prec=_DIGITS)
    return f"{number.quantize(decimal.Decimal(1).scaleb(-scale), context=wide):f}"


def _fit_struct(array: pa.Array, type_: Any) -> pa.Array:
    have = {field.name: i for i, field in enumerate(array.type)}
    inner = (array.field(have[f.name]) if f.name in have else pa.nulls(len(array)) for f in type_)
    children = [fit(child, field.type) for child, field in zip(inner, type_, strict=True)]
    mask = array.is_null() if array.null_count else None
    return pa.StructArray.from_arrays(children, fields=list(type_), mask=mask)


def _fit_map(array: pa.Array, type_: Any) -> pa.Array:
    lists = as_lists(array)
    keys, items = lists.flatten().flatten()
    entries = pa.StructArray.from_arrays(
        [fit(keys, type_.key_type), fit(items, type_.item_type)],
        fields=[type_.key_field, type_.item_field],
    )
    sizes = [size or 0 for size in lists.value_lengths().to_pylist()]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    valid = np.array(array.is_valid()) if array.null_count else None
    buffers = [bitmap(valid), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(type_, len(array), buffers, children=[entries])
