"""From CSV text to Arrow columns, with the types that pandas.read_csv would give the whole file.

Arrow's reader does the work; its columns are called "0", "1", ... so that any header will do. It
infers what pandas infers but for the differences that are mended here: dates and times stay text,
`0x10` and `007` are no numbers, integers beyond 64 bits are no floats, `+5` is an integer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from parapply.columns import kernels as pc
from parapply.columns.names import type_of
from parapply.columns.scalars import text as scalar
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.records import Records
from parapply.lazily import at, np, pa, pacsv

# pandas.read_csv: https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html (na_values)
NULLS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
TRUE, FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
_INTEGER = r"^\s*[+-]?[0-9]+\s*$"
_DIGIT_LED = r"^\s*[+-]?0[0-9xX]"
_NO_FLOAT = r"(?i)^\s*[+-]?(0x|nan)"
_ORDER = ("null", "bool", "int", "digits", "float", "text")
TYPES = {  # by name
    "null": "double",  # what read_csv makes of a column without a value
    "bool": "bool",
    "int": "int64",
    "digits": "string",  # integers that a number would not hold: "007", 20 digits
    "float": "double",
    "text": "string",
}
TEXT, BYTES = "string", "binary"  # the one is checked to be UTF-8


class Kind(NamedTuple):
    """What a column holds in one piece of the input, and whether any value is missing there."""

    name: str
    nulls: bool

    def join(self, other: Kind) -> Kind:
        """Return the kind of both pieces together; the order does not matter."""
        low, high = sorted((self.name, other.name), key=_ORDER.index)
        clash = low == "bool" and high != "bool"
        return Kind("text" if clash else high, self.nulls or other.nulls)


class MisfitError(Exception):
    """A value does not have the type of its column."""


def read(
    records: Records, dialect: Dialect, width: int, types: Mapping[int, Any], nulls: Sequence[str]
) -> pa.Table:
    """Parse the columns named by position in `types`; a type of None is inferred.

    Raises pyarrow.ArrowInvalid where a record has not `width` fields or a value not its type.
    """
    text = records.contiguous() if dialect.comment is None else records.compact()
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
            newlines_in_values=True,  # as far as quotes say so; there is but one block
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=names,
            column_types={
                str(p): type_of(type_) for p, type_ in types.items() if type_ is not None
            },
            null_values=nulls,
            strings_can_be_null=bool(nulls),
            true_values=TRUE,
            false_values=FALSE,
        ),
    )


def kinds(
    text: bytes, delimiter: int, positions: Sequence[int], table_of: Callable[..., pa.Table]
) -> tuple[tuple[Kind, ...], dict[int, pa.ChunkedArray]]:
    """Return the kind of each column at `positions`; `table_of(types)` reads columns of `text`.

    And, by position, the values of those that are numbers and were read as they will be.
    """
    table = table_of(dict.fromkeys(positions))
    found = {p: _kind(table.column(i)) for i, p in enumerate(positions)}
    plus = b"+" in text
    doubtful = [p for i, p in enumerate(positions) if _is_doubtful(found[p], table.column(i), plus)]
    integers = [p for p in positions if found[p] == "int"]
    if integers and _zero_led(text, delimiter):
        doubtful += integers
    if doubtful:
        texts = table_of(dict.fromkeys(doubtful, pa.string()))
        for i, position in enumerate(doubtful):
            found[position] = _precise(texts.column(i), found[position])
    columns = dict(zip(positions, table.columns, strict=True))
    kinds = tuple(Kind(found[p], column.null_count > 0) for p, column in columns.items())
    numbers = {
        position: column
        for position, column in columns.items()
        if found[position] in ("int", "float") and column.type == type_of(TYPES[found[position]])
    }
    return kinds, numbers


def column(texts: pa.Array, type_: Any) -> pa.Array:
    """Return a column of text as `type_`: for what Arrow's reader refuses, such as `+5`.

    Raises MisfitError.
    """
    plain = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), r"^\+", "")
    if at.is_boolean(type_):  # the cast takes numbers, too
        known = pc.is_in(plain, pa.array([*TRUE, *FALSE]))
        plain = pc.if_else(pc.or_(known, pc.is_null(plain)), plain, scalar("no boolean"))
    try:
        return pc.cast(plain, type_)
    except pa.ArrowInvalid as error:
        raise MisfitError(str(error)) from error


def is_number(type_: Any) -> bool:
    """Whether a column's type, None where it is not known, is one of numbers."""
    return type_ is not None and bool(at.is_integer(type_) or at.is_floating(type_))


def may_be_misread(text: bytes, delimiter: int, arrays: Sequence[pa.Array]) -> bool:
    """Whether numbers among `arrays`, read as what rows before them were, may be none."""
    integers = any(at.is_integer(array.type) for array in arrays)
    floats = [array for array in arrays if at.is_floating(array.type)]
    if integers and _zero_led(text, delimiter):
        return True
    return any(pc.any(pc.is_nan(array)).as_py() for array in floats)


def misread(texts: pa.Array, type_: Any) -> pa.Array:
    """Return where text that was read as `type_` makes the whole column text: see `kinds`."""
    if at.is_integer(type_):
        return pc.match_substring_regex(texts, _DIGIT_LED)
    return pc.match_substring_regex(texts, _NO_FLOAT)


def _kind(column: pa.ChunkedArray) -> str:
    type_ = column.type
    if at.is_null(type_):
        return "null"
    if at.is_boolean(type_):
        return "bool"
    if at.is_integer(type_):
        return "int"
    return "float" if at.is_floating(type_) else "text"


def _is_doubtful(kind: str, column: pa.ChunkedArray, plus: bool) -> bool:
    """Whether Arrow's float may be an integer (+5, or too long), or NAN in letters of its own."""
    if kind != "float":
        return False
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


def _zero_led(text: bytes, delimiter: int) -> bool:
    """Whether some field may be an integer that begins with a zero, or hexadecimal."""
    data = np.frombuffer(text, np.uint8)
    zeros = np.flatnonzero(data[:-1] == ord("0"))
    before = data[np.maximum(zeros - 1, 0)]
    bounds = np.frombuffer(b'\r\n"' + bytes([delimiter]), "u1")
    starts = (zeros == 0) | np.isin(before, bounds)
    led = np.flatnonzero(np.isin(before, np.frombuffer(b" +-\t", "u1")))
    # What stands before a sign or a space: the 01 in 2024-01-31 begins no field.
    earlier = data[np.maximum(zeros[led] - 2, 0)]
    starts[led] |= (zeros[led] < 2) | np.isin(earlier, [*bounds, 9, 32])
    after = data[zeros[starts] + 1]
    return bool((((after >= 48) & (after <= 57)) | ((after | 32) == ord("x"))).any())


def _precise(texts: pa.ChunkedArray, kind: str) -> str:
    """Tell by their text what values are that Arrow took for numbers."""

    def every(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())

    def some(pattern: str) -> bool:
        return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())

    if some(_NO_FLOAT):
        return "text"
    if not every(_INTEGER):
        return kind
    if some(_DIGIT_LED):
        return "digits"
    try:
        column(texts, pa.int64())
    except MisfitError:
        return "digits"
    return "int"
