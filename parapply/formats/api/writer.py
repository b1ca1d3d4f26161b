"""How a format is written: parts by a target, in workers, and the output by its joiner.

What not every target can do is a Protocol of its own, for `isinstance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from parapply.formats.api.reader import Batch, Source
from parapply.formats.nouns import Arrangement, Writing

if TYPE_CHECKING:
    from parapply.storage.part import Part


class Joiner(Protocol):
    """Puts parts, in order, into the output file (parent)."""

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Start an empty output with these columns; `types` has the type of each."""

    def append(self, part: str | bytes) -> None:
        """Add a part: a file's path, or the bytes themselves."""

    def reserve(self, size: int) -> int | None:
        """Return where in the file the next part begins, which somebody else writes there.

        None where parts do not go into it as they are. `size` is the part's, in bytes.
        """

    def finish(self) -> None:
        """Complete the output; the caller closes the file."""

    def abandon(self) -> None:
        """Let go of an output that is thrown away."""


class Target(Protocol):
    """The format of the output, for one job. Made in the parent, sent to the workers."""

    @property
    def reads_typed(self) -> bool:
        """Whether kept columns are needed as typed values, not as they stand."""

    @property
    def as_text(self) -> bool:
        """Whether values are written as text, each by itself: nested ones as JSON."""

    @property
    def encoding(self) -> str | None:
        """That of its text, None where that is UTF-8 or where it is none."""

    @property
    def labelled(self) -> bool:
        """Whether it has a place for the index of pandas."""

    @property
    def quick(self) -> bool:
        """Whether parts of a `listed` batch are written without numpy and Arrow."""

    @property
    def has_twins(self) -> bool:
        """Whether such a file can have several columns of one name."""

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        """Return which of the input's columns that stay are asked for, to write a part."""

    @property
    def suffix(self) -> str:
        """What the names of such files end in."""

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

    def write_table(self, part: Part, arrangement: Arrangement, table: Any, batch: Batch) -> None:
        """Write a part that is all the function's: a pyarrow table, made of `batch`."""

    def needs_refit(self, part: Any, whole: Any) -> bool:
        """Whether a part whose made columns are `part` must be written anew to fit `whole`.

        Both are {name: type} in the order of the columns.
        """

    def joiner(self) -> Joiner:
        """Return what puts the parts together."""


@runtime_checkable
class KeepsTables(Protocol):
    """A target whose parts tell the tables that they were made of."""

    def table_of(self, part: str | bytes, batch: Batch, names: Sequence[str]) -> tuple[Any, Any]:
        """Return what a part was made of, the columns `names` of a table at least, and `take`.

        `batch` as then.
        """


class FormatWriter(Protocol):
    """How a format is written."""

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        """Return how the output is written, keeping what it can of the sources' own form."""
