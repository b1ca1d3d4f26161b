"""The rows of a chunk of a small CSV file, and how they are written: without numpy and Arrow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from parapply.columns.listed import Listed
from parapply.formats import Arrangement, Keep
from parapply.formats.csv import brief
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.records import find_records
from parapply.formats.csv.splice import quote_name
from parapply.formats.csv.table import Place


class BriefBatch:
    """Lines; what takes more than lists of their values is done by a CsvBatch of the same rows."""

    listed = True

    def __init__(self, lines: list[bytes], place: Place) -> None:
        self.lines, self.place, self.rows = lines, place, len(lines)

    @cached_property
    def whole(self) -> CsvBatch:
        """The same rows by way of numpy and Arrow."""
        return CsvBatch(find_records(b"".join(self.lines), self.place.dialect), self.place)

    @cached_property
    def fields(self) -> list[list[str]]:
        """The fields of each record, as they stand."""
        place = self.place
        return brief.rows(self.lines, place.dialect, place.width) or []

    def pick(self, rows: Sequence[int]) -> BriefBatch:
        """Return the batch of some records."""
        return BriefBatch([self.lines[row] for row in rows], self.place.pick(rows))

    def bad_rows(self, positions: Sequence[int]) -> dict[int, str]:
        """There are none: the file would not be read so."""
        del positions
        return {}

    def without(self, rows: Collection[int]) -> CsvBatch:
        """As CsvBatch."""
        return self.whole.without(rows)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> CsvBatch:
        """As CsvBatch."""
        return self.whole.mended(rows, ragged, blank)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Each column is read by itself."""

    def check_complete(self) -> None:
        """There is nothing that is not there."""

    def ready(self, positions: Sequence[int]) -> None:
        """Each column is read by itself."""

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """As CsvBatch."""
        return self.whole.columns(positions)

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        """As CsvBatch."""
        return self.whole.verbatim(positions)

    def values(self, position: int) -> list[Any]:
        """Return a column's values."""
        field, texts = self.place.fields[position], brief.column(self.fields, position)
        if len(texts) == self.rows:
            try:
                return brief.values(texts, field.kind, self.place.nulls, nullable=field.nullable)
            except ValueError:
                pass  # the file has changed
        return self.whole.values(position)

    def spliced(
        self, arrangement: Arrangement, made: Mapping[str, Any], take: Sequence[int] | None,
        line_end: bytes, last: bool,
    ) -> list[bytes] | None:  # fmt: skip
        """Return the part of the output, as splice.py makes it; None where that has to do it.

        `made` may have arrays.
        """
        dialect, width = self.place.dialect, self.place.width
        if not all(isinstance(column, Listed) for column in made.values()):
            return None
        first = tuple(Keep(position) for position in range(width))
        whole = arrangement[:width] == first
        if len(arrangement) == 1 or not (whole or len(self.fields) == self.rows):
            return None
        texts = {name: texts_of(column, dialect) for name, column in made.items()}
        places = range(self.rows) if take is None else take
        columns: list[Sequence[str]] = []
        if whole:
            columns.append([_bare(self.lines[place]).decode() for place in places])
        for one in arrangement[width:] if whole else arrangement:
            if isinstance(one, Keep):
                columns.append([self.fields[place][one.position] for place in places])
            else:
                columns.append(texts[one.name])
        joined = map(chr(dialect.delimiter).join, zip(*columns, strict=True))
        ends = [_end(self.lines[place]) or line_end for place in places]
        if last and len(places) and places[-1] == self.rows - 1:
            ends[-1] = _end(self.lines[-1])
        return [text.encode() + end for text, end in zip(joined, ends, strict=True)]


def texts_of(column: Listed, dialect: Any) -> list[str]:
    """Return the CSV fields of a made column: see text.py."""
    if column.type == "double":
        return ["" if v is None or v != v else repr(v) for v in column.values]
    texts = ["" if value is None else str(value) for value in column.values]
    if column.type == "string" and any(mark in "".join(texts) for mark in _marks(dialect)):
        return [quote_name(text, dialect).decode() for text in texts]
    return texts


def _marks(dialect: Any) -> tuple[str, ...]:
    return chr(dialect.delimiter), '"', "\r", "\n"


def _bare(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


def _end(line: bytes) -> bytes:
    return line[len(_bare(line)) :]
