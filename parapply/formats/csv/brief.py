"""A small and plain CSV file, read without numpy and Arrow: to import them takes as long as all
that a run on a few rows does besides.

What is here tells and reads what parse.py does. It leaves to that what it is not sure of (dates,
`007`, `+5`, numbers in quotes beside text, blank lines, ...): then the whole file is read there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from parapply.formats import Survey
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.index import MARKS, Mark
from parapply.formats.csv.parse import FALSE, TRUE, Kind

MOST_BYTES = 1 << 18  # of text that is read so: from there on Arrow makes up for its import
_DELIMITERS = b",;\t|"
_INTEGERS = re.compile(r"(?:-?(?:0|[1-9][0-9]{0,17})\n)*+")
_NUMBER = r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,2})?"
_NUMBERS = re.compile(rf"(?:{_NUMBER}\n)*+", re.IGNORECASE)
_NO_TEXT = re.compile(r"inf|nan", re.IGNORECASE)  # what floats may begin with


def suits(dialect: Dialect) -> bool:
    """Whether lines of this dialect can be read here."""
    return dialect.plain and dialect.quote == ord('"') and dialect.delimiter in _DELIMITERS


def lines(text: bytes) -> list[bytes] | None:
    """Return the lines, each with its end; None where not each of them is a record."""
    if b"\0" in text or text.count(b"\r") != text.count(b"\r\n"):
        return None
    found = text.splitlines(keepends=True)
    return None if b"\n" in found or b"\r\n" in found else found


def rows(records: Sequence[bytes], dialect: Dialect, width: int) -> list[list[str]] | None:
    """Return the fields of each line as they stand; None where not each has `width` of them."""
    try:
        text = b"".join(records).decode()
    except UnicodeDecodeError:
        return None
    mark = chr(dialect.delimiter)
    found = text.removesuffix("\n").removesuffix("\r").replace("\r\n", "\n").split("\n")
    if '"' in text:
        split = [_split(line, mark) for line in found]
        fields = [row for row in split if row is not None]
    else:
        fields = [line.split(mark) for line in found]
    return fields if len(fields) == len(records) and {*map(len, fields)} == {width} else None


def _split(line: str, mark: str) -> list[str] | None:
    """Return the fields of one record; None where a quote is not where it should be."""
    if '"' not in line:
        return line.split(mark)
    fields: list[str] = []
    for piece in line.split(mark):
        if fields and fields[-1].count('"') % 2:
            fields[-1] += mark + piece  # it is inside of quotes
        else:
            fields.append(piece)
    return fields if all(_QUOTED.fullmatch(field) for field in fields) else None


_QUOTED = re.compile(r'"(?:[^"]|"")*+"|[^"]*+')


def column(fields: Sequence[Sequence[str]], position: int) -> list[str]:
    """Return the text of each field of a column, quotes taken off."""
    return [
        field if field[:1] != '"' else field[1:-1].replace('""', '"')
        for field in (row[position] for row in fields)
    ]


def kind(values: Sequence[str], nulls: Collection[str]) -> Kind | None:
    """Return the kind of a column; None where it takes parse.py to tell."""
    every = set(values)
    known = every.difference(nulls)
    missing = len(known) < len(every)
    text = "\n".join(known) + "\n"
    if not known:
        return Kind("null", missing)
    if _INTEGERS.fullmatch(text):
        return Kind("int", missing)
    if _NUMBERS.fullmatch(text):
        return Kind("float", missing)
    words = known.difference(TRUE, FALSE)
    if not words:
        return Kind("bool", missing)
    if any(value[:1].isalpha() and not _NO_TEXT.match(value) for value in words):
        return Kind("text", missing)
    return None


def survey(
    text: bytes, start: int, dialect: Dialect, width: int, positions: Sequence[int],
    nulls: Sequence[str],
) -> Survey | None:  # fmt: skip
    """Survey a whole file, whose records begin at `start`; None where that takes Arrow."""
    records = lines(text) if suits(dialect) else None
    fields = None if not records else rows(records, dialect, width)
    if records is None or fields is None:
        return None
    kinds = []
    for position in positions:
        if (found := kind(column(fields, position), frozenset(nulls))) is None:
            return None
        kinds.append(found)
    return Survey(len(records), tuple(kinds), _marks(records, start))


def _marks(records: Sequence[bytes], start: int) -> tuple[Mark, ...]:
    step = -(-len(records) // MARKS)
    found = []
    for row in range(0, len(records), step):
        found.append(Mark(row, start))
        start += sum(map(len, records[row : row + step]))
    return tuple(found)


def values(
    texts: Sequence[str], type_: str, nulls: Collection[str], *, nullable: bool
) -> list[Any]:
    """Return a column's text as values of a type, by its name; raises ValueError."""
    convert = _VALUES[type_]
    if not nullable:
        return list(map(convert, texts))
    return [None if text in nulls else convert(text) for text in texts]


_VALUES: dict[str, Callable[[str], Any]] = {
    "int64": int,
    "double": float,
    "string": str,
    "bool": TRUE.__contains__,
}
