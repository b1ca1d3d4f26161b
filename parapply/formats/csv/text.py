"""From Arrow arrays to CSV fields, whole columns at a time, with the digits that pandas writes.

Missing values (NaN too) are empty fields; True and False as Python has them; dates and times in
ISO 8601 with a space between them and durations as `1 days 00:00:05`, as pandas; bytes are text
with escapes; lists and structs are JSON, and JSON is itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.arrays import to_list
from parapply.columns.json_columns import is_json, texts_of
from parapply.columns.scalars import text
from parapply.columns.values.convert import to_array
from parapply.columns.values.spelling import duration, escaped
from parapply.columns.values.spelling import text as spelled
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.escapes import bare_escape, by_letters, within_quotes
from parapply.formats.csv.moments import dates, times, timestamps
from parapply.model.deferred_imports import at, np, pa
from parapply.model.errors import UnseenError


class UnquotableError(Exception):
    """A value cannot be written without quotes, and the dialect has none; `position` says which."""

    def __init__(self, position: int, value: str) -> None:
        super().__init__(position, value)
        self.position, self.value = position, value


def fields(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Return `array` as CSV fields: strings without nulls, quoted where CSV needs it.

    Raises UnquotableError.
    """
    if not dialect.usual:
        return _as_a_tool_does(array, dialect)
    written = strings(array)
    return written if _is_bare(array.type, dialect) else quoted(written, dialect)


