"""Protocols for writing a format: workers write parts with a Target, a Joiner concatenates them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from parapply.formats.api.reader import Batch, Source
from parapply.formats.nouns import Arrangement, Writing

if TYPE_CHECKING:
    from parapply.storage.part import Part


class Joiner(Protocol):
    """Joins part files, in order, into the output file (parent)."""

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Start an empty output with these columns, of these `types`."""

    def append(self, part: str | bytes) -> None:
        """Add a part: the path of a file, or the bytes themselves."""

    def reserve(self, size: int) -> int | None:
        """Return the position for the caller to write a part at; None if parts are converted."""

    def finish(self) -> None:
        """Complete the output; the caller closes the file."""

    def abandon(self) -> None:
        """Release an output that is thrown away."""


class Target(Protocol):
    """The output's format for one job; made in the parent, sent to the workers."""

    @property
    def reads_typed(self) -> bool:
        """Whether kept columns are needed as typed values instead of verbatim."""

    @property
    def as_text(self) -> bool:
        """Whether each value is written as text by itself, nested ones as JSON."""

    @property
    def encoding(self) -> str | None:
        """The text encoding; None for UTF-8 and for formats that are not text."""

    @property
    def labelled(self) -> bool:
        """Whether the format can store the index of a pandas DataFrame."""

    @property
    def quick(self) -> bool:
        """Whether parts of a `listed` batch are written without numpy and Arrow."""

    @property
    def has_twins(self) -> bool:
        """Whether the format allows several columns of one name."""

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        """Return which of the kept input columns a part needs to be read."""

    @property
    def suffix(self) -> str:
        """The suffix of file names."""

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
        `listed` batch, Listed. `take`: the batch positions of the part's rows, in any order; None
        for all. `last`: no chunk follows. `known`: the schema, with pandas metadata, of a table
        that the function made.
        """

    def write_table(self, part: Part, arrangement: Arrangement, table: Any, batch: Batch) -> None:
        """Write a part that is wholly the function's result: a pyarrow table, made of `batch`."""

    def needs_refit(self, part: Any, whole: Any) -> bool:
        """Whether a part has to be rewritten to fit `whole`; both are {name: type}, in order."""

    def joiner(self) -> Joiner:
        """Return the joiner of this output's parts."""


@runtime_checkable
class KeepsTables(Protocol):
    """A target whose parts can be turned back into the function's tables."""

    def table_of(self, part: str | bytes, batch: Batch, names: Sequence[str]) -> tuple[Any, Any]:
        """Return a part's table, at least its columns `names`, and the `take` of its write."""


class FormatWriter(Protocol):
    """Writes files of one format."""

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        """Return the target of an output, which keeps what it can of the sources' own form."""
