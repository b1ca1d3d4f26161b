"""The head of a CSV file or stream: column names, dialect, and where records begin."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
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
# The line that declares the delimiter for Excel.
_SAID = re.compile(rb"(?:\xef\xbb\xbf)?sep=([^\r\n])(?:\r\n|\n|\r)")


@record
class CsvHead:
    """What the head says; `fields` are the names as they stand, None without a header."""

    dialect: Dialect
    columns: tuple[str, ...]
    fields: tuple[bytes, ...] | None
    before: bytes  # also the beginning of the output: a BOM, blank lines, comments
    line_end: bytes
    ended: bool  # the header has a line end
    start: int  # of the first record, in bytes of the file
    after: bytes = b""  # blank lines and comments after the header, where no record follows


def read_head(file: BinaryIO, name: str, delimiter: int, reading: Reading) -> tuple[CsvHead, bytes]:
    """Return the head and the text read beyond it; raises InputError if empty or not UTF-8."""
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
        columns, start = tuple(map(str, range(len(fields)))), skipped + lead
        return CsvHead(dialect, columns, None, text[:lead], line_end, True, start), text[lead:]
    columns = _names(bare, fields, dialect, name)
    rest = grown(file, text[lead + len(record) :], lambda text: not _is_lead(text, dialect))
    after = rest if _is_lead(rest, dialect) and not dialect.single else b""
    start, ended = skipped + lead + len(record), record != bare
    return CsvHead(dialect, columns, fields, text[:lead], line_end, ended, start, after), rest


def _check_closed(record: bytes, dialect: Dialect, name: str) -> None:
    """Raise InputError where the file ends within a quoted name of its header."""
    if is_open(split_fields(record, dialect)[-1], dialect):
        raise InputError(
            f"{name}: a quote is opened in the header and never closed: {shown(record)}; "
            "--quote '' takes quotes as text"
        )


def make_dialect(delimiter: int, reading: Reading) -> Dialect:
    """Return the dialect of the options; raises UsageError for more than one byte."""
    base = Dialect(delimiter) if reading.dialect is None else named(reading.dialect)
    return replace(
        base,
        delimiter=_byte(reading.delimiter, "--delimiter") or base.delimiter,
        quote=base.quote if reading.quote is None else _byte(reading.quote, "--quote"),
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
    """Return where the first record after `position` begins, behind blank lines and comments."""
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
    """Remove the line that declares the delimiter from the text before a header."""
    return before if _SAID.match(before) is None else before[: before.index(b"sep=")]


def _after_mark(text: bytes) -> int:
    """Return the length of a byte order mark, or of a line that declares the delimiter."""
    said = _SAID.match(text)
    return said.end() if said is not None else len(_BOM) if text.startswith(_BOM) else 0


def _is_lead(text: bytes, dialect: Dialect) -> bool:
    """Whether `text` is only blank lines and comments."""
    lead = _lead(text, dialect)
    return lead == len(text) or text[lead] == dialect.comment


def _sniffed(record: bytes, dialect: Dialect) -> Dialect:
    """Switch to another delimiter if only that one splits the header."""
    if len(split_fields(record, dialect)) > 1:
        return dialect
    others = [mark for mark in _SNIFFED if mark in record and mark != dialect.delimiter]
    dialects = [replace(dialect, delimiter=mark) for mark in others]
    found = [other for other in dialects if len(split_fields(record, other)) > 1]
    return found[0] if len(found) == 1 else dialect


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
    with suppress(csv.Error):
        row = list(reader)
        if len(row) == 1 and len(row[0]) == len(fields):
            return tuple(row[0])
    return tuple(field.decode() for field in fields)
