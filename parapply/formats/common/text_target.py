"""Text output: workers write parts in their final form, whose bytes are concatenated."""

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
    """The members of api.Target that a text format need not define itself; a base of records."""

    __slots__ = ()

    columns: tuple[str, ...]  # of the input
    writing: Writing
    reads_typed = True
    has_twins = False
    labelled = False
    as_text = True

    @property
    def kind(self) -> str:
        """The suffix of file names, without that of the compression."""
        return ".txt"

    @property
    def quick(self) -> bool:
        return False

    @abstractmethod
    def text(self, columns: Sequence[tuple[str, Any]], rows: int) -> Sequence[Any]:
        """Return buffers with the UTF-8 text of `rows` rows, given as (name, array) columns."""

    def head(self, arrangement: Arrangement) -> tuple[bytes, bytes]:
        """Return the output's head, and what comes between it and the first part."""
        return b"", b""

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        return tuple(keep)

    @property
    def encoding(self) -> str | None:
        return self.writing.encoding

    @property
    def suffix(self) -> str:
        return self.kind + compression.suffix_of(self.writing.compression)

    def write(
        self, part: Part, arrangement: Arrangement, batch: Batch, made: Mapping[str, Any],
        take: Any, last: bool, known: Any = None,
    ) -> None:  # fmt: skip
        columns = arranged(self.columns, arrangement, batch, made, take)
        part.write(self.text(columns, batch.rows if take is None else len(take)))

    def write_table(self, part: Part, arrangement: Arrangement, table: Any, batch: Batch) -> None:
        arrays = [column.combine_chunks() for column in table.columns]
        part.write(self.text(list(zip(table.column_names, arrays, strict=True)), table.num_rows))

    def needs_refit(self, part: dict[str, Any], whole: dict[str, Any]) -> bool:
        """Text differs where columns are missing or moved, or integers become floats."""
        if list(part) != list(whole):
            return True
        return any(part[name] != type_ and part[name] != "null" for name, type_ in whole.items())

    def joiner(self) -> TextJoiner:
        return TextJoiner(self.writing, self.head)
