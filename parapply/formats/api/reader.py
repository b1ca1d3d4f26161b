"""Protocols for reading a format; abilities that only some sources or batches have are separate."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO, Protocol, runtime_checkable

from parapply.formats.nouns import Fields, Reading, Survey


class Batch(Protocol):
    """The rows of one chunk, in a worker; columns are read on demand."""

    rows: int
    listed: bool  # results for it may be lists instead of arrays: see columns/list_column.py

    def pick(self, rows: Sequence[int]) -> Batch:
        """Return a batch of the rows at these positions, in this order."""

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        """Return {position: message} of unreadable rows, and of bad values in these columns.

        `seen` are further columns, of which only `values` will be asked for.
        """

    def without(self, rows: Collection[int]) -> Batch:
        """Return a batch without these rows; blank lines and comments between rows stay."""

    def mended(self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]) -> Batch:
        """Return a batch of these rows, and nothing between them, that can be written.

        The `ragged` rows, which `bad_rows` named, get the right number of fields; all fields of
        `blank` rows become missing values.
        """

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Announce columns to be read in one go; `typed`: only `columns` will ask for them."""

    def check_complete(self) -> None:
        """Raise InputError where a row of a stream has a key that is no column."""

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return pyarrow arrays of the fields' types, missing values as nulls."""

    def ready(self, positions: Sequence[int]) -> None:
        """Read columns whose `values` will be asked for, together where that is faster."""

    def values(self, position: int) -> list[Any]:
        """Return a column as Python values, None where missing.

        Raises UnseenError for a value beyond what Python's types hold.
        """

    def held(self, position: int) -> list[Any] | None:
        """Return a column's Python values if they exist already; None if only Arrow has them."""

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        """Return arrays that lose nothing of the input: for CSV the text of each field."""


class Index(Protocol):
    """Where the rows of one source are; built from its surveys."""

    rows: int
    size_bytes: int

    def snap(self, row: int, most: int) -> int:
        """Return the cheapest chunk boundary near `row`; a chunk has at most `most` rows."""

    def text_bytes(self, start: int, stop: int) -> int:
        """Return roughly how many bytes of text these rows take; 0 if the input is no text."""

    def span(self, start: int, stop: int) -> Any:
        """Return the location of rows start to stop, for `Source.batch`."""


class Source(Protocol):
    """One input; made in the parent, sent to the workers."""

    @property
    def joins_surveys(self) -> bool:
        """Whether `fields` can take surveys of several sources of its kind together."""

    @property
    def name(self) -> str:
        """What messages call it: as the user named it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in order; not necessarily unique."""

    @property
    def own_columns(self) -> tuple[str, ...]:
        """The columns that its rows themselves have: without added ones."""

    @property
    def hidden(self) -> tuple[int, ...]:
        """Positions of columns for pandas only, which row functions and text output do not get."""

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema stored in the input; None for formats without one."""

    def pieces(self) -> Iterator[Any]:
        """Yield the pieces that workers survey independently, in order (parent)."""

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        """Count a piece's rows and infer the kinds of the columns at `positions` (worker).

        `first_row`: the number of rows before a stream's piece; for files it is counted if needed.
        """

    @property
    def complete(self) -> bool:
        """Whether `columns` are all columns; if not, a survey finds the others."""

    def widened(self, columns: tuple[str, ...]) -> Source:
        """Return a complete source, with these columns if it was not complete before."""

    def resurvey(self, surveys: Sequence[Survey]) -> Source | None:
        """Return the source to survey again where these surveys do not hold, else None (parent)."""

    def index(self, surveys: Sequence[Survey]) -> Index:
        """Combine the surveys of all pieces (parent)."""

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> Fields:
        """Return all columns, those at `positions` with one type for all `surveys` (parent)."""

    def batch(
        self, span: Any, fields: Fields, data: bytes | None = None, first_row: int = 0
    ) -> Batch:
        """Open the rows of a span (worker); `data` has a stream's bytes.

        Raises InputError for input that contradicts the survey, BadRowsError for single rows.
        """


@runtime_checkable
class TextSource(Protocol):
    """A source that is text, and can therefore be a stream."""

    def starts(self, data: bytes) -> Any:
        """Return the byte positions, a numpy array, at which a stream's rows begin (parent)."""


@runtime_checkable
class CountedSource(Protocol):
    """A source whose row count is known without a survey."""

    def rows(self) -> int:
        """Return the number of rows."""


@runtime_checkable
class QuickSource(Protocol):
    """A source that can be surveyed without workers, numpy and Arrow if it is small and plain."""

    @property
    def size_bytes(self) -> int:
        """The size of its text."""

    def quick_survey(self, positions: Sequence[int]) -> tuple[Source, Survey] | None:
        """Return the source that reads rows this way and its survey; None if not possible."""


@runtime_checkable
class CachedSource(Protocol):
    """A source whose survey may have cached the values that it read."""

    def cached_columns(
        self, span: Any, fields: Fields, typed: Sequence[int], verbatim: Sequence[int]
    ) -> tuple[list[Any], list[Any]] | None:
        """Return what the batch's `columns` and `verbatim` would; None if it is not all cached."""


@runtime_checkable
class GroupedSource(Protocol):
    """A source whose rows are sorted into groups of one key each."""

    def where(self, span: Any, fields: Fields, row: int) -> str:
        """Name the group that a row of a span belongs to."""


@runtime_checkable
class GroupedBatch(Protocol):
    """Rows of whole groups, in another order than in the input."""

    def place(self, position: int) -> tuple[str, int]:
        """Return the input that a row came from, and its row number there, counted from 1."""

    def where(self, group: int) -> str:
        """Name a group by its key."""


class FormatReader(Protocol):
    """Reads files of one format."""

    def source(self, path: str, name: str, reading: Reading) -> Source:
        """Describe a file by its head: columns, and what the format needs to read them (parent)."""


class StreamReader(FormatReader, Protocol):
    """A reader of a text format, which can also be read as a stream."""

    def stream(
        self, file: BinaryIO, name: str, reading: Reading
    ) -> tuple[Source, Iterator[tuple[int, bytes]]]:
        """Describe a stream, and yield (rows, bytes) blocks as they are read (parent)."""


class NotSeekableError(Exception):
    """The file's content has to be read from its start, as a stream."""
