"""Where the records of CSV text are: found by numpy over all bytes at once, about 30 ns a record.

A newline ends a record when an even number of quotes stands before it. That is true as long as
every quote opens a field, closes one or is doubled, which is checked; where text has stray quotes
(`5" pipe`), escapes or comments the records are found one by one, with the rule of pandas and
Arrow: a quote opens a field only as its first character.
"""

from __future__ import annotations

from collections.abc import Sequence

from parapply.formats.csv.dialect import LINE, LINE_END, Dialect, field_pattern, record_pattern
from parapply.formats.csv.positions import outside, positions
from parapply.lazily import Array, np
from parapply.records import record

LF, CR = 10, 13


@record
class Records:
    """Records of `text` that are neither blank lines nor comments: byte positions, one a record.

    A record's own bytes are start to stop; stop to end is its line end (empty at the end of a
    file that has none). `orderly`: newlines and quotes alone told where they are.
    """

    text: bytes
    starts: Array
    stops: Array
    ends: Array
    orderly: bool = True

    def __len__(self) -> int:
        return len(self.starts)

    def cut(self, skip: int, rows: int) -> Records:
        """Return `rows` records after the first `skip`, with no more text than they need."""
        if skip == 0 and rows >= len(self):
            return self
        part, stop = slice(skip, skip + rows), skip + rows
        start = 0 if skip == 0 else int(self.starts[skip])
        end = int(self.starts[stop]) if stop < len(self) else len(self.text)
        return Records(
            self.text[start:end],
            self.starts[part] - start,
            self.stops[part] - start,
            self.ends[part] - start,
            self.orderly,
        )

    def only(self, rows: Sequence[int]) -> Records:
        """Return some records, given by their positions in order, with positions in this text."""
        part = np.array(rows, np.int64)
        return Records(
            self.text, self.starts[part], self.stops[part], self.ends[part], self.orderly
        )

    def compact(self) -> bytes:
        """Return the text without what stands between records."""
        pairs = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return b"".join([self.text[start:end] for start, end in pairs])

    def contiguous(self) -> memoryview:
        """Return the text from the first record to the last one's end."""
        return memoryview(self.text)[int(self.starts[0]) : int(self.ends[-1])]


def find_records(text: bytes, dialect: Dialect) -> Records:
    """Return the records of text that starts at a record's start and ends at a record's end."""
    if not dialect.plain:
        return _one_by_one(text, dialect)
    data = np.frombuffer(text, np.uint8)
    return _found(text, data, _quotes(text, data, dialect), dialect)


def find_whole_records(text: bytes, dialect: Dialect) -> Records | None:
    """The same, of a plain dialect; None where quotes are not in pairs: some record is cut."""
    data = np.frombuffer(text, np.uint8)
    quotes = _quotes(text, data, dialect)
    odd = quotes is not None and len(quotes) % 2
    return None if odd else _found(text, data, quotes, dialect)


def _found(text: bytes, data: Array, quotes: Array | None, dialect: Dialect) -> Records:
    if quotes is not None and not _orderly(data, quotes, dialect.delimiter):
        return _one_by_one(text, dialect)
    if b"\r" not in text:
        return _of_lines(text, data, quotes)
    ends = _line_ends(data)
    if quotes is not None:
        ends = outside(ends, quotes)
    if len(data) and (not len(ends) or ends[-1] != len(data)):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1])).astype(np.int64)
    return _records(text, data, starts[: len(ends)], ends, orderly=True)


def _of_lines(text: bytes, data: Array, quotes: Array | None) -> Records:
    """Find records whose line ends are all LF, but for the last one, which may have none."""
    stops = positions(data, LF)
    if quotes is not None:
        stops = outside(stops, quotes)
    ends = stops + 1
    if len(data) and (not len(ends) or ends[-1] != len(data)):
        stops, ends = np.append(stops, len(data)), np.append(ends, len(data))
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1]
    return _filled(text, starts, stops, ends, orderly=True)


