"""The rows of one CSV chunk, in the worker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from parapply.errors import BadRowsError, InputError
from parapply.formats import Field
from parapply.formats.csv import parse
from parapply.formats.csv.records import (
    Dialect,
    Records,
    field_edges,
    find_records,
    split_fields,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where records are, to name them in messages."""

    name: str
    width: int
    dialect: Dialect
    nulls: tuple[str, ...]  # what stands for a missing value
    fields: tuple[Field, ...]
    first_row: int  # rows before these in the whole input

    def where(self, row: int) -> str:
        """Say which row is at a position."""
        return f"{self.name}: row {self.first_row + row + 1}"


class CsvBatch:
    """Records and, as far as they are asked for, their columns as Arrow arrays."""

    def __init__(self, records: Records, place: Place) -> None:
        self.records, self.place = records, place
        self.rows = len(records)
        self._read: dict[int, pa.Array] = {}
        self._expected: set[int] = set()

    def pick(self, rows: Sequence[int]) -> CsvBatch:
        """Return the batch of some records."""
        first, count = (rows[0], len(rows)) if rows else (0, 0)
        if list(rows) == list(range(first, first + count)):
            return CsvBatch(self.records.cut(first, count), self.place)
        part = self.records.only(rows)
        return CsvBatch(find_records(part.compact(), self.place.dialect), self.place)

    def bad_rows(self, positions: Sequence[int]) -> dict[int, str]:
        """Return which records have too few or too many fields, or values not of their types."""
        bad = ragged(self.records, self.place, shown=_WHOLE)
        while len(bad) < self.rows and positions:
            rest = self.without(bad) if bad else self
            try:
                rest.columns(positions)
                break
            except BadRowsError as error:
                places = [row for row in range(self.rows) if row not in bad]
                # Rows are counted here, as those of `rest` are not in their places.
                for row, why in error.rows.items():
                    bad[places[row]] = _renumbered(why, self.place, row, places[row])
        return bad

    def without(self, rows: Collection[int]) -> CsvBatch:
        """Return a batch without these records; blank lines and comments stay."""
        records, pieces, before = self.records, [], 0
        for row in sorted(rows):
            pieces.append(records.text[before : int(records.starts[row])])
            before = int(records.ends[row])
        text = b"".join([*pieces, records.text[before:]])
        return CsvBatch(find_records(text, self.place.dialect), self.place)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> CsvBatch:
        """Return a batch of some records, each with as many fields as the header."""
        records, dialect, width = self.records, self.place.dialect, self.place.width
        comma, pieces = bytes([dialect.delimiter]), []
        empty = b"" if dialect.quote is None else bytes([dialect.quote, dialect.quote])
        for row in rows:
            start, stop, end = (int(a[row]) for a in (records.starts, records.stops, records.ends))
            record = records.text[start:stop]
            if row in blank:
                record = comma * (width - 1) or empty
            elif row in ragged:
                fields = split_fields(record, dialect)[:width]
                record = comma.join([*fields, *[b""] * (width - len(fields))])
            pieces += [record, records.text[stop:end]]
        return CsvBatch(find_records(b"".join(pieces), dialect), self.place)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Parse these columns together when the first is asked for."""
        if typed:
            self._expected.update(positions)

    def columns(self, positions: Sequence[int]) -> list[pa.Array]:
        """Return typed arrays; those asked for together are parsed together."""
        missing = [position for position in positions if position not in self._read]
        if missing:
            missing = sorted({*missing, *self._expected} - set(self._read))
            types = {position: self.place.fields[position].type for position in missing}
            self._read.update(zip(missing, self._parse(types), strict=True))
        return [self._read[position] for position in positions]

    def verbatim(self, positions: Sequence[int]) -> list[pa.Array]:
        """Return each field's text (quotes taken off), missing values as what stands there."""
        if not self.rows or not positions:
            return [pa.nulls(0, pa.string()) for _ in positions]
        return self._tabulate(dict.fromkeys(positions, pa.string()), ())

    def _parse(self, types: dict[int, Any]) -> list[pa.Array]:
        if not self.rows:
            return [pa.nulls(0, type_) for type_ in types.values()]
        try:
            return self._tabulate(types, self.place.nulls)
        except parse.MisfitError:
            texts = self._tabulate(dict.fromkeys(types, pa.string()), self.place.nulls)
            return [
                self._convert(text, *item) for text, item in zip(texts, types.items(), strict=True)
            ]

    def _convert(self, texts: pa.Array, position: int, type_: Any) -> pa.Array:
        """Convert one column by itself; say which row and value do not fit."""
        try:
            return parse.column(texts, type_)
        except pa.ArrowInvalid:
            pass
        bad, name = {}, self.place.fields[position].name
        for row in range(len(texts)):
            try:
                parse.column(texts[row : row + 1], type_)
            except pa.ArrowInvalid:
                bad[row] = (
                    f"{self.place.where(row)}, column {name!r}: "
                    f"{texts[row].as_py()!r} is not of the type {type_} that the rows before it "
                    f"have; --dtype {name}=str takes any value"
                )
        raise BadRowsError(bad)

    def _tabulate(self, types: dict[int, Any], nulls: tuple[str, ...]) -> list[pa.Array]:
        table = tabulate(self.records, self.place, types, nulls)
        return [column.combine_chunks() for column in table.columns]