def _as_a_tool_does(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Write booleans, fractions and missing values as the dialect has them."""
    written = _texts_of(array, dialect)
    filled = pc.fill_null(written, text(""))
    done = filled if _is_bare(array.type, dialect) else quoted(filled, dialect)
    if dialect.quotes_text and _is_text(array.type):
        done = _in_quotes(filled, dialect)
    return pc.if_else(written.is_valid(), done, text(dialect.nulls[0] if dialect.nulls else ""))


def _texts_of(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Return the text of each value, null for missing ones."""
    if at.is_dictionary(array.type):
        return _texts_of(array.dictionary_decode(), dialect)
    if at.is_boolean(array.type):
        return pc.if_else(array, text(dialect.true), text(dialect.false))
    written = _converted(array)
    if dialect.spells_floats and at.is_floating(array.type):
        return _spelled(written, array, dialect)
    if dialect.decimal != ord(".") and (at.is_floating(array.type) or at.is_decimal(array.type)):
        return pc.replace_substring(written, ".", chr(dialect.decimal))
    return written


def _spelled(written: pa.Array, array: pa.Array, dialect: Dialect) -> pa.Array:
    """Floats that are no finite numbers, as a tool has them."""
    odd = pc.invert(pc.fill_null(pc.is_finite(array), True))
    if not pc.any(odd).as_py():
        return written
    infinite = pc.replace_substring(written, "inf", dialect.infinity)
    named = pc.fill_null(infinite, text(dialect.nan)) if dialect.nan else infinite
    return pc.if_else(odd, named, written)


def _is_text(type_: Any) -> bool:
    return bool(at.is_string(type_) or at.is_large_string(type_) or at.is_string_view(type_))


def _is_bare(type_: Any, dialect: Dialect) -> bool:
    """Whether no value is written with a character that has a meaning in this dialect."""
    marks = (dialect.delimiter, dialect.quote, dialect.escape, dialect.comment)
    usual = not any(mark in _NUMBERS for mark in marks if mark)
    return usual and bool(at.is_floating(type_) or at.is_integer(type_))


_NUMBERS = b"0123456789+-.einfa"  # what numbers are made of


def strings(array: pa.Array) -> pa.Array:
    """Return the text of each value, "" for missing ones.

    Raises UnseenError for one that has none.
    """
    return pc.fill_null(_converted(array), text(""))


def _converted(array: pa.Array) -> pa.Array:
    convert = next(convert for check, convert in _converters() if check(array.type))
    with located(array, strings):
        return convert(array)


@contextmanager
def located(array: pa.Array, write: Callable[[Any], Any]) -> Iterator[None]:
    """Say of a value without text in which of these it is, where it is inside of one."""
    try:
        yield
    except UnseenError as error:
        if len(array) == 1:
            raise UnseenError(0, error.why) from error
        if not (at.is_nested(array.type) or at.is_dictionary(array.type)):
            raise
    else:
        return
    for position in range(len(array)):
        try:
            write(array.slice(position, 1))
        except UnseenError as error:
            raise UnseenError(position, error.why) from error
    raise AssertionError("what cannot be written is a value's")


def quoted(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Quote the fields that hold a delimiter, a quote or a line end, and double their quotes.

    Where there are no quotes, escape what needs it; raises UnquotableError where nothing can be.
    """
    if dialect.letters is not None:
        for old, new in by_letters(dialect):
            array = pc.replace_substring(array, old, new)
        return array
    own = (dialect.delimiter, dialect.comment, bare_escape(dialect), dialect.quote)
    marked = _any_of([*(chr(mark) for mark in own if mark), "\r", "\n"])
    nulls = "".join(f"|^{_literal(null)}$" for null in dialect.nulls or ())
    special = pc.match_substring_regex(array, marked + nulls)
    if not pc.any(special).as_py():
        return array
    if dialect.quote is None and dialect.escape is None:
        raise _first(array, special)
    if dialect.quote is None:
        return pc.replace_substring_regex(array, f"({marked})", rf"\{chr(dialect.escape or 0)}\1")
    return pc.if_else(special, _in_quotes(array, dialect), array)


def _in_quotes(array: pa.Array, dialect: Dialect) -> pa.Array:
    assert dialect.quote is not None
    quote = text(chr(dialect.quote))
    for old, new in within_quotes(dialect):
        array = pc.replace_substring(array, old, new)
    return pc.binary_join_element_wise(quote, array, quote, text(""))


def alone(column: pa.Array, dialect: Dialect) -> pa.Array:
    """Return what is the only field of its line: `""` where empty, for a blank line is no record.

    Raises UnquotableError.
    """
    empty = pc.equal(column, text(""))
    if dialect.blanks or not pc.any(empty).as_py():
        return column
    if dialect.quote is None:
        raise _first(column, empty)
    return pc.if_else(empty, text(chr(dialect.quote) * 2), column)


def lines(columns: Sequence[pa.Array], dialect: Dialect, line_end: str) -> pa.Array:
    """Join fields of equal length into lines, each with its line end."""
    columns = [alone(columns[0], dialect)] if len(columns) == 1 else list(columns)
    ended = pc.binary_join_element_wise(columns[-1], text(line_end), text(""))
    return pc.binary_join_element_wise(*columns[:-1], ended, text(chr(dialect.delimiter)))


def _first(array: pa.Array, where: pa.Array) -> UnquotableError:
    position = pc.index(where, True).as_py()
    return UnquotableError(position, array[position].as_py())


def data(array: pa.Array) -> memoryview:
    """Return the bytes of all strings of an array, one after the other."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :]
    return memoryview(array.buffers()[2])[int(offsets[0]) : int(offsets[len(array)])]


def _any_of(marks: list[str]) -> str:
    """A pattern of RE2 for one of these characters."""
    return "[" + _literal("".join(marks)) + "]"


def _literal(known: str) -> str:
    return "".join(f"\\x{{{ord(mark):x}}}" for mark in known)


def _same(array: pa.Array) -> pa.Array:
    return pc.cast(array, pa.string())


def _floats(array: pa.Array) -> pa.Array:
    """Write floats as `repr` does, most of them by Arrow's cast (a seventh of the time).

    Both give the shortest digits that read back the same, but Arrow leaves out `.0` and turns to
    exponents elsewhere (from 1e10 on, `repr` from 1e16): values without a fraction get their
    `.0`, the very small and very large ones go through `repr`.
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
    indices = pa.Array.from_buffers(
        pa.int32(), len(choice), [None, pa.py_buffer(choice.astype(np.int32))]
    )
    return pc.binary_join_element_wise(written, pc.take(to_array(["", ".0"]), indices), text(""))


def _by_repr(array: pa.Array, odd: np.ndarray[Any, Any]) -> pa.Array:
    values = to_list(array)
    if odd.mean() > 0.2:
        return _texts([_repr(value) for value in values])
    written = _join(
        pc.cast(array, pa.string()),
        np.array([value is not None and value == value // 1 for value in values]),
    ).to_pylist()
    for position in np.flatnonzero(odd).tolist():
        written[position] = _repr(values[position])
    return _texts(written)


def _repr(value: float | None) -> str | None:
    return None if value is None or value != value else repr(value)


def _texts(values: list[str | None]) -> pa.Array:
    return pc.cast(to_array(values), pa.string())


def _widened(array: pa.Array) -> pa.Array:
    """Narrower floats by the digits of their own width: float32 0.1 is 0.1, not 0.10000000149."""
    values = np.array([np.nan if v is None else v for v in to_list(array)], dtype=_numpy(array))
    digits = [None if value != value else float(str(value)) for value in values]
    return pc.cast(to_array(digits), pa.float64())


def _numpy(array: pa.Array) -> str:
    return "f2" if at.is_float16(array.type) else "f4"


def _bools(array: pa.Array) -> pa.Array:
    return pc.if_else(array, text("True"), text("False"))


def _durations(array: pa.Array) -> pa.Array:
    unit, ticks = array.type.unit, array.view(pa.int64()).to_pylist()
    return _texts([None if value is None else duration(value, unit) for value in ticks])


def _binary(array: pa.Array) -> pa.Array:
    try:
        return pc.replace_substring(array.cast(pa.string()), "\\", "\\\\")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # some are not UTF-8
        return _texts([None if value is None else escaped(value) for value in array.to_pylist()])


def _decimals(array: pa.Array) -> pa.Array:
    """All their digits: 0.00000001, which Arrow and `str` write as 1E-8."""
    written = pc.cast(array, pa.string())
    if not pc.any(pc.match_substring(written, "E")).as_py():
        return written
    return _texts([None if value is None else f"{value:f}" for value in array.to_pylist()])


def _dictionary(array: pa.Array) -> pa.Array:
    return strings(array.dictionary_decode())


def _json(array: pa.Array) -> pa.Array:
    from parapply.formats.jsonl.text import values  # imports this room, for what is not nested

    return pc.if_else(array.is_valid(), values(array), pa.scalar(None, pa.string()))


def _jsons(array: pa.Array) -> pa.Array:
    """Text is written as it is, as that of other columns; everything else as it stands."""
    found = texts_of(array)
    if not pc.any(pc.match_substring_regex(found, r'^\s*"')).as_py():
        return found
    written = found.to_pylist()
    return _texts([json.loads(t) if t and t.lstrip()[:1] == '"' else t for t in written])


def _storage(array: pa.Array) -> pa.Array:
    return _json(array.storage)


def _others(array: pa.Array) -> pa.Array:
    return _texts([None if value is None else str(value) for value in to_list(array)])


def _any(type_: Any) -> bool:
    return True


@cache
def _converters() -> tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...]:
    return (
        (_is_text, _same),
        (at.is_floating, _floats),
        (at.is_integer, _same),
        (at.is_boolean, _bools),
        (at.is_null, _same),
        (at.is_date, dates),
        (at.is_time, times),
        (at.is_timestamp, timestamps),
        (at.is_duration, _durations),
        (at.is_dictionary, _dictionary),
        (lambda t: at.is_binary(t) or at.is_large_binary(t) or at.is_binary_view(t), _binary),
        (at.is_fixed_size_binary, _binary),
        (at.is_decimal, _decimals),
        (at.is_run_end_encoded, lambda array: _converted(pc.run_end_decode(array))),
        (at.is_union, lambda array: _texts([spelled(value) for value in to_list(array)])),
        (is_json, _jsons),
        (at.is_nested, _json),
        (lambda t: isinstance(t, pa.BaseExtensionType) and at.is_nested(t.storage_type), _storage),
        (_any, _others),
    )
