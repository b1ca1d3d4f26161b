"""One CSV input: its header (parent), where its records are (both), and their rows (workers)."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import BinaryIO

import numpy as np

from parapply.errors import InputError
from parapply.formats import Field, Survey
from parapply.formats.csv import parse
from parapply.formats.csv.batch import CsvBatch, Place, check_widths, tabulate
from parapply.formats.csv.index import ByteIndex, ByteSpan, Mark
from parapply.formats.csv.records import Records, find_records, first_end, split_fields

BLOCK_BYTES = 4 << 20
STREAM_BYTES = 1 << 20
_MARKS = 64  # a block: how finely chunks can be cut without reading a byte twice
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file, or a stream, whose text comes with each chunk."""

    path: str
    name: str
    delimiter: int
    columns: tuple[str, ...]
    header: tuple[bytes, ...]  # the names as they stand, quotes included
    before: bytes  # what stands before the header: a BOM, blank lines
    line_end: bytes
    start: int  # of the first record after the header
    stop: int
    orderly: bool = True  # no stray quotes: see records.py

    joins_surveys = True

    def pieces(self) -> Iterator[ByteSpan]:
        """Yield spans of about 4 MiB that start and stop between records (parent)."""
        if not self.orderly:
            yield from self._pieces_in_turn()
            return
        start, stop = self.start, self.start
        quotes = 0
        with open(self.path, "rb") as file:
            while stop < self.stop:
                file.seek(stop)
                text = file.read(min(BLOCK_BYTES, self.stop - stop))
                quotes += int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord('"')))
                stop = self._next_end(file, stop + len(text), quotes)
                quotes = 0
                yield ByteSpan(start, stop)
                start = stop

    def survey(self, piece: ByteSpan | bytes, positions: Sequence[int]) -> Survey:
        """Count records and tell the kinds of columns; marks are every 64th part of the piece."""
        if isinstance(piece, bytes):
            return self._survey(find_records(piece, self.delimiter), 0, positions)
        return self._survey(self._records(piece), piece.start, positions)

    def _survey(self, records: Records, start: int, positions: Sequence[int]) -> Survey:
        if not len(records):
            return Survey(0, tuple(parse.Kind("null", False) for _ in positions))
        place = self._place(())

        def table_of(types: dict[int, object]) -> object:
            return tabulate(records, place, types, nulls=True)

        try:
            kinds = parse.kinds(records.text, self.delimiter, positions or (0,), table_of)
        except InputError:
            # Said again with the row's number in the file, which is worth counting for only now.
            check_widths(records, replace(place, first_row=self._rows_before(start)))
            raise
        step = -(-len(records) // _MARKS)
        offsets = records.starts[::step] + start
        offsets[0] = start
        marks = [Mark(i * step, int(offset)) for i, offset in enumerate(offsets)]
        return Survey(len(records), kinds[: len(positions)], tuple(marks))

    def index(self, surveys: Sequence[Survey]) -> ByteIndex:
        """Put the marks of all pieces in one list."""
        return ByteIndex.of(surveys, self.start, self.stop)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return the columns with the types that hold every piece's values."""
        kinds = {
            position: reduce(parse.Kind.join, (survey.kinds[i] for survey in surveys))
            for i, position in enumerate(positions)
            if surveys
        }
        return tuple(
            Field(name, parse.ARROW[kinds[p].name], kinds[p].nulls)
            if p in kinds
            else Field(name, parse.ARROW["null"] if p in positions else None)
            for p, name in enumerate(self.columns)
        )

    def batch(
        self, span: ByteSpan | None, fields: tuple[Field, ...], data: bytes | None = None
    ) -> CsvBatch:
        """Open the records of a span, or those in `data`."""
        if span is None:
            return CsvBatch(find_records(data or b"", self.delimiter), self._place(fields))
        records = self._records(span)
        if span.rows is not None:
            records = _narrowed(records, span.skip, span.rows)
            if len(records) != span.rows:
                raise InputError(f"{self.name} changed while it was read")
        return CsvBatch(records, replace(self._place(fields), first_row=span.first_row))

    def _place(self, fields: tuple[Field, ...]) -> Place:
        return Place(self.name, len(self.columns), self.delimiter, fields, 0)

    def _records(self, span: ByteSpan) -> Records:
        with open(self.path, "rb") as file:
            text = os.pread(file.fileno(), span.stop - span.start, span.start)
        if len(text) != span.stop - span.start:
            raise InputError(f"{self.name} became shorter while it was read")
        return find_records(text, self.delimiter)

    def _next_end(self, file: BinaryIO, position: int, quotes: int) -> int:
        """Return where the record ends that goes on at `position`."""
        size = 1 << 16
        while position < self.stop:
            file.seek(position)
            text = file.read(min(size, self.stop - position))
            if (end := first_end(text, quotes)) >= 0:
                return position + end
            quotes += text.count(b'"')
            position += len(text)
        return self.stop

    def _pieces_in_turn(self) -> Iterator[ByteSpan]:
        with open(self.path, "rb") as file:
            file.seek(self.start)
            start = self.start
            for records in cut_blocks(file, b"", self.delimiter, BLOCK_BYTES):
                yield ByteSpan(start, start + len(records.text))
                start += len(records.text)

    def _rows_before(self, position: int) -> int:
        if not self.path:
            return 0
        before = (piece for piece in self.pieces() if piece.stop <= position)
        return sum(len(self._records(piece)) for piece in before)


def open_file(path: str, name: str, delimiter: int) -> CsvSource:
    """Read the header of a file; raises InputError where there is none."""
    with open(path, "rb") as file:
        head, _ = read_header(file, name)
        size = os.fstat(file.fileno()).st_size
    return _describe(path, name, delimiter, head, len(head), size)


def open_stream(
    file: BinaryIO, name: str, delimiter: int
) -> tuple[CsvSource, Iterator[tuple[int, bytes]]]:
    """Read the header of a stream, and yield (rows, text) as it is read.

    The first text, by which types are decided, has a size that does not depend on how fast the
    stream is written.
    """
    head, rest = read_header(file, name)
    source = _describe("", name, delimiter, head, len(head), len(head))

    blocks = cut_blocks(file, rest, delimiter, STREAM_BYTES)
    return source, ((len(records), records.text) for records in blocks)


def read_header(file: BinaryIO, name: str) -> tuple[bytes, bytes]:
    """Return everything up to the end of the header, and what was read beyond it."""
    text, end = b"", -1
    while block := file.read(1 << 16):
        text += block
        skipped = len(text) - len(_without_lead(text))
        if (end := first_end(text[skipped:])) >= 0:
            return text[: skipped + end], text[skipped + end :]
    if not _without_lead(text):
        raise InputError(f"{name} is empty: it has no header")
    return text, b""


def cut_blocks(file: BinaryIO, text: bytes, delimiter: int, size: int) -> Iterator[Records]:
    """Yield records block by block, each with text that ends at a record's end."""
    while True:
        block = file.read(size - len(text)) if len(text) < size else b""
        if not block and len(text) < size:
            if text:
                yield find_records(text, delimiter)
            return
        text += block
        if len(text) < size:
            continue
        records = find_records(text, delimiter)
        cut = int(records.ends[-2]) if len(records) > 1 else 0
        if cut:
            yield _narrowed(records, 0, len(records) - 1)
            text = text[cut:]
        else:
            size = len(text) + (1 << 20)  # one record fills the block: read on


def _narrowed(records: Records, skip: int, rows: int) -> Records:
    """Return some of the records, with no more text than theirs and the blank lines after them."""
    if skip == 0 and rows == len(records):
        return records
    stop = skip + rows
    start = 0 if skip == 0 else int(records.starts[skip])
    end = int(records.starts[stop]) if stop < len(records) else len(records.text)
    part = records.cut(skip, rows)
    return Records(
        records.text[start:end], part.starts - start, part.stops - start, part.ends - start
    )


def _without_lead(text: bytes) -> bytes:
    return text.removeprefix(_BOM).lstrip(b"\r\n")


def _describe(
    path: str, name: str, delimiter: int, head: bytes, start: int, stop: int
) -> CsvSource:
    record = _without_lead(head)
    bare = record.rstrip(b"\r\n")
    header = split_fields(bare, delimiter)
    try:
        row = next(csv.reader([bare.decode()], delimiter=chr(delimiter)), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: the header is not UTF-8 text: {error}") from error
    columns = tuple(row) if len(row) == len(header) else tuple(h.decode() for h in header)
    line_end = record[len(bare) :] or b"\n"
    before = head[: len(head) - len(record)]
    return CsvSource(path, name, delimiter, columns, tuple(header), before, line_end, start, stop)
