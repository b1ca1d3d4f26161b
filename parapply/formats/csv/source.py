"""One CSV input: finding its records (parent and workers), and reading them (workers)."""

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
from parapply.formats.nouns import Field, Fields, Survey
from parapply.model.deferred_imports import lazy
from parapply.model.errors import InputError
from parapply.model.records import record, replace

if TYPE_CHECKING:
    from parapply.formats.csv import parse, survey_cache
else:
    parse = lazy("parapply.formats.csv.parse")
    survey_cache = lazy("parapply.formats.csv.survey_cache")

BLOCK_BYTES = 4 << 20
_WORTH_BYTES = 1 << 16  # of text; numbers of smaller pieces are not cached
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
    lenient: bool = False  # ragged records are left to `Batch.bad_rows`
    counted: bool = False  # pieces are cut by all quotes before them, not by guess
    folder: str = ""  # for cached values
    spare_bytes: int = 0  # size of the file's part whose values may be cached
    cached: tuple[int, ...] | None = None  # cache all surveyed values, and these columns as text
    small: bool = False  # all of it can be read by small/

    joins_surveys = True

    def starts(self, data: bytes) -> Any:
        return find_records(data, self.dialect).starts

    @property
    def columns(self) -> tuple[str, ...]:
        return self.head.columns

    @property
    def dialect(self) -> Dialect:
        return self.head.dialect

    def pieces(self) -> Iterator[ByteSpan]:
        """Yield spans of about 4 MiB that begin and end between records, perhaps by guess."""
        from parapply.formats.csv.pieces import PieceCutter

        span = self.head.start, self.stop, BLOCK_BYTES
        cutter = PieceCutter(self.path, self.dialect, len(self.columns), *span)
        if self.dialect.plain and not self.counted:
            return cutter.by_guess()
        in_turn = not self.dialect.plain or self.dialect.escape is not None
        return cutter.in_turn() if in_turn else cutter.by_quotes()

    def survey(
        self, piece: ByteSpan | bytes, positions: Sequence[int], first_row: int = 0
    ) -> Survey:
        """Errors go into the survey: only the parent knows if the piece begins at a record."""
        start = 0 if isinstance(piece, bytes) else piece.start
        text = piece if isinstance(piece, bytes) else self._read(piece)
        guessed = self._is_guessed(piece)
        records = (find_whole_records if guessed else find_records)(text, self.dialect)
        if records is None:
            return _UNSOUND
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
                if guessed:  # the fault may be where it begins
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
        start, width = self.head.start, len(self.columns)
        text = self._read(ByteSpan(start, self.stop))
        found = survey.survey(text, start, self.dialect, width, positions, self.nulls)
        return None if found is None else (replace(self, small=True), found)

    def resurvey(self, surveys: Sequence[Survey]) -> CsvSource | None:
        """Return a source that cuts by all quotes, where a piece was cut within a record."""
        if not self.path or len(surveys) < 2 or all(survey.sound for survey in surveys):
            return None
        return replace(self, counted=True)

    def index(self, surveys: Sequence[Survey]) -> ByteIndex:
        return ByteIndex.of(surveys, self.head.start, self.stop)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> Fields:
        nothing = TextKind("null", not surveys)
        known = dict[int, Field]()
        for i, position in enumerate(positions):
            kind = reduce(TextKind.join, (survey.kinds[i] for survey in surveys), nothing)
            told = kind.name != "null"
            known[position] = Field(self.columns[position], kind.type, kind.nulls, told)
        known |= {p: Field(self.columns[p], type_) for p, type_ in (self.types or {}).items()}
        return tuple(known.get(p) or Field(name, None) for p, name in enumerate(self.columns))

    def batch(
        self, span: ByteSpan | None, fields: Fields, data: bytes | None = None, first_row: int = 0
    ) -> CsvBatch | SmallBatch:
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

    def _place(self, fields: Fields, first_row: int) -> CsvLocator:
        known = len(self.columns), self.dialect, self.nulls, fields
        return CsvLocator(self.name, first_row, None, *known)

    def cached_columns(
        self, span: ByteSpan, fields: Fields, typed: Sequence[int], verbatim: Sequence[int]
    ) -> tuple[list[Any], list[Any]] | None:
        return survey_cache.columns(span, fields, typed, verbatim)

    def _put_aside(self, piece: ByteSpan, records: Records, numbers: dict[int, Any]) -> str:
        """Cache a piece's values for the chunks; return the file, if there is one."""
        near, size = piece.stop - self.head.start <= self.spare_bytes, piece.stop - piece.start
        if not numbers or not near or size < _WORTH_BYTES or self.lenient or not self.folder:
            return ""
        columns = survey_cache.named(numbers, CsvBatch(records, self._place((), 0)), self.cached)
        return put(self.folder, columns, most=2 * size)  # short numbers take more than their text

    def _kinds(
        self, records: Records, positions: list[int]
    ) -> tuple[dict[int, TextKind], dict[int, Any]]:
        place = self._place((), 0)

        def table_of(types: dict[int, Any]) -> Any:
            return tabulate(records, place, types, self.nulls)

        if not positions:
            tabulate(records, place, {0: BYTES}, ())  # checks every record
            return {}, {}
        every, text = self.cached is not None, records.text
        kinds, numbers = parse.kinds(text, self.dialect, positions, table_of, every=every)
        return dict(zip(positions, kinds, strict=True)), numbers

    def _placed(self, error: InputError, records: Records, start: int, before: int) -> InputError:
        """Return an error with the row's number in the file, counted only now."""
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