def tabulate(
    records: Records, place: Place, types: dict[int, Any], nulls: tuple[str, ...]
) -> pa.Table:
    """Parse records, and translate what Arrow says of ragged ones.

    Raises parse.MisfitError where a value does not have its type.
    """
    _check_end(records, place)
    try:
        table = parse.read(records, place.dialect, place.width, types, nulls)
    except pa.ArrowInvalid as error:
        check_widths(records, place)
        if "invalid UTF8" in str(error):
            raise _not_utf8(records, place, types) from error
        raise parse.MisfitError(str(error)) from error
    if table.num_rows != len(records):
        check_widths(records, place)
        raise InputError(
            f"{place.name}: near row {place.first_row + 1}: {len(records)} records, of which only "
            f"{table.num_rows} can be read; is a quote missing?"
        )
    return table


def _check_end(records: Records, place: Place) -> None:
    """Raise InputError where a quote is opened in the last record and never closed."""
    quote = place.dialect.quote
    if records.orderly or quote is None or place.dialect.escape is not None:
        return
    record = records.text[int(records.starts[-1]) : int(records.stops[-1])]
    field, mark = split_fields(record, place.dialect)[-1], bytes([quote])
    if field.startswith(mark) and field.count(mark) % 2:
        raise InputError(
            f"{place.name}: row {place.first_row + len(records)}: a quote is opened and never "
            f"closed: {field[:60].decode('utf-8', 'replace')}"
        )


def _not_utf8(records: Records, place: Place, types: dict[int, Any]) -> InputError:
    """Say which value is not UTF-8 text."""
    asked = dict.fromkeys(types, parse.BYTES)
    table = parse.read(records, place.dialect, place.width, asked, ())
    bad: dict[int, str] = {}
    for position, column in zip(types, table.columns, strict=True):
        for row, value in enumerate(column.to_pylist()):
            try:
                value.decode()
            except UnicodeDecodeError:
                name = place.fields[position].name if place.fields else f"number {position + 1}"
                bad.setdefault(
                    row,
                    f"{place.where(row)}, column {name!r}: "
                    f"{value[:60]!r} is not UTF-8 text; name its --encoding (latin-1?)",
                )
    return BadRowsError(bad)


def check_widths(records: Records, place: Place) -> None:
    """Raise BadRowsError for records that have too few or too many fields."""
    if bad := ragged(records, place):
        raise BadRowsError(bad)


def ragged(records: Records, place: Place, shown: int = 60) -> dict[int, str]:
    """Return which records have too few or too many fields, and what is wrong with each.

    So many bytes of each are `shown`.
    """
    if not len(records) or field_edges(records, place.dialect, place.width) is not None:
        return {}
    bad = {}
    edges = zip(records.starts.tolist(), records.stops.tolist(), strict=True)
    for row, (start, stop) in enumerate(edges):
        found = len(split_fields(records.text[start:stop], place.dialect))
        if found != place.width:
            text = records.text[start : min(stop, start + shown)].decode("utf-8", "replace")
            bad[row] = (
                f"{place.where(row)} has {found} "
                f"field{'s' * (found != 1)}, the header has {place.width}: {text}"
            )
    return bad


_WHOLE = 10_000  # bytes of a record in the message that is kept instead of it


def _renumbered(why: str, place: Place, row: int, real: int) -> str:
    return why.replace(place.where(row), place.where(real), 1)
