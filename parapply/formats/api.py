"""What each format has: sources and batches of rows, targets and joiners of parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from parapply.formats.nouns import Arrangement, Field, Reading, Survey, Writing

if TYPE_CHECKING:
    from parapply.storage.part import Part


class Batch(Protocol):
    """The rows of one chunk, in the worker; columns are read when they are asked for."""

    rows: int
    listed: bool  # what is made of its rows is written from lists, too: see columns/list_column.py

    def pick(self, rows: Sequence[int]) -> Batch:
        """Return a batch of these rows, given by their positions, in order."""
        ...

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        """Return which rows cannot be read, and why: of whole rows, and of these columns.

        Of those that are `seen`, `values` alone will be asked for.
        """
        ...

    def without(self, rows: Collection[int]) -> Batch:
        """Return a batch without these rows; what stands between rows stays."""
        ...

    def mended(self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]) -> Batch:
        """Return a batch of these rows alone, with nothing between them, that can be written.

        The `ragged` ones, which `bad_rows` named, have the right number of fields then; all
        fields of the `blank` ones are missing values.
        """
        ...

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Hear which columns will be asked for, so that they may be read in one go.

        `typed`: all of them by `columns`, none by `verbatim`.
        """
        ...

    def check_complete(self) -> None:
        """Raise InputError where a row of a stream has more than the columns."""
        ...

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return pyarrow arrays of the schema's types, missing values as nulls."""
        ...

    def ready(self, positions: Sequence[int]) -> None:
        """Read columns whose `values` will be asked for, in one go where that is faster."""
        ...

    def values(self, position: int) -> list[Any]:
        """Return a column's values as Python has them, None where one is missing.

        Raises UnseenError for one that it has not.
        """
        ...

    def held(self, position: int) -> list[Any] | None:
        """Return a column's values where Python has them already, None where Arrow does."""
        ...

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        """Return arrays that lose nothing of the input: for CSV each field's text."""
        ...


class Index(Protocol):
    """Where the rows of one source are."""

    rows: int
    size_bytes: int

    def snap(self, row: int, most: int) -> int:
        """Return the row nearest to `row` at which a chunk, of `most` rows, starts for nothing."""
        ...

    def text_bytes(self, start: int, stop: int) -> int:
        """Return about how much text is read for these rows: 0 where none is."""
        ...

    def span(self, start: int, stop: int) -> Any:
        """Return where rows start to stop are: what `Source.batch` takes."""
        ...


class Source(Protocol):
    """One input. Made in the parent, sent to the workers."""

    @property
    def joins_surveys(self) -> bool:
        """Whether `fields` takes the surveys of several sources of its kind together."""
        ...

    @property
    def name(self) -> str:
        """What the person called it."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names, in order; not necessarily unique."""
        ...

    def pieces(self) -> Iterator[Any]:
        """Yield what can be surveyed apart, in order (parent)."""
        ...

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        """Count the rows of a piece and find the kinds of the columns at `positions` (worker).

        `first_row`: the rows before a stream's piece; a file's pieces are counted if need be.
        """
        ...

    @property
    def complete(self) -> bool:
        """Whether `columns` are all that there are: else a survey finds the others."""
        ...

    def widened(self, columns: tuple[str, ...]) -> Source:
        """Return a complete source with these columns; asked only of one that was not."""
        ...

    def starts(self, data: bytes) -> Any:
        """Return where the rows of a stream's text begin, a numpy array of integers (parent)."""
        ...

    def again(self, surveys: Sequence[Survey]) -> Source | None:
        """Return the source to survey once more, where these surveys do not stand (parent)."""
        ...

    def index(self, surveys: Sequence[Survey]) -> Index:
        """Put the surveys of all pieces together (parent)."""
        ...

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return all columns, those at `positions` with one type over all `surveys` (parent)."""
        ...

    def batch(
        self, span: Any, fields: tuple[Field, ...], data: bytes | None = None, first_row: int = 0
    ) -> Batch:
        """Open the rows of a span (worker), which are in `data` where they came from a stream.

        Raises InputError for what is not as surveyed, BadRowsError for single rows.
        """
        ...


class Joiner(Protocol):
    """Puts parts, in order, into the output file (parent)."""

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Start an empty output with these columns; `types` has the type of each."""
        ...

    def append(self, part: str | bytes) -> None:
        """Add a part: a file's path, or the bytes themselves."""
        ...

    def reserve(self, size: int) -> int | None:
        """Return where in the file the next part begins, which somebody else writes there.

        None where parts do not go into it as they are. `size` is the part's, in bytes.
        """
        ...

    def finish(self) -> None:
        """Complete the output; the caller closes the file."""
        ...

    def abandon(self) -> None:
        """Let go of an output that is thrown away."""
        ...


class Target(Protocol):
    """The format of the output, for one job. Made in the parent, sent to the workers."""

    @property
    def reads_typed(self) -> bool:
        """Whether kept columns are needed as typed values, not as they stand."""
        ...

    @property
    def as_text(self) -> bool:
        """Whether values are written as text, each by itself: nested ones as JSON."""
        ...

    @property
    def encoding(self) -> str | None:
        """That of its text, None where that is UTF-8 or where it is none."""
        ...

    @property
    def has_twins(self) -> bool:
        """Whether such a file can have several columns of one name."""
        ...

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        """Return which of the input's columns that stay are asked for, to write a part."""
        ...

    @property
    def suffix(self) -> str:
        """What the names of such files end in."""
        ...

    def write(
        self,
        part: Part,
        arrangement: Arrangement,
        batch: Batch,
        made: Any,
        take: Any,
        last: bool,
        known: Any = None,
    ) -> None:
        """Write a part (worker).

        `made` has the function's columns by name, each as long as the part: arrays or, of a
        `listed` batch, Listed. `take`, where not None, has the positions in the batch of the
        part's rows, in any order; `last`: no chunk comes after. `known` is the schema of a table
        that the function made, with what pandas says of its columns.
        """
        ...

    def write_table(self, part: Part, arrangement: Arrangement, table: Any, batch: Batch) -> None:
        """Write a part that is all the function's: a pyarrow table, made of `batch`."""
        ...

    @property
    def keeps_tables(self) -> bool:
        """Whether a part tells the table that it was made of."""
        ...

    def table_of(self, part: str | bytes, batch: Batch, names: Sequence[str]) -> tuple[Any, Any]:
        """Return what a part was made of, the columns `names` of a table at least, and `take`.

        `batch` as then.
        """
        ...

    def needs_refit(self, part: Any, whole: Any) -> bool:
        """Whether a part whose made columns are `part` must be written anew to fit `whole`.

        Both are {name: type} in the order of the columns.
        """
        ...

    def joiner(self) -> Joiner:
        """Return what puts the parts together."""
        ...


class Format(Protocol):
    """A room of this package."""

    def source(self, path: str, name: str, reading: Reading) -> Source:
        """Describe a file: its columns, from its head (parent)."""
        ...

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        """Return how the output is written, keeping what it can of the sources' own form."""
        ...


class StreamFormat(Format, Protocol):
    """A room of a format that is text: it can be read as it comes."""

    def stream(
        self, file: BinaryIO, name: str, reading: Reading
    ) -> tuple[Source, Iterator[tuple[int, bytes]]]:
        """Describe a stream, and yield (rows, data) as it is read (parent)."""
        ...


class NotSeekableError(Exception):
    """What the file holds has to be read from its start, as a stream."""
