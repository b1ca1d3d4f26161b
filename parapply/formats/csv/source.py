"""One CSV input: where its records are (parent and workers), and their rows (workers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from parapply.columns.inference import TextKind
from parapply.formats.common.blocks import read_range
from parapply.formats.common.known_source import KnownSource
from parapply.formats.common.line_index import ByteIndex, ByteSpan, marks_of
from parapply.formats.common.number_cache import put
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.dialect import BYTES, NULLS, Dialect
from parapply.formats.csv.header import CsvHead
from parapply.formats.csv.records import Records, find_records, find_whole_records
from parapply.formats.csv.small import survey
from parapply.formats.csv.small.batch import SmallBatch
from parapply.formats.csv.table import CsvLocator, check_no_end, check_widths, ragged, tabulate
from parapply.formats.nouns import Field, Survey
from parapply.model.deferred_imports import lazy
from parapply.model.errors import InputError
from parapply.model.records import record, replace

if TYPE_CHECKING:
    from parapply.formats.csv import parse, survey_cache
else:
    parse = lazy("parapply.formats.csv.parse")
    survey_cache = lazy("parapply.formats.csv.survey_cache")

BLOCK_BYTES = 4 << 20
_WORTH_BYTES = 1 << 16  # of text that is read again rather than have a file for its numbers
_UNSOUND = Survey(0, (), sound=False)


@record
class CsvSource(KnownSource):
    """A CSV file, or a stream, whose text comes with each chunk."""

    path: str  # empty for a stream
    name: str
    head: CsvHead
    stop: int
    nulls: tuple[str, ...] = NULLS
    types: Mapping[int, Any] | None = None  # by position: what --dtype says
    lenient: bool = False  # records that are not whole are for the batch to find
    counted: bool = False  # pieces are cut by all quotes before them, not by guess
    folder: str = ""  # for values that are put aside,
    spare_bytes: int = 0  # of so many of its bytes
    cached: tuple[int, ...] | None = None  # all that is surveyed is put there, and these as text
    small: bool = False  # all of it can be read by small/

    joins_surveys = True

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
        """Yield spans of about 4 MiB that start and stop between records (parent)."""
        from parapply.formats.csv.pieces import PieceCutter

        head = self.head
        size = BLOCK_BYTES
        cutter = PieceCutter(
            self.path, self.dialect, len(self.columns), head.start, self.stop, size
        )
        if self.dialect.plain and not self.counted:
            return cutter.by_guess()
        in_turn = not self.dialect.plain or self.dialect.escape is not None
        return cutter.in_turn() if in_turn else cutter.by_quotes()

    def survey(
        self, piece: ByteSpan | bytes, positions: Sequence[int], first_row: int = 0
    ) -> Survey:
        """Count records and tell the kinds of columns; marks are every 64th part of the piece.

        What is wrong with the piece is in the survey: only the parent can tell whether the piece
        really begins where a record does.
        """
        start = 0 if isinstance(piece, bytes) else piece.start
        text = piece if isinstance(piece, bytes) else self._read(piece)
        guessed = self._is_guessed(piece)
        whole = (find_whole_records if guessed else find_records)(text, self.dialect)
        if whole is None:
            return _UNSOUND
        records = whole
        count = len(records)
        marks = () if isinstance(piece, bytes) else marks_of(records.starts, start)
        if self.lenient and (bad := ragged(records, self._place((), 0))):
            records = CsvBatch(records, self._place((), 0)).without(bad).records
        inferred = [position for position in positions if position not in (self.types or {})]
        kinds: dict[int, Any] = {}
        error, aside = None, ""
        if len(records):
            try:
                kinds, numbers = self._kinds(records, inferred)
                if len(numbers) == len(positions) and not isinstance(piece, bytes):
                    aside = self._put_aside(piece, records, numbers)
            except InputError as found:
                if guessed:  # what is wrong may be where it begins
                    return _UNSOUND
                error = self._placed(found, records, start, first_row)
        known = [kinds.get(position, TextKind("null", False)) for position in positions]
        return Survey(count, tuple(known), marks, error, True, aside)

    @property
    def size_bytes(self) -> int:
        return self.stop - self.head.start

    def quick_survey(self, positions: Sequence[int]) -> tuple[CsvSource, Survey] | None:
        if self.types:
            return None
        text = self._read(ByteSpan(self.head.start, self.stop))
        width = len(self.columns)
        found = survey.survey(text, self.head.start, self.dialect, width, positions, self.nulls)
        return None if found is None else (replace(self, small=True), found)

    def resurvey(self, surveys: Sequence[Survey]) -> CsvSource | None:
        """Return a source that cuts with more care, where some piece is not what it should be."""
        if not self.path or len(surveys) < 2 or all(survey.sound for survey in surveys):
            return None
        return replace(self, counted=True)

    def index(self, surveys: Sequence[Survey]) -> ByteIndex:
        """Put the marks of all pieces in one list."""
        return ByteIndex.of(surveys, self.head.start, self.stop)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return the columns with the types that hold every piece's values."""
        nothing = TextKind("null", not surveys)
        kinds = {
            position: reduce(TextKind.join, (survey.kinds[i] for survey in surveys), nothing)
            for i, position in enumerate(positions)
        }
        forced = self.types or {}
        return tuple(
            Field(name, forced[place])
            if place in forced
            else _field(name, kinds[place])
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
    ) -> CsvBatch | SmallBatch:
        """Open the records of a span, or those in `data`."""
        if span is None:
            forced = self.types or {}
            unseen = [
                p for p, f in enumerate(fields) if p not in forced and parse.is_inferable(f.type)
            ]
            place = replace(self._place(fields, first_row), unseen=frozenset(unseen))
            records = find_records(data or b"", self.dialect)
            check_no_end(records, self._place((), first_row))
            if not self.lenient:  # no survey has seen it
                check_widths(records, place)
            return CsvBatch(records, place)
        text = self._read(span)
        lines = survey.lines(text) if self.small and span.rows is not None else None
        if lines is not None and len(lines) >= span.skip + (span.rows or 0):
            lines = lines.cut(span.skip, span.rows or 0)
            return SmallBatch(lines, self._place(fields, span.first_row))
        records = find_records(text, self.dialect)
        if span.rows is not None:
            records = records.cut(span.skip, span.rows)
            if len(records) != span.rows:
                raise InputError(f"{self.name} changed while it was read")
        check_no_end(records, self._place((), span.first_row))
        return CsvBatch(records, self._place(fields, span.first_row), span.asides)

    def _place(self, fields: tuple[Field, ...], first_row: int) -> CsvLocator:
        known = len(self.columns), self.dialect, self.nulls, fields
        return CsvLocator(self.name, first_row, None, *known)

    def cached_columns(
        self, span: ByteSpan, fields: tuple[Field, ...], typed: Sequence[int],
        verbatim: Sequence[int],
    ) -> tuple[list[Any], list[Any]] | None:  # fmt: skip
        """Return columns that the survey has kept; see formats.CachedSource."""
        return survey_cache.columns(span, fields, typed, verbatim)

    def _put_aside(self, piece: ByteSpan, records: Records, numbers: dict[int, Any]) -> str:
        """Keep the values of a piece for the chunks; return the file, if there is one."""
        near, size = piece.stop - self.head.start <= self.spare_bytes, piece.stop - piece.start
        if not numbers or not near or size < _WORTH_BYTES or self.lenient or not self.folder:
            return ""
        most = 2 * size  # short numbers take more than their text
        columns = survey_cache.named(numbers, CsvBatch(records, self._place((), 0)), self.cached)
        return put(self.folder, columns, most)

    def _kinds(
        self, records: Records, positions: list[int]
    ) -> tuple[dict[int, TextKind], dict[int, Any]]:
        place = self._place((), 0)

        def table_of(types: dict[int, Any]) -> Any:
            return tabulate(records, place, types, self.nulls)

        if not positions:
            tabulate(records, place, {0: BYTES}, ())  # every record is looked at
            return {}, {}
        every, text = self.cached is not None, records.text
        kinds, numbers = parse.kinds(text, self.dialect, positions, table_of, every=every)
        return dict(zip(positions, kinds, strict=True)), numbers

    def _placed(self, error: InputError, records: Records, start: int, before: int) -> InputError:
        """Say an error again with the row's number in the file: worth counting for only now."""
        if self.path:
            before = sum(
                len(find_records(self._read(piece), self.dialect))
                for piece in self.pieces()
                if piece.stop <= start
            )
        try:
            tabulate(records, self._place((), before), {0: BYTES}, ())
        except InputError as placed:
            return placed
        return error

    def _read(self, span: ByteSpan) -> bytes:
        return read_range(self.path, self.name, span.start, span.stop)

    def _is_guessed(self, piece: ByteSpan | bytes) -> bool:
        """Whether a piece may begin or end within a record: see `PieceCutter.by_guess`."""
        if self.counted or isinstance(piece, bytes) or not self.dialect.plain:
            return False
        return piece.start > self.head.start or piece.stop < self.stop


def _field(name: str, kind: TextKind) -> Field:
    return Field(name, kind.type, kind.nulls, kind.name != "null")
