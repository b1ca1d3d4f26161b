"""One input of JSON lines: finding keys and lines (parent, workers), and reading rows (workers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any

import pyarrow as pa

from parapply.formats.common.blocks import read_range
from parapply.formats.common.known_source import KnownSource
from parapply.formats.common.line_index import ByteIndex, ByteSpan, marks_of
from parapply.formats.jsonl.batch import JsonlBatch, JsonlLocator
from parapply.formats.jsonl.head import check_keys
from parapply.formats.jsonl.kinds import ANYTHING, NOTHING, JsonKind, keys_of, kind_of
from parapply.formats.jsonl.lines import LineError, filled_starts, find_lines
from parapply.formats.jsonl.parse import sound, values_of, without
from parapply.formats.jsonl.repeated_keys import Twice, doubled
from parapply.formats.nouns import Field, Fields, Survey
from parapply.model.errors import InputError
from parapply.model.records import field, record, replace
from parapply.storage.registry import file_system_of

BLOCK_BYTES = 4 << 20


@record
class JsonlSource(KnownSource):
    """A file of JSON lines, or a stream, whose text comes with each chunk."""

    path: str  # empty for a stream
    name: str
    columns: tuple[str, ...]  # all keys found so far, in order of first appearance
    start: int  # of the first line, in bytes of the file
    stop: int
    before: bytes = b""
    line_end: bytes = b"\n"
    nulls: tuple[str, ...] = ()
    all_strings: bool = False
    types: Mapping[str, Any] = field(default_factory=dict)  # what --dtype says
    lenient: bool = False  # lines without an object are left to `Batch.bad_rows`
    seen: Mapping[str, JsonKind] = field(default_factory=dict)  # kinds in a stream's head

    complete: bool = False  # no line has a key that is no column
    known: Mapping[str, JsonKind] | None = None  # kinds over all lines

    joins_surveys = True

    def widened(self, columns: tuple[str, ...]) -> JsonlSource:
        return replace(self, columns=columns, complete=True)

    def starts(self, data: bytes) -> Any:
        return filled_starts(data)

    def pieces(self) -> Iterator[ByteSpan]:
        """Yield spans of about 4 MiB that end after a newline."""
        start = self.start
        with file_system_of(self.path).open(self.path) as file:
            while start < self.stop:
                file.seek(start + BLOCK_BYTES - 1)
                file.readline()
                stop = min(file.tell(), self.stop)
                yield ByteSpan(start, stop)
                start = stop

    def survey(
        self, piece: ByteSpan | bytes, positions: Sequence[int], first_row: int = 0
    ) -> Survey:
        """Until all keys are known, the kinds are one dict with those of all keys in the piece."""
        start = 0 if isinstance(piece, bytes) else piece.start
        text = piece if isinstance(piece, bytes) else self._read(piece)
        starts = filled_starts(text)
        marks = () if isinstance(piece, bytes) else marks_of(starts, start)
        names = [self.columns[position] for position in positions]
        if self.known is not None:
            absent = NOTHING._replace(nulls=True)
            return Survey(len(starts), tuple(self.known.get(name, absent) for name in names), marks)
        try:
            objects = sound(text, lenient=self.lenient)
            if self.complete:
                return Survey(len(starts), tuple(self._kinds(objects, names).values()), marks)
            every = self._kinds(objects, check_keys(keys_of(objects), self.name))
            twice = doubled(text, objects, every)
            every |= {name: every[name].join(ANYTHING) for name in twice.inside}
            every |= {name: every[name]._replace(twice=True) for name in twice.own}
            return Survey(len(starts), (every,), marks)
        except LineError as error:
            return Survey(len(starts), (), error=self._placed(error, start, first_row))
        except InputError as error:
            return Survey(len(starts), (), error=error)

    def resurvey(self, surveys: Sequence[Survey]) -> JsonlSource | None:
        """Return a source that knows all keys and their kinds, where this one did not."""
        failed = any(survey.error is not None for survey in surveys)
        if self.complete or failed or self.known is not None:
            return None
        found = [survey.kinds[0] for survey in surveys if survey.rows]
        absent = NOTHING._replace(nulls=True)
        known = {
            name: reduce(JsonKind.join, (kinds.get(name, absent) for kinds in found))
            for name in dict.fromkeys(chain.from_iterable(found))
        }
        return replace(self, columns=tuple(known), known=known)

    def index(self, surveys: Sequence[Survey]) -> ByteIndex:
        return ByteIndex.of(surveys, self.start, self.stop)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> Fields:
        found = dict[str, JsonKind]()
        for place, position in enumerate(positions):
            name = self.columns[position]
            first = self.seen.get(name, NOTHING._replace(nulls=not surveys))
            found[name] = reduce(JsonKind.join, (survey.kinds[place] for survey in surveys), first)
        known = {name: Field(name, kind.type, kind.nulls) for name, kind in found.items()}
        known |= {name: Field(name, type_) for name, type_ in self._forced.items()}
        return tuple(known.get(name) or Field(name, None) for name in self.columns)

    def batch(
        self, span: ByteSpan | None, fields: Fields, data: bytes | None = None, first_row: int = 0
    ) -> JsonlBatch:
        """Lines in `data` are checked at once: no survey has seen them."""
        first_row = first_row if span is None else span.first_row
        place = JsonlLocator(self.name, first_row, None, fields, self._forced, self.nulls)
        try:
            text = data or b"" if span is None else self._read(span)
            lines = find_lines(text, lenient=self.lenient)
        except LineError as error:
            raise place.mistake(error) from error
        if span is not None and span.rows is not None:
            lines = lines.cut(span.skip, span.rows)
            if len(lines) != span.rows:
                raise InputError(f"{self.name} changed while it was read")
        twice = Twice(frozenset(n for n, kind in (self.known or {}).items() if kind.twice))
        batch = JsonlBatch(lines, place, twice if self.path else None)
        if span is None and not self.lenient:
            batch.check(text)
        return batch

    @property
    def _forced(self) -> Mapping[str, Any]:
        every = dict.fromkeys(self.columns, pa.string()) if self.all_strings else {}
        return {**every, **self.types}

    def _kinds(self, objects: list[dict[str, Any]], names: Sequence[str]) -> dict[str, JsonKind]:
        forced = names if self.all_strings else self.types
        return {
            name: NOTHING
            if name in forced
            else kind_of(without(values_of(objects, name), self.nulls))
            for name in names
        }

    def _placed(self, error: LineError, start: int, before: int) -> InputError:
        """Return an error with the row's number in the file, counted only now."""
        if self.path:
            earlier = (piece for piece in self.pieces() if piece.stop <= start)
            before = sum(len(filled_starts(self._read(piece))) for piece in earlier)
        return JsonlLocator(self.name, before, None, (), (), ()).mistake(error)

    def _read(self, span: ByteSpan) -> bytes:
        return read_range(self.path, self.name, span.start, span.stop)
