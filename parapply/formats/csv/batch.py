"""The rows of one CSV chunk, in the worker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from parapply.errors import InputError
from parapply.formats import Field
from parapply.formats.csv import parse
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.records import Records, find_records, is_closed, split_fields
from parapply.formats.shown import shown


@dataclass(frozen=True, slots=True)
class Place:
    """Where records are, to name them in messages."""

    name: str
    width: int
    dialect: Dialect
    nulls: tuple[str, ...]  # what stands for a missing value
    fields: tuple[Field, ...]
    first_row: int  # rows before these in the whole input
    unseen: Collection[int] = ()  # columns whose types are those of rows before these
    picked: tuple[int, ...] | None = None  # which of the rows after those, where not all are there

    def where(self, position: int) -> str:
        """Name a record by its number in the whole input."""
        place = position if self.picked is None else self.picked[position]
        return f"{self.name}: row {self.first_row + place + 1}"


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
        place = replace(self.place, picked=tuple(rows))
        if list(rows) == list(range(first, first + count)):
            return CsvBatch(self.records.cut(first, count), place)
        part = self.records.only(rows)
        return CsvBatch(find_records(part.compact(), place.dialect), place)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Parse these columns together when the first is asked for."""
        if typed:
            self._expected.update(positions)

    def check_complete(self) -> None:
        """Records of other widths are errors anyway."""

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
            arrays = self._tabulate(types, self.place.nulls)
        except parse.MisfitError:
            return self._converted(types)
        unseen = [array for p, array in zip(types, arrays, strict=True) if p in self.place.unseen]
        delimiter = self.place.dialect.delimiter
        if unseen and parse.may_be_misread(self.records.text, delimiter, unseen):
            return self._converted(types)
        return arrays

    def _converted(self, types: dict[int, Any]) -> list[pa.Array]:
        """Convert each column by itself; raises InputError for the first row that does not fit."""
        texts = self._tabulate(dict.fromkeys(types, pa.string()), self.place.nulls)
        found, misfits = [], []
        for text, (position, type_) in zip(texts, types.items(), strict=True):
            row = _misfit(text, type_, unseen=position in self.place.unseen)
            if row is None:
                found.append(text if type_ is None else parse.column(text, type_))
            else:
                misfits.append((row, position, text[row].as_py()))
        if not misfits:
            return found
        row, position, value = min(misfits)
        field = self.place.fields[position]
        raise InputError(
            f"{self.place.where(row)}, column {field.name!r}: {value!r} is not of the type "
            f"{field.type} that the rows before it have; --dtype {field.name}=str takes any value"
        )

    def _tabulate(self, types: dict[int, Any], nulls: tuple[str, ...]) -> list[pa.Array]:
        table = tabulate(self.records, self.place, types, nulls)
        return [column.combine_chunks() for column in table.columns]


def _misfit(texts: pa.Array, type_: Any, *, unseen: bool) -> int | None:
    """Return the first row whose text is no `type_`."""
    if type_ is None:
        return None
    misread = pc.index(parse.misread(texts, type_), True).as_py() if unseen else -1
    rows = len(texts) if misread < 0 else misread
    try:
        parse.column(texts[:rows], type_)
    except parse.MisfitError:
        return next(row for row in range(rows) if not _fits(texts[row : row + 1], type_))
    return None if misread < 0 else misread


def _fits(text: pa.Array, type_: Any) -> bool:
    try:
        parse.column(text, type_)
    except parse.MisfitError:
        return False
    return True


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
            f"{place.where(0)}, or after it: {len(records)} records, of which only "
            f"{table.num_rows} can be read; is a quote missing?"
        )
    return table


def _check_end(records: Records, place: Place) -> None:
    """Raise InputError where a quote is opened in the last record and never closed."""
    if not is_closed(records, place.dialect):
        record = records.text[int(records.starts[-1]) : int(records.stops[-1])]
        field = split_fields(record, place.dialect)[-1]
        raise InputError(
            f"{place.where(len(records) - 1)}: a quote is opened and never closed: {shown(field)}"
        )


def _not_utf8(records: Records, place: Place, types: dict[int, Any]) -> InputError:
    """Say which value is not UTF-8 text."""
    asked = dict.fromkeys(types, parse.BYTES)
    table = parse.read(records, place.dialect, place.width, asked, ())
    for position, column in zip(types, table.columns, strict=True):
        for row, value in enumerate(column.to_pylist()):
            try:
                value.decode()
            except UnicodeDecodeError:
                name = place.fields[position].name if place.fields else f"number {position + 1}"
                return InputError(
                    f"{place.where(row)}, column {name!r}: "
                    f"{value[:60]!r} is not UTF-8 text; name its --encoding (latin-1?)"
                )
    raise AssertionError("every value is UTF-8 text")


def check_widths(records: Records, place: Place) -> None:
    """Raise InputError for the first record that has too few or too many fields."""
    for row, (start, stop) in enumerate(
        zip(records.starts.tolist(), records.stops.tolist(), strict=True)
    ):
        found = len(split_fields(records.text[start:stop], place.dialect))
        if found != place.width:
            record = shown(records.text[start : min(stop, start + 400)])
            raise InputError(
                f"{place.where(row)} has {found} "
                f"field{'s' * (found != 1)}, the header has {place.width}: {record}"
            )
