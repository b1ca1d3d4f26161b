"""The rows of a chunk of a small CSV file, read and written without numpy and Arrow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from parapply.columns.list_column import ListColumn
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.escapes import quoted_text, special_marks
from parapply.formats.csv.records import find_records
from parapply.formats.csv.small import survey
from parapply.formats.csv.table import CsvLocator
from parapply.formats.nouns import Arrangement, Keep, New


class SmallBatch:
    """Lines; anything but lists of values is left to a CsvBatch of the same rows."""

    listed = True

    def __init__(self, lines: survey.SmallLines, place: CsvLocator) -> None:
        self.lines, self.place, self.rows = lines, place, len(lines)

    @cached_property
    def whole(self) -> CsvBatch:
        """The same rows by way of numpy and Arrow."""
        return CsvBatch(find_records(self.lines.text, self.place.dialect), self.place)

    @cached_property
    def _fields(self) -> survey.Fields | None:
        return survey.fields(self.lines, self.place.dialect, self.place.width)

    def pick(self, rows: Sequence[int]) -> SmallBatch:
        return SmallBatch(self.lines.pick(rows), self.place.pick(rows))

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        return {}

    def without(self, rows: Collection[int]) -> CsvBatch:
        return self.whole.without(rows)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> CsvBatch:
        return self.whole.mended(rows, ragged, blank)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Each column is read by itself."""

    def check_complete(self) -> None:
        """Nothing to check: all records have the header's fields."""

    def ready(self, positions: Sequence[int]) -> None:
        """Each column is read by itself."""

    def columns(self, positions: Sequence[int]) -> list[Any]:
        return self.whole.columns(positions)

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        return self.whole.verbatim(positions)

    def values(self, position: int) -> list[Any]:
        field, nulls = self.place.fields[position], self.place.nulls
        if self._fields is not None:
            texts = self._fields.texts(position)
            with suppress(ValueError, KeyError):  # raised if the file has changed
                return survey.values(texts, field.kind, nulls, nullable=field.nullable)
        return self.whole.values(position)

    def held(self, position: int) -> list[Any] | None:
        """Return None: who asks wants arrays."""

    def part(
        self, arrangement: Arrangement, made: Mapping[str, Any], take: Sequence[int] | None,
        line_end: bytes, last: bool,
    ) -> list[bytes] | None:  # fmt: skip
        """Return a part, to the byte as by Arrow; None if that has to. `made` may have arrays."""
        if not any(isinstance(column, Keep) for column in arrangement):
            return self._made_lines(arrangement, made, line_end)
        columns = self._columns(arrangement, made, take)
        if columns is None:
            return None
        rows = list(map(chr(self.place.dialect.delimiter).join, zip(*columns, strict=True)))
        lines, bare = self.lines, not self.lines.ended
        if bare and take is not None:  # the record without a line end may be anywhere
            ends = [line_end.decode() if row == len(lines) - 1 else lines.end for row in take]
            bare = last and bool(take) and take[-1] == len(lines) - 1
            rows = [row + end for row, end in zip(rows, ends, strict=True)]
            return [("".join(rows).removesuffix(ends[-1]) if bare else "".join(rows)).encode()]
        tail = lines.end if not bare else "" if last else line_end.decode()
        return [(lines.end.join(rows) + tail * bool(rows)).encode()]

    def _made_lines(
        self, arrangement: Arrangement, made: Mapping[str, Any], line_end: bytes
    ) -> list[bytes] | None:
        """Return a part of made columns only, as text.py does; None if only that can."""
        if not all(isinstance(one, ListColumn) for one in made.values()):
            return None
        dialect, end = self.place.dialect, line_end.decode()
        names = [column.name for column in arrangement if isinstance(column, New)]
        columns = [texts_of(made[name], dialect) for name in names]
        if len(columns) == 1:  # an empty line is no record
            columns = [[text or '""' for text in columns[0]]]
        rows = map(chr(dialect.delimiter).join, zip(*columns, strict=True))
        return ["".join([row + end for row in rows]).encode()]

    def _columns(
        self, arrangement: Arrangement, made: Mapping[str, Any], take: Sequence[int] | None
    ) -> list[Sequence[str]] | None:
        """Return the fields, or runs of them, of the part's records; None if that takes Arrow."""
        width, lists = self.place.width, [isinstance(one, ListColumn) for one in made.values()]
        whole = arrangement[:width] == tuple(map(Keep, range(width)))
        if len(arrangement) == 1 or not all(lists) or not (whole or self._fields):
            return None
        found: list[Sequence[str]] = [self._taken(self.lines.lines, take)] if whole else []
        for column in arrangement[width:] if whole else arrangement:
            if isinstance(column, New):
                found.append(texts_of(made[column.name], self.place.dialect))
            elif self._fields is not None:
                found.append(self._taken(self._fields.raw(column.position), take))
        return found

    def _taken(self, texts: Sequence[str], take: Sequence[int] | None) -> Sequence[str]:
        return texts if take is None else [texts[row] for row in take]


def texts_of(column: ListColumn, dialect: Dialect) -> list[str]:
    """Return the CSV fields of a made column, as text.py does."""
    if column.type == "double":
        return ["" if v is None or v != v else repr(v) for v in column.values]
    texts = ["" if value is None else str(value) for value in column.values]
    if column.type == "string" and any(mark in "".join(texts) for mark in special_marks(dialect)):
        return [quoted_text(text, dialect).decode() for text in texts]
    return texts
