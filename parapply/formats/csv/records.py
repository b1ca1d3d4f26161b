"""The records of CSV text, found by numpy over all bytes at once: about 30 ns a record.

A newline ends a record if an even number of quotes precedes it, provided that every quote opens a
field, closes one or is doubled, which is checked. Of other text (`5" pipe`, escapes) only opening
and closing quotes count (see quotes.py). Text with comments is read record by record.
"""

from __future__ import annotations

from collections.abc import Sequence

from parapply.formats.csv.dialect import (
    LINE,
    Dialect,
    closed_pattern,
    ended_pattern,
    field_pattern,
    record_pattern,
)
from parapply.formats.csv.positions import outside, positions
from parapply.formats.csv.quotes import CR, LF, Marks, find_quotes, turns
from parapply.model.deferred_imports import Array, np
from parapply.model.records import record


@record
class Records:
    """The records of `text`, without blank lines and comments, as byte positions, one per record.

    A record is start to stop; stop to end is its line end, empty at the end of a file that lacks
    one. `orderly`: all quotes open, close, or are doubled.
    """

    text: bytes
    starts: Array
    stops: Array
    ends: Array
    orderly: bool = True

    def __len__(self) -> int:
        return len(self.starts)

    def cut(self, skip: int, rows: int) -> Records:
        """Return `rows` records after the first `skip`, with only the text that they need."""
        if skip == 0 and rows >= len(self):
            return self
        part, stop = slice(skip, skip + rows), skip + rows
        start = 0 if skip == 0 else int(self.starts[skip])
        end = int(self.starts[stop]) if stop < len(self) else len(self.text)
        starts, stops, ends = (edge[part] - start for edge in (self.starts, self.stops, self.ends))
        return Records(self.text[start:end], starts, stops, ends, self.orderly)

    def only(self, rows: Sequence[int]) -> Records:
        """Return the records at these positions, with positions in the same text."""
        part = np.array(rows, np.int64)
        starts, stops, ends = (edge[part] for edge in (self.starts, self.stops, self.ends))
        return Records(self.text, starts, stops, ends, self.orderly)

    def compact(self) -> bytes:
        """Return the text without blank lines and comments."""
        pairs = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return b"".join([self.text[start:end] for start, end in pairs])

    def contiguous(self) -> memoryview:
        """Return the text from the first record to the last one's end."""
        return memoryview(self.text)[int(self.starts[0]) : int(self.ends[-1])]


def find_records(text: bytes, dialect: Dialect) -> Records:
    """Return the records of text that begins and ends with a whole record."""
    if not dialect.plain:
        return _one_by_one(text, dialect)
    return _found(Marks(text, dialect), dialect)


def find_whole_records(text: bytes, dialect: Dialect) -> Records | None:
    """The same for a plain dialect; None where the text ends within a record."""
    marks = Marks(text, dialect)
    return None if marks.is_cut() else _found(marks, dialect)


def _found(marks: Marks, dialect: Dialect) -> Records:
    text, data = marks.text, marks.data
    if dialect.lf or b"\r" not in text:
        return _of_lines(marks)
    ends = marks.outside(line_ends(data), 1)
    if len(data) and (not len(ends) or ends[-1] != len(data)):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1])).astype(np.int64)
    return _records(marks, starts[: len(ends)], ends)


def _of_lines(marks: Marks) -> Records:
    """Find records whose line ends are all LF; the last may have none."""
    data = marks.data
    stops = marks.outside(positions(data, LF))
    ends = stops + 1
    if len(data) and (not len(ends) or ends[-1] != len(data)):
        stops, ends = np.append(stops, len(data)), np.append(ends, len(data))
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1]
    return _filled(marks, starts, stops, ends)


def first_end(text: bytes, dialect: Dialect) -> int:
    """Return the position after the first record's end, or -1."""
    found = ended_pattern(dialect).match(text)
    if found is None or (found.end() == len(text) and text.endswith(b"\r")):
        return -1  # a CR at the very end may be half of CRLF
    return found.end()


