"""CSV text to Arrow columns, with the types that pandas.read_csv would give the whole file.

Arrow's reader does the work; its columns are called "0", "1", ... whatever the header. Where its
inference may differ from columns/inference.py (`+5`, `007`, `0x10`, integers beyond 64 bits, a line
end beside a number) columns are read again as text.
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
    """A value does not have its column's type."""


def read(
    records: Records, dialect: Dialect, width: int, types: Mapping[int, Any], nulls: Sequence[str]
) -> pa.Table:
    """Parse the columns at the positions in `types`; a type of None is inferred.

    Raises pyarrow.ArrowInvalid where a record lacks `width` fields, or a value its type.
    """
    if dialect.by_arrow:
        text = records.contiguous() if dialect.comment is None else records.compact()
    else:
        text = recoded(records, dialect, width, tuple(types), nulls)
        types, width = dict(enumerate(types.values(), 1)), len(types) + 1
        dialect = Dialect(nulls=dialect.nulls, decimal=dialect.decimal)
    if threading.current_thread() is not threading.main_thread():
        with suppress(pa.ArrowInvalid):  # of several errors the first column's counts: below
            return _read(text, dialect, width, types, nulls, threads=True)
    return _read(text, dialect, width, types, nulls, threads=False)


def _read(
    text: bytes | memoryview, dialect: Dialect, width: int, types: Mapping[int, Any],
    nulls: Sequence[str], *, threads: bool,
) -> pa.Table:  # fmt: skip
    """Parse; `threads`: in Arrow's thread pool, where it would else start a thread for each chunk.

    Not so in a worker process: memory allocated in other threads stays allocated.
    """
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
            newlines_in_values=True,  # within quotes; there is only one block
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=[str(position) for position in types],
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
    columns = dict(zip(positions, table_of(dict.fromkeys(positions)).columns, strict=True))
    names = {position: _name(column) for position, column in columns.items()}
    found = {position: _kind(names[position], column) for position, column in columns.items()}
    if doubtful := _doubtful(text, dialect, columns, names):
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
    """Convert text to `type_`, also what Arrow's reader refuses (`+5`); raises MisfitError."""
    try:
        return checked(texts) if is_json(type_) else from_text(texts, type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ResultError) as error:
        raise MisfitError(str(error)) from error


def pointed(texts: pa.Array, type_: Any, dialect: Dialect) -> pa.Array:
    """Replace the dialect's decimal mark by a point in text of numbers."""
    if dialect.decimal == ord(".") or type_ is None:
        return texts
    if not (at.is_floating(type_) or at.is_decimal(type_)):
        return texts
    return pc.replace_substring(texts, chr(dialect.decimal), ".")


def is_inferable(type_: Any) -> bool:
    """Whether a type is numeric or boolean, so that later text can contradict it."""
    known = type_ is not None
    return known and bool(at.is_integer(type_) or at.is_floating(type_) or at.is_boolean(type_))


def may_be_misread(text: bytes, dialect: Dialect, arrays: Sequence[pa.Array]) -> bool:
    """Whether numbers in `arrays`, read with an earlier block's types, may be text."""
    if any(at.is_integer(array.type) for array in arrays) and _zero_led(text, dialect):
        return True
    floats = [pa.chunked_array([array]) for array in arrays if at.is_floating(array.type)]
    return any(_is_doubtful_float(array, plus=False) for array in floats)


def _kind(name: str, column: pa.ChunkedArray) -> TextKind:
    low = pc.min_max(column).as_py()["min"] if name == "int" else None
    return TextKind(name, column.null_count > 0, low is not None and low < 0)


def _name(column: pa.ChunkedArray) -> str:
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
    """Return the columns for which Arrow's inference may be wrong."""
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
    """The same for a column without missing values and signs, in a tenth of the time."""
    for chunk in column.chunks:
        data = np.frombuffer(chunk.buffers()[1], "f8")[chunk.offset : chunk.offset + len(chunk)]
        if len(data) and not (data.min() > -(2.0**63) and data.max() < 2.0**63):  # so for NaN
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
    # A sign or space has to begin the field: the 01 in 2024-01-31 does not.
    earlier = data[np.maximum(zeros[led] - 2, 0)]
    starts[led] |= (zeros[led] < 2) | np.isin(earlier, [*bounds, *b" \t\v\f"])
    after = data[zeros[starts] + 1]
    led_by_zero = ((after >= 48) & (after <= 57)) | ((after | 32) == ord("x"))
    return bool((led_by_zero | (after == (dialect.escape or ord("x")))).any())


def _has_odd_space(text: bytes, dialect: Dialect, rows: int) -> bool:
    """Whether a field may have whitespace that Arrow does not strip: line ends, ..."""
    if b"\v" in text or b"\f" in text:
        return True
    marks = [mark for mark in (dialect.quote, dialect.escape) if mark]
    if not any(mark in text for mark in marks):
        return False
    data = np.frombuffer(text, np.uint8)
    feeds, returns = (int(np.count_nonzero(data == end)) for end in b"\n\r")
    return max(feeds, returns) > rows or (feeds > 0 < returns and feeds != returns)
