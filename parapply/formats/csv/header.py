"""The head of a CSV file or stream: its names, its dialect, and where the records begin."""

from __future__ import annotations

import csv
import re
from typing import BinaryIO

from parapply.formats.common.blocks import after_lines, grown
from parapply.formats.csv.dialect import LINE_END as _LINE_END
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.dialects import named
from parapply.formats.csv.escapes import text_of
from parapply.formats.csv.records import first_end, is_open, split_fields
from parapply.formats.nouns import Reading
from parapply.model.errors import InputError, UsageError
from parapply.model.excerpt import shown
from parapply.model.records import record, replace

_BOM = b"\xef\xbb\xbf"
_SNIFFED = b",;\t|"
# The delimiter, as who writes for Excel says it.
_SAID = re.compile(rb"(?:\xef\xbb\xbf)?sep=([^\r\n])(?:\r\n|\n|\r)")


@record
class CsvHead:
    """What was found; `fields` are the names as they stand, None where there is no header."""

    dialect: Dialect
    columns: tuple[str, ...]
    fields: tuple[bytes, ...] | None
    before: bytes  # what the output begins with too: a BOM, blank lines, comments
    line_end: bytes
    ended: bool  # the header has its line end
    start: int  # of the first record, in bytes of the file
    after: bytes = b""  # blank lines and comments after the header, where no record follows


def read_head(file: BinaryIO, name: str, delimiter: int, reading: Reading) -> tuple[CsvHead, bytes]:
    """Read the head, and return it with what was read beyond it.

    Raises InputError where there is nothing to read, or names are not UTF-8.
    """
    dialect = make_dialect(delimiter, reading)
    text, skipped = after_lines(file, reading.skip_rows, _LINE_END)
    text = grown(file, text, lambda text: _has_record(text, dialect))
    said = _SAID.match(text)
    if said is not None and reading.delimiter is None:
        dialect = replace(dialect, delimiter=said[1][0])
    lead = _after_mark(text)
    if not (reading.no_headers and dialect.blanks):
        lead = _lead(text, dialect, lead)
    end = first_end(text[lead:], dialect)
    record = text[lead:] if end < 0 else text[lead : lead + end]
    if not record:
        raise InputError(f"{name} is empty: it has no header")
    if end < 0:
        _check_closed(record, dialect, name)
    bare = record.rstrip(b"\n" if dialect.lf else b"\r\n")
    if reading.delimiter is None and reading.dialect is None and said is None:
        dialect = _sniffed(bare, dialect)
    _check_decimal(dialect)
    fields = tuple(split_fields(bare, dialect))
    dialect = replace(dialect, single=len(fields) == 1) if dialect.blanks else dialect
    line_end = record[len(bare) :] or b"\n"
    if reading.no_headers:
        columns = tuple(str(place) for place in range(len(fields)))
        start = skipped + lead
        return CsvHead(dialect, columns, None, text[:lead], line_end, True, start), text[lead:]
    columns = _names(bare, fields, dialect, name)
    rest = grown(file, text[lead + len(record) :], lambda text: not _is_lead(text, dialect))
    after = rest if _is_lead(rest, dialect) and not dialect.single else b""
    start = skipped + lead + len(record)
    ended = record != bare
    return CsvHead(dialect, columns, fields, text[:lead], line_end, ended, start, after), rest


def _check_closed(record: bytes, dialect: Dialect, name: str) -> None:
    """Raise InputError where a quote is opened in the header and the file ends within it."""
    if is_open(split_fields(record, dialect)[-1], dialect):
        raise InputError(
            f"{name}: a quote is opened in the header and never closed: {shown(record)}; "
            "--quote '' takes quotes as text"
        )


def make_dialect(delimiter: int, reading: Reading) -> Dialect:
    """Return the dialect that was asked for; raises UsageError for more than one byte."""
    base = Dialect(delimiter) if reading.dialect is None else named(reading.dialect)
    quote = base.quote if reading.quote is None else _byte(reading.quote, "--quote")
    return replace(
        base,
        delimiter=_byte(reading.delimiter, "--delimiter") or base.delimiter,
        quote=quote,
        escape=_byte(reading.escape, "--escape") or base.escape,
        comment=_byte(reading.comment, "--comment"),
        decimal=_byte(reading.decimal, "--decimal") or base.decimal,
    )


def _check_decimal(dialect: Dialect) -> None:
    if dialect.decimal == dialect.delimiter:
        mark = chr(dialect.decimal)
        raise UsageError(f"{mark!r} stands between fields: it cannot be the --decimal, too; say -d")


def _byte(text: str | None, option: str) -> int | None:
    text = "\t" if text in ("\\t", "tab") else text
    if not text:
        return None
    if len(text.encode()) != 1 or text in "\r\n":
        raise UsageError(f"{option} {text!r}: give one ASCII character")
    return ord(text)


def _lead(text: bytes, dialect: Dialect, position: int = 0) -> int:
    """How much stands before the first record after `position`: blank lines, comments."""
    while position < len(text):
        if text[position] in b"\r\n":
            position += 1
        elif text[position] == dialect.comment and (found := _LINE_END.search(text, position)):
            position = found.end()
        else:
            break
    return position


def _has_record(text: bytes, dialect: Dialect) -> bool:
    lead = _lead(text, dialect, _after_mark(text))
    return not _is_lead(text[lead:], dialect) and first_end(text[lead:], dialect) >= 0


def without_said(before: bytes) -> bytes:
    """Return what stands before a header without the line that says the delimiter."""
    return before if _SAID.match(before) is None else before[: before.index(b"sep=")]


def _after_mark(text: bytes) -> int:
    """How much of `text` is a byte order mark, and a line that says the delimiter."""
    said = _SAID.match(text)
    return said.end() if said is not None else len(_BOM) if text.startswith(_BOM) else 0


def _is_lead(text: bytes, dialect: Dialect) -> bool:
    """Whether there is no part of a record in `text`."""
    lead = _lead(text, dialect)
    return lead == len(text) or text[lead] == dialect.comment


def _sniffed(record: bytes, dialect: Dialect) -> Dialect:
    """Take another delimiter where the header has no `,` (or what is usual) but plainly that."""
    if len(split_fields(record, dialect)) > 1:
        return dialect
    others = [mark for mark in _SNIFFED if mark in record and mark != dialect.delimiter]
    found = [mark for mark in others if len(split_fields(record, _with(dialect, mark))) > 1]
    return _with(dialect, found[0]) if len(found) == 1 else dialect


def _with(dialect: Dialect, delimiter: int) -> Dialect:
    return replace(dialect, delimiter=delimiter)


def _names(
    record: bytes, fields: tuple[bytes, ...], dialect: Dialect, name: str
) -> tuple[str, ...]:
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: the header is not UTF-8 text; name its --encoding (latin-1?)"
        ) from error
    if not dialect.by_arrow:
        return tuple(text_of(field, dialect).decode() for field in fields)
    reader = csv.reader(
        [text],
        delimiter=chr(dialect.delimiter),
        quotechar=None if dialect.quote is None else chr(dialect.quote),
        quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
        escapechar=None if dialect.escape is None else chr(dialect.escape),
    )
    try:
        row = list(reader)
    except csv.Error:
        row = []
    if len(row) == 1 and len(row[0]) == len(fields):
        return tuple(row[0])
    return tuple(field.decode() for field in fields)
