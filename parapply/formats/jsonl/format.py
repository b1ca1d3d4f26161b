"""JSON Lines, one object a line: the entry `JSONL` of the table of formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from parapply.columns.dtypes import parse_type
from parapply.formats.api import NotSeekableError, Source, Target
from parapply.formats.common.added_source import AddedSource
from parapply.formats.jsonl.head import JsonlHead, is_array, read_head
from parapply.formats.jsonl.kinds import kind_of
from parapply.formats.jsonl.lines import filled_starts
from parapply.formats.jsonl.parse import values_of, without
from parapply.formats.jsonl.source import JsonlSource
from parapply.formats.jsonl.target import JsonlSplicer, JsonlTarget
from parapply.formats.nouns import Reading, Writing
from parapply.model.records import replace
from parapply.storage.registry import file_system_of


class _Jsonl:
    def source(self, path: str, name: str, reading: Reading) -> JsonlSource:
        with file_system_of(path).open(path) as file:
            if is_array(file, reading):
                raise NotSeekableError
            head, _ = read_head(file, name, reading)
        return _source(path, name, head, file_system_of(path).stat(path).size, reading)

    def stream(
        self, file: BinaryIO, name: str, reading: Reading
    ) -> tuple[JsonlSource, Iterator[tuple[int, bytes]]]:
        head, blocks = read_head(file, name, reading)
        nulls = reading.null_values
        kinds = {key: kind_of(without(values_of(head.objects, key), nulls)) for key in head.columns}
        # If the stream cannot be read again to find all keys, the head's have to do.
        source = replace(_source("", name, head, 0, reading), seen=kinds)
        return source, ((len(filled_starts(block)), block) for block in blocks)

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        first = sources[0]
        inner = first.inner if isinstance(first, AddedSource) else first
        if isinstance(inner, JsonlSource) and not writing.anew:
            return JsonlSplicer.like(inner, writing, tuple(first.columns))
        return JsonlTarget(tuple(first.columns), writing)


JSONL = _Jsonl()


def _source(path: str, name: str, head: JsonlHead, size: int, reading: Reading) -> JsonlSource:
    return JsonlSource(
        path, name, head.columns, head.start, size, head.before, head.line_end,
        reading.null_values, reading.all_strings,
        {column: parse_type(column, type_) for column, type_ in reading.dtypes.items()},
        reading.lenient,
    )  # fmt: skip
