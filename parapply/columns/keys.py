"""Keys of groups: brought to a form in which Arrow sorts them and equal ones are equal.

Numbers sort as numbers, text by code point, False before True; missing values come last. NaN is a
missing value and -0.0 is 0.0, as they are for pandas' groupby(dropna=False).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.columns import kernels
from parapply.columns.arrays import take
from parapply.model.deferred_imports import at, np, pa
from parapply.model.deferred_imports import compute as _arrow

Key = tuple[tuple[bool, Any], ...]  # for each column whether it is missing, and its value


def is_sortable(type_: Any) -> bool:
    """Whether values of a type have an order that keys can go by: nested ones have none."""
    if isinstance(type_, pa.BaseExtensionType):
        return type(type_).__name__ != "JsonType" and is_sortable(type_.storage_type)
    if at.is_dictionary(type_):
        return is_sortable(type_.value_type)
    if at.is_run_end_encoded(type_):
        return is_sortable(type_.value_type)
    return not (at.is_nested(type_) or at.is_interval(type_))


def comparable(array: pa.Array) -> pa.Array:
    """Return values, in the same order, as numbers, text, bytes, decimals or truth values."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    type_ = array.type
    if at.is_dictionary(type_):
        return comparable(array.dictionary_decode())
    if at.is_run_end_encoded(type_):
        return comparable(kernels.run_end_decode(array))
    if at.is_null(type_):
        return pa.nulls(len(array), pa.int8())
    if at.is_floating(type_):
        return _without_nan(array)
    if at.is_temporal(type_):
        return array.view(pa.int32() if type_.bit_width == 32 else pa.int64())
    plain = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}
    return kernels.cast(array, plain[str(type_)]) if str(type_) in plain else array


def _without_nan(array: pa.Array) -> pa.Array:
    if at.is_float16(array.type):
        array = kernels.cast(array, pa.float32())
    values = array.to_numpy(zero_copy_only=False) + 0.0  # -0.0 + 0.0 is 0.0
    missing = np.isnan(values)
    return pa.array(values, mask=missing) if missing.any() else pa.array(values)


def sorted_order(columns: Sequence[pa.Array], descending: Sequence[bool] = ()) -> Any:
    """Return the positions of rows in the order of `comparable` columns, as a numpy array.

    Rows that are equal stay in their order. `descending` says it of each column; missing values
    are last either way.
    """
    if len(columns) == 1 and not any(descending) and _is_plain(columns[0]):
        return np.argsort(columns[0].to_numpy(), kind="stable")
    names = [str(place) for place in range(len(columns))]
    ways = ["descending" if down else "ascending" for down in descending or [False] * len(names)]
    options = _arrow.SortOptions(sort_keys=list(zip(names, ways, strict=True)))
    table = pa.Table.from_arrays(list(columns), names)
    return kernels.call("sort_indices", [table], options).to_numpy()


def is_sorted(columns: Sequence[pa.Array]) -> bool:
    """Whether one plain column of numbers is in order already: it is cheap to look."""
    if len(columns) != 1 or not _is_plain(columns[0]):
        return False
    values = columns[0].to_numpy()
    return bool((values[1:] >= values[:-1]).all())


def taken(column: pa.Array, positions: Any) -> pa.Array:
    """Return the keys at positions."""
    return take(column, positions)


def starts(columns: Sequence[pa.Array]) -> Any:
    """Return where groups begin in `comparable` columns whose equal rows stand together."""
    count = len(columns[0])
    begins = np.zeros(count, bool)
    begins[:1] = True
    for column in columns:
        if _is_plain(column):
            values = column.to_numpy()
            begins[1:] |= values[1:] != values[:-1]
            continue
        differ = kernels.fill_null(kernels.call("not_equal", [column[1:], column[:-1]]), _false())
        known = column.is_valid().to_numpy(zero_copy_only=False)
        begins[1:] |= differ.to_numpy(zero_copy_only=False) & known[1:] & known[:-1]
        begins[1:] |= known[1:] != known[:-1]
    return np.flatnonzero(begins)


def key_at(columns: Sequence[pa.Array], position: int) -> Key:
    """Return the key of a row, which Python compares as `sorted_order` does."""
    values = [column[position].as_py() for column in columns]
    return tuple((value is None, 0 if value is None else value) for value in values)


def _is_plain(column: pa.Array) -> bool:
    numbers = at.is_integer(column.type) or at.is_floating(column.type)
    return bool(numbers and not column.null_count)


def _false() -> Any:
    return pa.scalar(False)