def first_end(text: bytes, dialect: Dialect, quotes_before: int = 0) -> int:
    """Return the position after the first record end in `text`, or -1."""
    if not dialect.plain:
        return _first_end_one_by_one(text, dialect)
    quote = b"" if dialect.quote is None else bytes([dialect.quote])
    odd, position = quotes_before % 2, 0
    for found in LINE_END.finditer(text):
        odd = (odd + (text.count(quote, position, found.start()) if quote else 0)) % 2
        position = found.end()
        if not odd:
            return position
    return -1


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
    """Return the positions of the delimiters of each record, shape (rows, count - 1).

    None where some record has another number of fields.
    """
    if not (dialect.plain and records.orderly):
        return _edges_one_by_one(records, dialect, count)
    data = np.frombuffer(records.text, np.uint8)
    commas = np.flatnonzero(data == dialect.delimiter)
    if (quotes := _quotes(records.text, data, dialect)) is not None:
        commas = outside(commas, quotes)
    if len(commas) != len(records) * (count - 1):
        return None
    edges = commas.reshape(len(records), count - 1)
    # As many as there should be in all may still be one too few here and one too many there.
    if count > 1 and ((edges[:, 0] < records.starts) | (edges[:, -1] >= records.stops)).any():
        return None
    return edges


def is_closed(records: Records, dialect: Dialect) -> bool:
    """Whether no quote is opened in the last record that the text does not close."""
    if records.orderly or dialect.quote is None or dialect.escape is not None or not len(records):
        return True
    record = records.text[int(records.starts[-1]) : int(records.stops[-1])]
    field, mark = split_fields(record, dialect)[-1], bytes([dialect.quote])
    return not (field.startswith(mark) and field.count(mark) % 2)


def _quotes(text: bytes, data: Array, dialect: Dialect) -> Array | None:
    if dialect.quote is None or bytes([dialect.quote]) not in text:
        return None
    return positions(data, dialect.quote)


def _line_ends(data: Array) -> Array:
    """Positions after each LF, CRLF, or CR that stands alone."""
    ends = positions(data, LF) + 1
    returns = positions(data, CR)
    following = np.append(data, 0)[returns + 1]
    lone = returns[following != LF] + 1
    return np.union1d(ends, lone) if len(lone) else ends


def _orderly(data: Array, quotes: Array, delimiter: int) -> bool:
    """Whether each quote opens a field, closes one, or is one of a doubled pair."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    bounds = np.zeros(256, np.bool_)
    bounds[[delimiter, LF, CR, data[quotes[0]]]] = True
    before = data[opening[opening > 0] - 1]
    after = data[closing[closing < len(data) - 1] + 1]
    return bool(bounds[before].all() and bounds[after].all())


def _records(text: bytes, data: Array, starts: Array, ends: Array, *, orderly: bool) -> Records:
    """Tell each record's line end from its bytes."""
    stops = ends.copy()
    filled = stops > starts
    stops[filled] -= data[stops[filled] - 1] == LF
    filled = stops > starts
    stops[filled] -= data[stops[filled] - 1] == CR
    return _filled(text, starts, stops, ends, orderly=orderly)


def _filled(text: bytes, starts: Array, stops: Array, ends: Array, *, orderly: bool) -> Records:
    """Leave out blank lines."""
    kept = stops > starts
    if kept.all():
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
    return _records(text, np.frombuffer(text, np.uint8), edges[0], edges[1], orderly=False)


def _first_end_one_by_one(text: bytes, dialect: Dialect) -> int:
    records = _one_by_one(text, dialect)
    if not len(records) or (len(records) == 1 and records.ends[0] == len(text) == records.stops[0]):
        return -1
    return int(records.ends[0])


def _edges_one_by_one(records: Records, dialect: Dialect, count: int) -> Array | None:
    rows = []
    for start, stop in zip(records.starts.tolist(), records.stops.tolist(), strict=True):
        lengths = [len(field) for field in split_fields(records.text[start:stop], dialect)]
        if len(lengths) != count:
            return None
        rows.append(start + np.cumsum(lengths)[:-1] + np.arange(count - 1))
    return np.array(rows, np.int64).reshape(len(rows), count - 1)
