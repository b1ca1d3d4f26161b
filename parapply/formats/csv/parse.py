"""From CSV text to Arrow columns, with the types that pandas.read_csv would give the whole file.

Arrow's reader does the work; its columns are called "0", "1", ... so that any header will do. It
infers what pandas infers but for what is mended here: where Arrow and columns/inference.py may
differ (`+5`, `007`, `0x10`, integers beyond 64 bits, a line end beside a number) text tells.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.from_text import from_text
from parapply.columns.inference import FALSE, TRUE, TextKind, kind_of
from parapply.columns.json_columns import checked, is_json
from parapply.columns.type_names import type_of
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.recode import recoded
from parapply.formats.csv.records import Records
from parapply.model.deferred_imports import at, np, pa, pacsv
from parapply.model.errors import ResultError


class MisfitError(Exception):
    """A value does not have the type of its column."""


def read(
    records: Records, dialect: Dialect, width: int, types: Mapping[int, Any], nulls: Sequence[str]
) -> pa.Table:
    """Parse the columns named by position in `types`; a type of None is inferred.

    Raises pyarrow.ArrowInvalid where a record has not `width` fields or a value not its type.
    """
    if dialect.by_arrow:
        text = records.contiguous() if dialect.comment is None else records.compact()
    else:
        text = recoded(records, dialect, width, tuple(types), nulls)
        types, width = dict(enumerate(types.values(), 1)), len(types) + 1
        dialect = Dialect(nulls=dialect.nulls, decimal=dialect.decimal)
    if threading.current_thread() is not threading.main_thread():
        with suppress(pa.ArrowInvalid):  # of several, that of the first column counts: below
            return _read(text, dialect, width, types, nulls, threads=True)
    return _read(text, dialect, width, types, nulls, threads=False)


def _read(
    text: bytes | memoryview, dialect: Dialect, width: int, types: Mapping[int, Any],
    nulls: Sequence[str], *, threads: bool,
) -> pa.Table:  # fmt: skip
    """Parse; `threads`: in those that Arrow has, where else it starts one for each chunk.

    A worker that is a process does not: what is allocated in other threads stays allocated.
    """
    names = [str(position) for position in types]
    return pacsv.read_csv(
        pa.BufferReader(pa.py_buffer(text)),
        read_options=pacsv.ReadOptions(
            use_threads=threads,
            block_size=len(text) + 1,  # one block: the whole chunk has one type
            column_names=[str(position) for position in range(width)],
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=chr(dialect.delimiter),
            quote_char=False if dialect.quote is None else chr(dialect.quote),
            escape_char=False if dialect.escape is None else chr(dialect.escape),
            ignore_empty_lines=not (dialect.blanks and dialect.single),
            newlines_in_values=True,  # as far as quotes say so; there is but one block
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=names,
            column_types={
                str(p): type_of(type_) for p, type_ in types.items() if type_ is not None
            },
            null_values=nulls,
            strings_can_be_null=bool(nulls),
            quoted_strings_can_be_null=dialect.nulls is None,
            decimal_point=chr(dialect.decimal),
            true_values=TRUE,
            false_values=FALSE,
        ),
    )


def kinds(
    text: bytes, dialect: Dialect, positions: Sequence[int], table_of: Callable[..., pa.Table],
    *, every: bool = False,
) -> tuple[tuple[TextKind, ...], dict[int, pa.ChunkedArray]]:  # fmt: skip
    """Return the kind of each column at `positions`, and the values that were read as they will be.

    The values, by position, are those of numbers, or of `every` column; `table_of(types)` reads
    columns of `text`.
    """
    table = table_of(dict.fromkeys(positions))
    columns = dict(zip(positions, table.columns, strict=True))
    names = {position: _name(column) for position, column in columns.items()}
    found = {position: _kind(names[position], column) for position, column in columns.items()}
    doubtful = _doubtful(text, dialect, columns, names)
    if doubtful:
        texts = table_of(dict.fromkeys(doubtful, pa.string())).columns
        known = [kind_of(pointed(column, pa.float64(), dialect)) for column in texts]
        found.update(zip(doubtful, known, strict=True))
    types = {position: type_of(kind.type) for position, kind in found.items()}
    texts = [p for p, type_ in types.items() if at.is_string(type_) and columns[p].type != type_]
    if every and texts:  # they look like times, say, or have begun with a zero
        columns.update(zip(texts, table_of(dict.fromkeys(texts, pa.string())).columns, strict=True))
    kept = [p for p, kind in found.items() if every or kind.name in ("int", "float")]
    values = {p: columns[p] for p in kept if columns[p].type == types[p]}
    return tuple(found[position] for position in columns), values


def column(texts: pa.Array, type_: Any) -> pa.Array:
    """Return a column of text as `type_`: for what Arrow's reader refuses, such as `+5`.

    Raises MisfitError.
    """
    if is_json(type_):
        return _json(texts)
    try:
        return from_text(texts, type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ResultError) as error:
        raise MisfitError(str(error)) from error


def _json(texts: pa.Array) -> pa.Array:
    try:
        return checked(texts)
    except pa.ArrowInvalid as error:
        raise MisfitError(str(error)) from error


def pointed(texts: pa.Array, type_: Any, dialect: Dialect) -> pa.Array:
    """Return the text of numbers with a point before the fraction, whatever the dialect has."""
    if (
        dialect.decimal == ord(".")
        or type_ is None
        or not (at.is_floating(type_) or at.is_decimal(type_))
    ):
        return texts
    return pc.replace_substring(texts, chr(dialect.decimal), ".")


def is_inferable(type_: Any) -> bool:
    """Whether a column's type, None where it is not known, is one that text can turn out not to be.

    That is numbers and booleans.
    """
    if type_ is None:
        return False
    return bool(at.is_integer(type_) or at.is_floating(type_) or at.is_boolean(type_))


def may_be_misread(text: bytes, dialect: Dialect, arrays: Sequence[pa.Array]) -> bool:
    """Whether numbers among `arrays`, read as what rows before them were, may be none."""
    integers = any(at.is_integer(array.type) for array in arrays)
    if integers and _zero_led(text, dialect):
        return True
    floats = [pa.chunked_array([array]) for array in arrays if at.is_floating(array.type)]
    return any(_is_doubtful_float(array, plus=False) for array in floats)


def _kind(name: str, column: pa.ChunkedArray) -> TextKind:
    low = pc.min_max(column).as_py()["min"] if name == "int" else None
    return TextKind(name, column.null_count > 0, low is not None and low < 0)


def _name(column: pa.ChunkedArray) -> str:
    """Tell what Arrow took a column for."""
    type_ = column.type
    if at.is_null(type_):
        return "null"
    if at.is_boolean(type_):
        return "bool"
    if at.is_integer(type_):
        return "int"
    return "float" if at.is_floating(type_) else "text"


def _doubtful(
    text: bytes, dialect: Dialect, columns: Mapping[int, pa.ChunkedArray], found: Mapping[int, str]
) -> list[int]:
    """Return the columns that may be something else than Arrow took them for."""
    plus = b"+" in text
    doubtful = [
        position
        for position, column in columns.items()
        if found[position] == "float" and _is_doubtful_float(column, plus=plus)
    ]
    integers = [position for position, kind in found.items() if kind == "int"]
    if integers and _zero_led(text, dialect):
        doubtful += integers
    texts = [position for position, column in columns.items() if at.is_string(column.type)]
    if texts and _has_odd_space(text, dialect, len(columns[texts[0]])):
        doubtful += texts
    return doubtful


def _is_doubtful_float(column: pa.ChunkedArray, *, plus: bool) -> bool:
    """Whether it may be an integer (+5, or too long), or text (NAN, or infinity with a space)."""
    if column.null_count == 0 and not plus:
        return _is_extreme(column)
    extremes = pc.min_max(column).as_py()
    low, high = extremes["min"], extremes["max"]
    if low is None or low != low or bool(pc.any(pc.is_nan(column)).as_py()):
        return True
    if max(-low, high) >= 2.0**63:
        return True
    return plus and bool(pc.all(pc.equal(column, pc.floor(column))).as_py())


def _is_extreme(column: pa.ChunkedArray) -> bool:
    """The same of a column without missing values or signs, in a tenth of the time."""
    for chunk in column.chunks:
        data = np.frombuffer(chunk.buffers()[1], "f8")[chunk.offset : chunk.offset + len(chunk)]
        if len(data) and not (data.min() > -(2.0**63) and data.max() < 2.0**63):  # so it is of NaN
            return True
    return False


def _zero_led(text: bytes, dialect: Dialect) -> bool:
    """Whether some field may be an integer that begins with a zero, or hexadecimal."""
    marks = [mark for mark in (dialect.delimiter, dialect.quote, dialect.escape) if mark]
    bounds = np.frombuffer(b"\r\n" + bytes(marks), "u1")
    data = np.frombuffer(text, np.uint8)
    zeros = np.flatnonzero(data[:-1] == ord("0"))
    before = data[np.maximum(zeros - 1, 0)]
    starts = (zeros == 0) | np.isin(before, bounds)
    led = np.flatnonzero(np.isin(before, np.frombuffer(b" +-\t\v\f", "u1")))
    # What stands before a sign or a space: the 01 in 2024-01-31 begins no field.
    earlier = data[np.maximum(zeros[led] - 2, 0)]
    starts[led] |= (zeros[led] < 2) | np.isin(earlier, [*bounds, *b" \t\v\f"])
    after = data[zeros[starts] + 1]
    led_by_zero = ((after >= 48) & (after <= 57)) | ((after | 32) == ord("x"))
    return bool((led_by_zero | (after == (dialect.escape or ord("x")))).any())


def _has_odd_space(text: bytes, dialect: Dialect, rows: int) -> bool:
    """Whether a field may have space that Arrow takes for no part of a number: line ends, ..."""
    if b"\v" in text or b"\f" in text:
        return True
    marks = [mark for mark in (dialect.quote, dialect.escape) if mark]
    if not any(mark in text for mark in marks):
        return False
    data = np.frombuffer(text, np.uint8)
    feeds, returns = (int(np.count_nonzero(data == end)) for end in b"\n\r")
    return max(feeds, returns) > rows or (feeds > 0 < returns and feeds != returns)
