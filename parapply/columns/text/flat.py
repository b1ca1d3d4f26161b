"""The text of columns that are not nested, with pandas' digits. In any process.

Booleans are True and False; dates and times ISO 8601 with a space between; durations as in pandas,
`1 days 00:00:05`; bytes are escaped text; NaN is missing, like null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.arrays import to_list
from parapply.columns.json_columns import is_json, texts_of
from parapply.columns.scalars import text
from parapply.columns.text.moments import dates, times, timestamps
from parapply.columns.unify import is_text
from parapply.columns.values.builders import floats, spelled, texts
from parapply.columns.values.spelling import duration, escaped
from parapply.columns.values.spelling import text as as_text
from parapply.model.deferred_imports import at, np, pa
from parapply.model.errors import UnseenError


def flat_texts(array: pa.Array) -> pa.Array:
    """Return a decoded column's text, null where missing; raises UnseenError for values without."""
    return next(convert for check, convert in _converters() if check(array.type))(array)


def decoded(array: pa.Array) -> pa.Array:
    """Return a column without dictionary and run-end encoding."""
    while True:
        if at.is_dictionary(array.type):
            array = array.dictionary_decode()
        elif at.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        else:
            return array


def storage_of(array: pa.Array) -> pa.Array | None:
    """Return a nested column, below its extension type if any; None if it is not nested."""
    if is_json(array.type) or at.is_union(array.type):
        return None
    if isinstance(array.type, pa.BaseExtensionType):
        return array.storage if at.is_nested(array.type.storage_type) else None
    return array if at.is_nested(array.type) else None


@contextmanager
def located(array: pa.Array, write: Callable[[Any], Any]) -> Iterator[None]:
    """Replace the nested position in an UnseenError by that of the outer value."""
    try:
        yield
    except UnseenError as error:
        if len(array) == 1:
            raise UnseenError(0, error.why) from error
        if not at.is_nested(array.type):
            raise
    else:
        return
    for position in range(len(array)):
        try:
            write(array.slice(position, 1))
        except UnseenError as error:
            raise UnseenError(position, error.why) from error
    raise AssertionError("no value fails alone")


def _same(array: pa.Array) -> pa.Array:
    return pc.cast(array, pa.string())


def _floats(array: pa.Array) -> pa.Array:
    """Write floats as `repr` does, most of them by Arrow's cast (a seventh of the time).

    Both give the shortest digits that round-trip, but Arrow omits `.0`, which is added, and uses
    exponents from 1e10 on (`repr` from 1e16): very small and large values go through `repr`.
    """
    array = array if at.is_float64(array.type) else _widened(array)
    data = np.frombuffer(array.buffers()[1], "f8")[array.offset : array.offset + len(array)]
    size = np.abs(data)
    odd = ~((size >= 1e-4) & (size < 1e10)) & (data != 0)  # NaN and infinities too
    if odd.any():
        return _by_repr(array, odd)
    written = pc.cast(array, pa.string())
    whole = data == np.floor(data)
    if not whole.any():
        return written
    return _join(written, np.where(whole, 1, 0))


def _join(written: pa.Array, choice: np.ndarray[Any, Any]) -> pa.Array:
    buffers = [None, pa.py_buffer(choice.astype(np.int32))]
    indices = pa.Array.from_buffers(pa.int32(), len(choice), buffers)
    return pc.binary_join_element_wise(written, pc.take(texts(["", ".0"]), indices), text(""))


def _by_repr(array: pa.Array, odd: np.ndarray[Any, Any]) -> pa.Array:
    values = to_list(array)
    if odd.mean() > 0.2:
        return texts([_repr(value) for value in values])
    whole = np.array([value is not None and value == value // 1 for value in values])
    written = _join(pc.cast(array, pa.string()), whole).to_pylist()
    for position in np.flatnonzero(odd).tolist():
        written[position] = _repr(values[position])
    return texts(written)


def _repr(value: float | None) -> str | None:
    return None if value is None or value != value else repr(value)


def _widened(array: pa.Array) -> pa.Array:
    """Widen by the digits of the narrower float: float32 0.1 is 0.1, not 0.10000000149."""
    width = "f2" if at.is_float16(array.type) else "f4"
    values = np.array([np.nan if v is None else v for v in to_list(array)], dtype=width)
    return floats([None if value != value else float(str(value)) for value in values])


def _durations(array: pa.Array) -> pa.Array:
    unit, ticks = array.type.unit, array.view(pa.int64()).to_pylist()
    return texts([None if value is None else duration(value, unit) for value in ticks])


def _binary(array: pa.Array) -> pa.Array:
    try:
        return pc.replace_substring(array.cast(pa.string()), "\\", "\\\\")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # some are not UTF-8
        return texts([None if value is None else escaped(value) for value in array.to_pylist()])


def _decimals(array: pa.Array) -> pa.Array:
    """Write all digits: 0.00000001, which Arrow and `str` write as 1E-8."""
    written = pc.cast(array, pa.string())
    if not pc.any(pc.match_substring(written, "E")).as_py():
        return written
    return texts([None if value is None else f"{value:f}" for value in array.to_pylist()])


def _jsons(array: pa.Array) -> pa.Array:
    """Write strings without quotes, as in other columns, and all else as it is."""
    found = texts_of(array)
    if not pc.any(pc.match_substring_regex(found, r'^\s*"')).as_py():
        return found
    written = found.to_pylist()
    return texts([json.loads(t) if t and t.lstrip()[:1] == '"' else t for t in written])


@cache
def _converters() -> tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...]:
    return (
        (is_text, _same),
        (at.is_floating, _floats),
        (at.is_integer, _same),
        (at.is_boolean, lambda array: pc.if_else(array, text("True"), text("False"))),
        (at.is_null, _same),
        (at.is_date, dates),
        (at.is_time, times),
        (at.is_timestamp, timestamps),
        (at.is_duration, _durations),
        (lambda t: at.is_binary(t) or at.is_large_binary(t) or at.is_binary_view(t), _binary),
        (at.is_fixed_size_binary, _binary),
        (at.is_decimal, _decimals),
        (at.is_union, lambda array: texts([as_text(value) for value in to_list(array)])),
        (is_json, _jsons),
        (lambda t: True, lambda array: spelled(to_list(array))),
    )
