"""CSV and TSV: the entries `CSV` and `TSV` of the table of formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from parapply.formats.api import Source, Target
from parapply.formats.common.added_source import AddedSource
from parapply.formats.csv.dialect import NULLS, TEXT, Dialect
from parapply.formats.csv.dialects import named
from parapply.formats.csv.escapes import quoted_text
from parapply.formats.csv.header import CsvHead, read_head
from parapply.formats.csv.source import CsvSource
from parapply.formats.csv.target import CsvTarget
from parapply.formats.nouns import Reading, Writing
from parapply.model.records import record
from parapply.storage.registry import file_system_of


@record
class _Csv:
    delimiter: int

    def source(self, path: str, name: str, reading: Reading) -> CsvSource:
        with file_system_of(path).open(path) as file:
            head, _ = read_head(file, name, self.delimiter, reading)
        return _source(path, name, head, file_system_of(path).stat(path).size, reading)

    def stream(
        self, file: BinaryIO, name: str, reading: Reading
    ) -> tuple[CsvSource, Iterator[tuple[int, bytes]]]:
        from parapply.formats.csv.blocks import STREAM_BYTES, cut_blocks

        head, rest = read_head(file, name, self.delimiter, reading)
        blocks = cut_blocks(file, rest, head.dialect, STREAM_BYTES, prompt=reading.prompt)
        source = _source("", name, head, 0, reading)
        return source, ((len(records), records.text) for records in blocks)

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        first = sources[0]
        inner = first.inner if isinstance(first, AddedSource) else first
        if not isinstance(inner, CsvSource):
            name = writing.dialect or writing.input_dialect
            dialect = Dialect(self.delimiter) if name is None else named(name)
            names = tuple(quoted_text(column, dialect) for column in first.columns)
            return CsvTarget(
                dialect, names, dialect.mark, line_end=dialect.line_end, writing=writing,
                reads_typed=name is not None,
            )  # fmt: skip
        target = CsvTarget.like(inner, writing, first.columns[len(inner.columns) :])
        if writing.dialect is not None:
            return target.as_a_tool_does(named(writing.dialect))
        if writing.same_format or inner.dialect.delimiter == self.delimiter:
            return target
        return target.with_dialect(Dialect(self.delimiter))


CSV, TSV = _Csv(ord(",")), _Csv(ord("\t"))


def _source(path: str, name: str, head: CsvHead, size: int, reading: Reading) -> CsvSource:
    usual = () if reading.all_strings else NULLS
    known = usual if head.dialect.nulls is None else head.dialect.nulls
    nulls = (*known, *reading.null_values)
    forced = range(len(head.columns)) if reading.all_strings else ()
    types: dict[int, Any] = dict.fromkeys(forced, TEXT)
    for column, type_ in reading.dtypes.items():
        if column in head.columns:
            from parapply.columns.dtypes import parse_type

            types[head.columns.index(column)] = parse_type(column, type_)
    spare = (reading.folder, reading.spare_bytes)
    names = reading.cached
    cached = (
        None
        if names is None
        else tuple(place for place, name in enumerate(head.columns) if name in names)
    )
    return CsvSource(path, name, head, size, nulls, types, reading.lenient, False, *spare, cached)
