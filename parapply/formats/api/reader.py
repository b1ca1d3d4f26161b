"""How a format is read: sources, where their rows are, and batches of these.

What not every source can do is a Protocol of its own, for `isinstance`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO, Protocol, runtime_checkable

from parapply.formats.nouns import Field, Reading, Survey


class Batch(Protocol):
    """The rows of one chunk, in the worker; columns are read when they are asked for."""

    rows: int
    listed: bool  # what is made of its rows is written from lists, too: see columns/list_column.py

    def pick(self, rows: Sequence[int]) -> Batch:
        """Return a batch of these rows, given by their positions, in order."""

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        """Return which rows cannot be read, and why: of whole rows, and of these columns.

        Of those that are `seen`, `values` alone will be asked for.
        """

    def without(self, rows: Collection[int]) -> Batch:
        """Return a batch without these rows; what stands between rows stays."""

    def mended(self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]) -> Batch:
        """Return a batch of these rows alone, with nothing between them, that can be written.

        The `ragged` ones, which `bad_rows` named, have the right number of fields then; all
        fields of the `blank` ones are missing values.
        """

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Hear which columns will be asked for, so that they may be read in one go.

        `typed`: all of them by `columns`, none by `verbatim`.
        """

    def check_complete(self) -> None:
        """Raise InputError where a row of a stream has more than the columns."""

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return pyarrow arrays of the schema's types, missing values as nulls."""

    def ready(self, positions: Sequence[int]) -> None:
        """Read columns whose `values` will be asked for, in one go where that is faster."""

    def values(self, position: int) -> list[Any]:
        """Return a column's values as Python has them, None where one is missing.

        Raises UnseenError for one that it has not.
        """

    def held(self, position: int) -> list[Any] | None:
        """Return a column's values where Python has them already, None where Arrow does."""

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        """Return arrays that lose nothing of the input: for CSV each field's text."""


class Index(Protocol):
    """Where the rows of one source are."""

    rows: int
    size_bytes: int

    def snap(self, row: int, most: int) -> int:
        """Return the row nearest to `row` at which a chunk, of `most` rows, starts for nothing."""

    def text_bytes(self, start: int, stop: int) -> int:
        """Return about how much text is read for these rows: 0 where none is."""

    def span(self, start: int, stop: int) -> Any:
        """Return where rows start to stop are: what `Source.batch` takes."""


class Source(Protocol):
    """One input. Made in the parent, sent to the workers."""

    @property
    def joins_surveys(self) -> bool:
        """Whether `fields` takes the surveys of several sources of its kind together."""

    @property
    def name(self) -> str:
        """What the person called it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names, in order; not necessarily unique."""

    @property
    def own_columns(self) -> tuple[str, ...]:
        """Those of them that are in its rows."""

    @property
    def hidden(self) -> tuple[int, ...]:
        """The positions of columns that only pandas has: neither functions of rows nor text do."""

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema that it was written with, None where such files have none."""

    def pieces(self) -> Iterator[Any]:
        """Yield what can be surveyed apart, in order (parent)."""

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        """Count the rows of a piece and find the kinds of the columns at `positions` (worker).

        `first_row`: the rows before a stream's piece; a file's pieces are counted if need be.
        """

    @property
    def complete(self) -> bool:
        """Whether `columns` are all that there are: else a survey finds the others."""

    def widened(self, columns: tuple[str, ...]) -> Source:
        """Return a complete source: with these columns, where it was not complete."""

    def resurvey(self, surveys: Sequence[Survey]) -> Source | None:
        """Return the source to survey once more, where these surveys do not stand (parent)."""

    def index(self, surveys: Sequence[Survey]) -> Index:
        """Put the surveys of all pieces together (parent)."""

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return all columns, those at `positions` with one type over all `surveys` (parent)."""

    def batch(
        self, span: Any, fields: tuple[Field, ...], data: bytes | None = None, first_row: int = 0
    ) -> Batch:
        """Open the rows of a span (worker), which are in `data` where they came from a stream.

        Raises InputError for what is not as surveyed, BadRowsError for single rows.
        """


@runtime_checkable
class TextSource(Protocol):
    """A source that is text: it may be a stream."""

    def starts(self, data: bytes) -> Any:
        """Return where the rows of a stream's text begin, a numpy array of integers (parent)."""


@runtime_checkable
class CountedSource(Protocol):
    """A source whose rows can be counted without a survey."""

    def rows(self) -> int:
        """Return how many there are."""


@runtime_checkable
class QuickSource(Protocol):
    """A source that may be surveyed without workers, numpy and Arrow, if it is small and plain."""

    @property
    def size_bytes(self) -> int:
        """How much text it has."""

    def quick_survey(self, positions: Sequence[int]) -> tuple[Source, Survey] | None:
        """Return its survey, and the source that reads its rows so, too; None where it cannot."""


@runtime_checkable
class CachedSource(Protocol):
    """A source whose survey may have kept the values that it read."""

    def cached_columns(
        self, span: Any, fields: tuple[Field, ...], typed: Sequence[int], verbatim: Sequence[int]
    ) -> tuple[list[Any], list[Any]] | None:
        """Return what `columns` and `verbatim` of the span's batch would, None where it cannot."""


@runtime_checkable
class GroupedSource(Protocol):
    """A source whose rows are groups: those of one key stand together."""

    def where(self, span: Any, fields: tuple[Field, ...], row: int) -> str:
        """Say which group of a span a row is in."""


@runtime_checkable
class GroupedBatch(Protocol):
    """Rows of whole groups, which are not where they were in the input."""

    def place(self, position: int) -> tuple[str, int]:
        """Return the input that a row came from, and its number there, counted from 1."""

    def where(self, group: int) -> str:
        """Say which group it is, by its key."""


class FormatReader(Protocol):
    """How files of a format are read."""

    def source(self, path: str, name: str, reading: Reading) -> Source:
        """Describe a file: its columns, from its head (parent)."""


class StreamReader(FormatReader, Protocol):
    """The same of a format that is text: it can be read as it comes."""

    def stream(
        self, file: BinaryIO, name: str, reading: Reading
    ) -> tuple[Source, Iterator[tuple[int, bytes]]]:
        """Describe a stream, and yield (rows, data) as it is read (parent)."""


class NotSeekableError(Exception):
    """What the file holds has to be read from its start, as a stream."""
