"""CSV output: parts are written by workers in their final form, and joined by copying bytes."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.types as at

from parapply import transport
from parapply.formats import Arrangement, Batch, Keep, Writing
from parapply.formats.csv import text
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.records import Dialect
from parapply.formats.csv.source import CsvSource
from parapply.formats.csv.splice import header, requoted, splice
from parapply.values import take as picked


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

    def joiner(self) -> CsvJoiner:
        """Return what concatenates the parts after a header."""
        return CsvJoiner(self)

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


class CsvJoiner:
    """Writes the header, then the bytes of each part."""

    def __init__(self, target: CsvTarget) -> None:
        self.target = target

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Write the header."""
        target = self.target
        writing = target.writing
        self.writer = transport.open_writer(file, writing.compression, writing.encoding)
        self.writer.write(target.before)
        self._owed = b""
        if target.names is not None:
            self.writer.write(header(target.names, arrangement, target.dialect))
            self._owed = target.line_end
        if target.ended:
            self._end_header()
        self.writer.flush()

    def append(self, path: str) -> None:
        """Copy a part's bytes, by the kernel where it can."""
        self._end_header()
        with open(path, "rb") as part:
            if not (self.writer.plain and _sent(part, self.writer.file)):
                shutil.copyfileobj(part, self.writer, 1 << 20)
                self.writer.flush()

    def finish(self) -> None:
        """End what is compressed."""
        self.writer.finish()

    def _end_header(self) -> None:
        if self._owed:
            self.writer.write(self._owed)
            self.writer.flush()
            self._owed = b""

    def abandon(self) -> None:
        """Nothing holds on to the file."""


def _sent(part: BinaryIO, file: BinaryIO) -> bool:
    """Have the kernel copy a file; False where it does not copy to such a file."""
    left = os.fstat(part.fileno()).st_size
    try:
        while left:
            left -= os.sendfile(file.fileno(), part.fileno(), None, left)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):  # a file opened to append, say
            raise
        return False
    return True


def _keeps_any(arrangement: Arrangement) -> bool:
    return any(isinstance(column, Keep) for column in arrangement)


def _picked(array: pa.Array, take: Any) -> pa.Array:
    return array if take is None else picked(array, take)
