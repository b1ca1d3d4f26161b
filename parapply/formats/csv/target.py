"""CSV output: parts are written by workers in their final form, and joined by copying bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.types as at

from parapply.formats import Arrangement, Batch, Keep
from parapply.formats.csv import text
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.source import CsvSource
from parapply.formats.csv.splice import header, splice
from parapply.values import integers


@dataclass(frozen=True, slots=True)
class CsvTarget:
    """How records are written: like the source's where that is CSV of the same dialect."""

    delimiter: int
    names: tuple[bytes, ...]  # the input's columns, as they stand in a header
    before: bytes = b""
    line_end: bytes = b"\n"
    alike: bool = False  # records of the input can go through as they are

    reads_typed = False

    @classmethod
    def like(cls, source: CsvSource) -> CsvTarget:
        """Return the target that writes as `source` is written."""
        return cls(source.delimiter, source.header, source.before, source.line_end, alike=True)

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
        comma = chr(self.delimiter)
        ready = {name: text.fields(array, comma) for name, array in made.items()}
        if self.alike and isinstance(batch, CsvBatch) and _keeps_any(arrangement):
            place = batch.place
            buffers = splice(
                batch.records, self.delimiter, place.width, arrangement, ready,
                take, self.line_end, last,
            )  # fmt: skip
        else:
            positions = [column.position for column in arrangement if isinstance(column, Keep)]
            kept = [_picked(array, take) for array in batch.verbatim(positions)]
            kept = [text.fields(array, comma) for array in kept]
            buffers = self._lines(arrangement, dict(zip(positions, kept, strict=True)), ready)
        with open(path, "wb") as file:
            file.writelines(buffers)

    def write_table(self, path: str, arrangement: Arrangement, table: pa.Table) -> None:
        """Write a part that is all the function's."""
        comma = chr(self.delimiter)
        columns = {
            name: text.fields(column.combine_chunks(), comma)
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
        joined = text.lines(columns, chr(self.delimiter), self.line_end.decode())
        return [text.data(joined)]


class CsvJoiner:
    """Writes the header, then the bytes of each part."""

    def __init__(self, target: CsvTarget) -> None:
        self.target = target

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Write the header."""
        self.file = file
        target = self.target
        record = header(target.names, arrangement, target.delimiter)
        file.write(target.before + record + target.line_end)
        file.flush()

    def append(self, path: str) -> None:
        """Copy a part's bytes, by the kernel where it can."""
        with open(path, "rb") as part:
            left = os.fstat(part.fileno()).st_size
            while left:
                left -= os.sendfile(self.file.fileno(), part.fileno(), None, left)

    def finish(self) -> None:
        """Nothing is left to do."""


def _keeps_any(arrangement: Arrangement) -> bool:
    return any(isinstance(column, Keep) for column in arrangement)


def _picked(array: pa.Array, take: Any) -> pa.Array:
    if take is None:
        return array
    return array.take(integers(take))