def record_ends(text: bytes, dialect: Dialect, *, inside: bool) -> tuple[Array, bool]:
    """Return record ends in whole lines (no escapes), and if these end `inside` quotes."""
    data = np.frombuffer(text, np.uint8)
    ends, quotes = line_ends(data), find_quotes(text, data, dialect)
    turning = np.full(int(inside), -1)
    if quotes is not None:
        turning = np.append(turning, turns(data, quotes, dialect, inside=inside))
    return outside(ends, turning), len(turning) % 2 == 1


def split_fields(record: bytes, dialect: Dialect) -> list[bytes]:
    """Return the fields of one record (without its line end) as they stand."""
    fields, position, match = [], 0, field_pattern(dialect).match
    while True:
        found = match(record, position)
        end = len(record) if found is None else found.end()
        fields.append(record[position:end])
        if end >= len(record):
            return fields
        position = end + 1


def field_edges(records: Records, dialect: Dialect, count: int) -> Array | None:
    """Return delimiter positions, shape (rows, count - 1); None if records have other widths."""
    if not dialect.plain:
        return _edges_one_by_one(records, dialect, count)
    marks = Marks(records.text, dialect, orderly=records.orderly)
    commas = marks.outside(np.flatnonzero(marks.data == dialect.delimiter))
    if len(commas) != len(records) * (count - 1):
        return None
    edges = commas.reshape(len(records), count - 1)
    # The right total may still be one too few here and one too many there.
    if count > 1 and ((edges[:, 0] < records.starts) | (edges[:, -1] >= records.stops)).any():
        return None
    return edges


def is_closed(records: Records, dialect: Dialect) -> bool:
    """Whether the last record closes every quote that it opens."""
    if not len(records) or dialect.quote is None or (dialect.plain and records.orderly):
        return True
    record = records.text[int(records.starts[-1]) : int(records.stops[-1])]
    return not is_open(split_fields(record, dialect)[-1], dialect)


def is_open(field: bytes, dialect: Dialect) -> bool:
    """Whether a field opens a quote without closing it."""
    quoted = dialect.quote is not None and field.startswith(bytes([dialect.quote]))
    return quoted and not closed_pattern(dialect).match(field)


def line_ends(data: Array) -> Array:
    """Return the positions after each LF, CRLF, or lone CR."""
    ends = positions(data, LF) + 1
    returns = positions(data, CR)
    lone = returns[np.append(data, 0)[returns + 1] != LF] + 1
    return np.union1d(ends, lone) if len(lone) else ends


def _records(marks: Marks, starts: Array, ends: Array) -> Records:
    """Find each record's line end from its bytes."""
    stops, data = ends.copy(), marks.data
    filled = stops > starts
    stops[filled] -= data[stops[filled] - 1] == LF
    filled = stops > starts
    stops[filled] -= data[stops[filled] - 1] == CR
    return _filled(marks, starts, stops, ends)


def _filled(marks: Marks, starts: Array, stops: Array, ends: Array) -> Records:
    """Remove blank lines, unless they are records."""
    text, orderly, kept = marks.text, marks.orderly, stops > starts
    if marks.blanks or kept.all():
        return Records(text, starts, stops, ends, orderly)
    return Records(text, starts[kept], stops[kept], ends[kept], orderly)


def _one_by_one(text: bytes, dialect: Dialect) -> Records:
    match = record_pattern(dialect).match
    starts, ends, position = [], [], 0
    while position < len(text):
        comment = text[position] == dialect.comment
        found = (LINE.match if comment else match)(text, position)
        end = found.end() if found is not None and found.end() > position else len(text)
        if not comment:
            starts.append(position)
            ends.append(end)
        position = end
    edges = np.array([starts, ends], np.int64).reshape(2, -1)
    return _records(Marks(text, dialect), edges[0], edges[1])


def _edges_one_by_one(records: Records, dialect: Dialect, count: int) -> Array | None:
    rows = []
    for start, stop in zip(records.starts.tolist(), records.stops.tolist(), strict=True):
        lengths = [len(field) for field in split_fields(records.text[start:stop], dialect)]
        if len(lengths) != count:
            return None
        rows.append(start + np.cumsum(lengths)[:-1] + np.arange(count - 1))
    return np.array(rows, np.int64).reshape(len(rows), count - 1)
