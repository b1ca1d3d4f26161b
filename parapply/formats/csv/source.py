"""One CSV input: where its records are (parent and workers), and their rows (workers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, BinaryIO

from parapply.errors import InputError
from parapply.formats import Field, Survey
from parapply.formats.blocks import read_range
from parapply.formats.csv import parse
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.blocks import cut_blocks
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.header import Head
from parapply.formats.csv.index import ByteIndex, ByteSpan, Mark
from parapply.formats.csv.records import Records, find_records, first_end
from parapply.formats.csv.table import Place, check_widths, ragged, tabulate

BLOCK_BYTES = 4 << 20
_MARKS = 64  # a block: how finely chunks can be cut without reading a byte twice


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file, or a stream, whose text comes with each chunk."""

    path: str  # empty for a stream
    name: str
    head: Head
    stop: int
    nulls: tuple[str, ...] = parse.NULLS
    types: Mapping[int, Any] | None = None  # by position: what --dtype says
    lenient: bool = False  # records that are not whole are for the batch to find
    orderly: bool = True  # newlines and quotes alone tell where records are: see records.py
    counted: bool = False  # quotes before a piece are counted, not taken to be even

    joins_surveys = True
    complete = True

    def widened(self, columns: tuple[str, ...]) -> CsvSource:
        """Never asked: the header has all columns."""
        raise NotImplementedError

    def starts(self, data: bytes) -> Any:
        """Return where the records begin."""
        return find_records(data, self.dialect).starts

    @property
    def columns(self) -> tuple[str, ...]:
        """The names."""
        return self.head.columns

    @property
    def dialect(self) -> Dialect:
        """How fields and records are told apart."""
        return self.head.dialect

    def pieces(self) -> Iterator[ByteSpan]:
        """Yield spans of about 4 MiB that start and stop between records (parent).

        They end at line ends, of which it is first assumed that none stands in quotes: to count
        the quotes the parent would have to read the whole file, for which workers would wait.
        """
        if not (self.orderly and self.dialect.plain):
            yield from self._pieces_in_turn()
            return
        start = stop = self.head.start
        with open(self.path, "rb") as file:
            while stop < self.stop:
                stop = min(start + BLOCK_BYTES, self.stop)
                if self.counted:
                    quotes = self._count_quotes(os.pread(file.fileno(), stop - start, start))
                    stop = self._next_end(file, stop, self.dialect, quotes)
                else:
                    stop = self._next_end(file, stop, replace(self.dialect, quote=None))
                yield ByteSpan(start, stop)
                start = stop

    def survey(
        self, piece: ByteSpan | bytes, positions: Sequence[int], first_row: int = 0
    ) -> Survey:
        """Count records and tell the kinds of columns; marks are every 64th part of the piece.

        What is wrong with the piece is in the survey: only the parent can tell whether the piece
        really begins where a record does.
        """
        start = 0 if isinstance(piece, bytes) else piece.start
        text = piece if isinstance(piece, bytes) else self._read(piece)
        if self._is_misplaced(piece, text):
            return Survey(0, (), (), None, sound=False)
        records = find_records(text, self.dialect)
        count = len(records)
        marks = () if isinstance(piece, bytes) else _marks(records, start)
        if self.lenient and (bad := ragged(records, self._place((), 0))):
            records = CsvBatch(records, self._place((), 0)).without(bad).records
        inferred = [position for position in positions if position not in (self.types or {})]
        kinds: dict[int, Any] = {}
        error = None
        if len(records):
            try:
                kinds = self._kinds(records, inferred)
            except InputError as found:
                error = self._placed(found, records, start, first_row)
        known = [kinds.get(position, parse.Kind("null", False)) for position in positions]
        sound = records.orderly or not self.dialect.plain or not self.orderly
        return Survey(count, tuple(known), marks, error, sound)

    def again(self, surveys: Sequence[Survey]) -> CsvSource | None:
        """Return a source whose quotes are counted, or whose records are found in turn, where
        it did not do to assume that pieces end between records, or that quotes are in order.
        """
        if not self.path or len(surveys) < 2 or all(survey.sound for survey in surveys):
            return None
        return replace(self, orderly=not self.counted, counted=True)

    def index(self, surveys: Sequence[Survey]) -> ByteIndex:
        """Put the marks of all pieces in one list."""
        return ByteIndex.of(surveys, self.head.start, self.stop)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return the columns with the types that hold every piece's values."""
        nothing = parse.Kind("null", not surveys)
        kinds = {
            position: reduce(parse.Kind.join, (survey.kinds[i] for survey in surveys), nothing)
            for i, position in enumerate(positions)
        }
        forced = self.types or {}
        return tuple(
            Field(name, forced[place])
            if place in forced
            else Field(name, parse.ARROW[kinds[place].name], kinds[place].nulls)
            if place in kinds
            else Field(name, None)
            for place, name in enumerate(self.columns)
        )

    def batch(
        self,
        span: ByteSpan | None,
        fields: tuple[Field, ...],
        data: bytes | None = None,
        first_row: int = 0,
    ) -> CsvBatch:
        """Open the records of a span, or those in `data`."""
        if span is None:
            forced = self.types or {}
            unseen = [
                p for p, f in enumerate(fields) if p not in forced and parse.is_number(f.type)
            ]
            place = replace(self._place(fields, first_row), unseen=frozenset(unseen))
            records = find_records(data or b"", self.dialect)
            if not self.lenient:  # no survey has seen it
                check_widths(records, place)
            return CsvBatch(records, place)
        records = find_records(self._read(span), self.dialect)
        if span.rows is not None:
            records = records.cut(span.skip, span.rows)
            if len(records) != span.rows:
                raise InputError(f"{self.name} changed while it was read")
        return CsvBatch(records, self._place(fields, span.first_row))

    def _place(self, fields: tuple[Field, ...], first_row: int) -> Place:
        return Place(self.name, len(self.columns), self.dialect, self.nulls, fields, first_row)

    def _kinds(self, records: Records, positions: list[int]) -> dict[int, parse.Kind]:
        place = self._place((), 0)

        def table_of(types: dict[int, Any]) -> Any:
            return tabulate(records, place, types, self.nulls)

        if not positions:
            tabulate(records, place, {0: parse.BYTES}, ())  # every record is looked at
            return {}
        kinds = parse.kinds(records.text, self.dialect.delimiter, positions, table_of)
        return dict(zip(positions, kinds, strict=True))

    def _placed(self, error: InputError, records: Records, start: int, before: int) -> InputError:
        """Say an error again with the row's number in the file: worth counting for only now."""
        if self.path:
            before = sum(
                len(find_records(self._read(piece), self.dialect))
                for piece in self.pieces()
                if piece.stop <= start
            )
        try:
            tabulate(records, self._place((), before), {0: parse.BYTES}, ())
        except InputError as placed:
            return placed
        return error

    def _read(self, span: ByteSpan) -> bytes:
        return read_range(self.path, self.name, span.start, span.stop)

    def _is_misplaced(self, piece: ByteSpan | bytes, text: bytes) -> bool:
        """Whether an end of a piece stands in quotes: when all are even, none does."""
        if self.counted or isinstance(piece, bytes) or not (self.orderly and self.dialect.plain):
            return False
        whole = piece.start == self.head.start and piece.stop == self.stop
        return not whole and self._count_quotes(text) % 2 == 1

    def _count_quotes(self, text: bytes) -> int:
        if self.dialect.quote is None:
            return 0
        return text.count(self.dialect.quote)

    def _next_end(self, file: BinaryIO, position: int, dialect: Dialect, quotes: int = 0) -> int:
        """Return where the record ends that goes on at `position`."""
        size = 1 << 16
        while position < self.stop:
            file.seek(position)
            text = file.read(min(size, self.stop - position))
            if (end := first_end(text, dialect, quotes)) >= 0:
                return position + end
            quotes += self._count_quotes(text)
            position += len(text)
        return self.stop

    def _pieces_in_turn(self) -> Iterator[ByteSpan]:
        start = self.head.start
        with open(self.path, "rb") as file:
            file.seek(start)
            for records in cut_blocks(file, b"", self.dialect, BLOCK_BYTES):
                yield ByteSpan(start, start + len(records.text))
                start += len(records.text)


def _marks(records: Records, start: int) -> tuple[Mark, ...]:
    if not len(records):
        return ()
    step = -(-len(records) // _MARKS)
    offsets = records.starts[::step] + start
    offsets[0] = start
    return tuple(Mark(i * step, int(offset)) for i, offset in enumerate(offsets))
