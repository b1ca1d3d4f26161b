"""CSV output: parts are written by workers in their final form, and joined by copying bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.types as at

from parapply import transport
from parapply.arrays import take as picked
from parapply.formats import Arrangement, Batch, Keep, Writing
from parapply.formats.csv import text
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.records import Dialect
from parapply.formats.csv.source import CsvSource
from parapply.formats.csv.splice import header, requoted, splice
from parapply.formats.text_parts import TextJoiner


@dataclass(frozen=True, slots=True)
class CsvTarget:
    """How records are written: like the source's where that is CSV of the same dialect."""

    dialect: Dialect
    names: tuple[bytes, ...] | None  # the input's columns, as they stand in a header, if any
    before: bytes = b""
    line_end: bytes = b"\n"
    alike: bool = False  # records of the input can go through as they are
    ended: bool = True  # the header has a line end even where no row follows
    writing: Writing = field(default_factory=Writing)

    reads_typed = False

    @property
    def suffix(self) -> str:
        """By the delimiter, and the compression."""
        kind = ".tsv" if self.dialect.delimiter == ord("\t") else ".csv"
        return kind + transport.suffix_of(self.writing.compression)

    @classmethod
    def like(cls, source: CsvSource, writing: Writing) -> CsvTarget:
        """Return the target that writes as `source` is written."""
        head = source.head
        return cls(head.dialect, head.fields, head.before, head.line_end, True, head.ended, writing)

    def with_dialect(self, dialect: Dialect) -> CsvTarget:
        """Return a target whose fields are written anew, in another dialect."""
        names = self.names and tuple(requoted(name, self.dialect, dialect) for name in self.names)
        return replace(self, dialect=dialect, names=names, alike=False)

    def write(
        self,
        path: str,
        arrangement: Arrangement,
        batch: Batch,
        made: dict[str, pa.Array],
        take: Any,
        last: bool,
    ) -> None:
        """Write a part; see formats.Target."""
        ready = {name: text.fields(array, self.dialect) for name, array in made.items()}
        if self.alike and isinstance(batch, CsvBatch) and _keeps_any(arrangement):
            place = batch.place
            buffers = splice(
                batch.records, self.dialect, place.width, arrangement, ready,
                take, self.line_end, last,
            )  # fmt: skip
        else:
            positions = [column.position for column in arrangement if isinstance(column, Keep)]
            kept = [_picked(array, take) for array in batch.verbatim(positions)]
            kept = [text.fields(array, self.dialect) for array in kept]
            buffers = self._lines(arrangement, dict(zip(positions, kept, strict=True)), ready)
        with open(path, "wb") as file:
            file.writelines(buffers)

    def write_table(self, path: str, arrangement: Arrangement, table: pa.Table) -> None:
        """Write a part that is all the function's."""
        columns = {
            name: text.fields(column.combine_chunks(), self.dialect)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
        with open(path, "wb") as file:
            file.writelines(self._lines(arrangement, {}, columns))

    def needs_refit(self, part: dict[str, Any], whole: dict[str, Any]) -> bool:
        """Text differs where columns are missing or stand elsewhere, or integers become floats."""
        if list(part) != list(whole):
            return True
        return any(
            part[name] != type_ and not at.is_null(part[name]) for name, type_ in whole.items()
        )

    def joiner(self) -> TextJoiner:
        """Return what concatenates the parts after a header."""
        return TextJoiner(self.writing, self._head)

    def _head(self, arrangement: Arrangement) -> tuple[bytes, bytes]:
        """The header, and its line end where only a row that follows makes it have one."""
        if self.names is None:
            return self.before, b""
        record = self.before + header(self.names, arrangement, self.dialect)
        return (record + self.line_end, b"") if self.ended else (record, self.line_end)

    def _lines(
        self, arrangement: Arrangement, kept: dict[int, pa.Array], made: dict[str, pa.Array]
    ) -> list[Any]:
        columns = [
            kept[column.position] if isinstance(column, Keep) else made[column.name]
            for column in arrangement
        ]
        if not columns or not len(columns[0]):
            return []
        joined = text.lines(columns, chr(self.dialect.delimiter), self.line_end.decode())
        return [text.data(joined)]


def _keeps_any(arrangement: Arrangement) -> bool:
    return any(isinstance(column, Keep) for column in arrangement)


def _picked(array: pa.Array, take: Any) -> pa.Array:
    return array if take is None else picked(array, take)
