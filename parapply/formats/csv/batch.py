"""The rows of one CSV chunk, in a worker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from parapply.columns import inference
from parapply.columns.json_columns import is_json
from parapply.formats.common.number_cache import Aside, take
from parapply.formats.common.typed import Typed, with_misfits
from parapply.formats.csv.records import Records, find_records, split_fields
from parapply.formats.csv.table import CsvLocator, ragged, tabulate
from parapply.model.deferred_imports import lazy, pa
from parapply.model.errors import BadRowsError

if TYPE_CHECKING:
    from parapply.formats.csv import parse
else:
    parse = lazy("parapply.formats.csv.parse")


class CsvBatch(Typed):
    """Records and, once asked for, their columns as Arrow arrays."""

    def __init__(self, records: Records, place: CsvLocator, asides: Sequence[Aside] = ()) -> None:
        self.records, self.place, self._asides = records, place, asides
        self.rows = len(records)
        self._read: dict[int, pa.Array] = {}
        self._expected: set[int] = set()

    def pick(self, rows: Sequence[int]) -> CsvBatch:
        first, count = (rows[0], len(rows)) if rows else (0, 0)
        place = self.place.pick(rows)
        if list(rows) == list(range(first, first + count)):
            return CsvBatch(self.records.cut(first, count), place)
        return CsvBatch(find_records(self.records.only(rows).compact(), place.dialect), place)

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        return with_misfits(self, (*positions, *seen), ragged(self.records, self.place, whole=True))

    def without(self, rows: Collection[int]) -> CsvBatch:
        records, pieces, before = self.records, [], 0
        for row in sorted(rows):
            pieces.append(records.text[before : int(records.starts[row])])
            before = int(records.ends[row])
        text = b"".join([*pieces, records.text[before:]])
        place = self.place.pick([row for row in range(self.rows) if row not in rows])
        return CsvBatch(find_records(text, place.dialect), place)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> CsvBatch:
        records, dialect, width = self.records, self.place.dialect, self.place.width
        comma, pieces = bytes([dialect.delimiter]), []
        empty = b"" if dialect.quote is None else bytes([dialect.quote, dialect.quote])
        null = dialect.nulls[0].encode() if dialect.nulls else b""
        for row in rows:
            start, stop, end = (int(a[row]) for a in (records.starts, records.stops, records.ends))
            record = records.text[start:stop]
            if row in blank:
                record = comma.join([null] * width) or empty
            elif row in ragged:
                fields = split_fields(record, dialect)[:width]
                record = comma.join([*fields, *[null] * (width - len(fields))])
            pieces += [record, records.text[stop:end]]
        return CsvBatch(find_records(b"".join(pieces), dialect), self.place.pick(rows))

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        if typed:
            self._expected.update(positions)

    def check_complete(self) -> None:
        """Nothing to check: records with more fields are errors anyway."""

    def columns(self, positions: Sequence[int]) -> list[pa.Array]:
        missing = [position for position in positions if position not in self._read]
        if missing:
            missing = sorted({*missing, *self._expected} - set(self._read))
            types = {position: self.place.fields[position].type for position in missing}
            named = take(self._asides, {str(p): type_ for p, type_ in types.items()})
            self._read.update({int(name): array for name, array in named.items()})
            left = {position: types[position] for position in types if position not in self._read}
            jsons = {p: type_ for p, type_ in left.items() if is_json(type_)}
            others = {p: type_ for p, type_ in left.items() if p not in jsons}
            for part in filter(None, (others, jsons)):
                self._read.update(zip(part, self._parse(part), strict=True))
        return [self._read[position] for position in positions]

    def verbatim(self, positions: Sequence[int]) -> list[pa.Array]:
        """Return each field's text without quotes; only a named dialect's nulls become null."""
        return self._texts(positions, () if self.place.dialect.nulls is None else self.place.nulls)

    def texts(self, positions: Sequence[int]) -> list[pa.Array]:
        return self._texts(positions, self.place.nulls)

    def _texts(self, positions: Sequence[int], nulls: tuple[str, ...]) -> list[pa.Array]:
        if not self.rows or not positions:
            return [pa.nulls(0, pa.string()) for _ in positions]
        return self._tabulate(dict.fromkeys(positions, pa.string()), nulls)

    def _parse(self, types: dict[int, Any]) -> list[pa.Array]:
        """Read columns with Arrow's own conversions, where these agree with ours."""
        if not self.rows:
            return [pa.nulls(0, type_) for type_ in types.values()]
        if any(map(is_json, types.values())):  # a type that Arrow's reader lacks
            return self._converted(types)
        from parapply.columns.from_text import is_direct

        direct = {p: t if t is None or is_direct(t) else pa.string() for p, t in types.items()}
        try:
            arrays = [
                array
                if direct[position] is type_
                else parse.column(parse.pointed(array, type_, self.place.dialect), type_)
                for array, (position, type_) in zip(
                    self._tabulate(direct, self.place.nulls), types.items(), strict=True
                )
            ]
        except parse.MisfitError:
            return self._converted(types)
        unseen = [array for p, array in zip(types, arrays, strict=True) if p in self.place.unseen]
        untold = any(
            array.null_count < len(array) and not self.place.fields[position].told
            for position, array in zip(types, arrays, strict=True)
        )
        text, dialect = self.records.text, self.place.dialect
        if untold or (unseen and parse.may_be_misread(text, dialect, unseen)):
            return self._converted(types)
        return arrays

    def _converted(self, types: dict[int, Any]) -> list[pa.Array]:
        """Convert each column by itself; raises BadRowsError for rows that do not fit."""
        texts = self._tabulate(dict.fromkeys(types, pa.string()), self.place.nulls)
        found, bad = [], dict[int, str]()
        for written, (position, type_) in zip(texts, types.items(), strict=True):
            text = parse.pointed(written, type_, self.place.dialect)
            misfits = _misfits(text, type_, unseen=position in self.place.unseen)
            if not self.place.fields[position].told:
                misfits = sorted({*misfits, *inference.integers(text)})
            for row in misfits:
                bad.setdefault(row, self._misfit(row, position, written[row].as_py()))
            if not misfits:
                found.append(text if type_ is None else parse.column(text, type_))
        if bad:
            raise BadRowsError(bad)
        return found

    def _misfit(self, row: int, position: int, value: str) -> str:
        field = self.place.fields[position]
        if not field.told:
            return (
                f"{self.place.where(row)}, column {field.name!r}: {value!r} comes too late to "
                f"tell the column's type, as the pipe's first rows have no value there; say "
                f"--dtype {field.name}=int, or --dtype {field.name}=str, which takes any value"
            )
        from parapply.columns.type_words import named

        asked = position not in self.place.unseen  # what a survey saw fits
        why = "--dtype asks for" if asked else "the rows before it have"
        return (
            f"{self.place.where(row)}, column {field.name!r}: {value!r} is not of the type "
            f"{named(field.type)} that {why}; --dtype {field.name}=str takes any value"
        )

    def _tabulate(self, types: dict[int, Any], nulls: tuple[str, ...]) -> list[pa.Array]:
        table = tabulate(self.records, self.place, types, nulls)
        return [column.combine_chunks() for column in table.columns]


def _misfits(texts: pa.Array, type_: Any, *, unseen: bool) -> list[int]:
    """Return the rows whose text is no `type_`; `unseen`: no survey has looked at it."""
    if type_ is None:
        return []
    misread = inference.misread(texts, type_) if unseen else []
    if _fits(texts, type_):
        return misread
    bad = [row for row in range(len(texts)) if not _fits(texts[row : row + 1], type_)]
    return sorted({*bad, *misread})


def _fits(text: pa.Array, type_: Any) -> bool:
    try:
        parse.column(text, type_)
    except parse.MisfitError:
        return False
    return True
