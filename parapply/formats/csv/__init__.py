"""CSV and TSV: the rooms `CSV` and `TSV` of the table of formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from parapply.formats import Source, Target
from parapply.formats.csv.source import CsvSource, open_file, open_stream
from parapply.formats.csv.target import CsvTarget


@dataclass(frozen=True, slots=True)
class _Csv:
    delimiter: int

    def source(self, path: str, name: str) -> CsvSource:
        return open_file(path, name, self.delimiter)

    def stream(self, file: BinaryIO, name: str) -> tuple[CsvSource, Iterator[tuple[int, bytes]]]:
        return open_stream(file, name, self.delimiter)

    def target(self, sources: Sequence[Source]) -> Target:
        first = sources[0]
        if isinstance(first, CsvSource) and first.delimiter == self.delimiter:
            return CsvTarget.like(first)
        return CsvTarget(self.delimiter, tuple(name.encode() for name in first.columns))


CSV, TSV = _Csv(ord(",")), _Csv(ord("\t"))
