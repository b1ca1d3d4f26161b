"""Output that is text: workers write parts in their final form, and their bytes are joined.

A format of text has to say itself what the text of some rows is, and perhaps what comes first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from parapply.formats.api import Batch
from parapply.formats.common.text_parts import TextJoiner
from parapply.formats.common.typed import arranged
from parapply.formats.nouns import Arrangement, Writing
from parapply.storage.codecs import compression
from parapply.storage.part import Part


class TextTarget(ABC):
    """The members of formats.Target that a format of text need not say itself; a record's base."""

    __slots__ = ()

    columns: tuple[str, ...]  # the names of the input's
    writing: Writing
    reads_typed = True
    has_twins = False
    labelled = False
    as_text = True

    @property
    def kind(self) -> str:
        """What the names of such files end in, without what says their compression."""
        return ".txt"

    @property
    def quick(self) -> bool:
        """Whether lists will do, instead of arrays."""
        return False

    @abstractmethod
    def text(self, columns: Sequence[tuple[str, Any]], rows: int) -> Sequence[Any]:
        """Return buffers with the UTF-8 text of rows, of which these are the names and arrays."""

    def head(self, arrangement: Arrangement) -> tuple[bytes, bytes]:
        """Return what the output begins with, and what comes between that and the first part."""
        del arrangement
        return b"", b""

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        """Return all of them."""
        return tuple(keep)

    @property
    def encoding(self) -> str | None:
        """The output's."""
        return self.writing.encoding

    @property
    def suffix(self) -> str:
        """By the compression."""
        return self.kind + compression.suffix_of(self.writing.compression)

    def write(
        self, part: Part, arrangement: Arrangement, batch: Batch, made: Mapping[str, Any],
        take: Any, last: bool, known: Any = None,
    ) -> None:  # fmt: skip
        """Write a part; see formats.Target."""
        del last, known
        columns = arranged(self.columns, arrangement, batch, made, take)
        part.write(self.text(columns, batch.rows if take is None else len(take)))

    def write_table(self, part: Part, arrangement: Arrangement, table: Any, batch: Batch) -> None:
        """Write a part that is all the function's."""
        del arrangement, batch
        arrays = [column.combine_chunks() for column in table.columns]
        part.write(self.text(list(zip(table.column_names, arrays, strict=True)), table.num_rows))

    def needs_refit(self, part: dict[str, Any], whole: dict[str, Any]) -> bool:
        """Text differs where columns are missing or stand elsewhere, or integers become floats."""
        if list(part) != list(whole):
            return True
        return any(part[name] != type_ and part[name] != "null" for name, type_ in whole.items())

    def joiner(self) -> TextJoiner:
        """Return what concatenates the parts after the head."""
        return TextJoiner(self.writing, self.head)
