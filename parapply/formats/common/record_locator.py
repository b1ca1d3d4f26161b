"""Names of rows for messages. In workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from parapply.model.records import record, replace


@record
class RecordLocator:
    """Names the rows of a batch by their positions."""

    name: str  # of the input
    first_row: int  # the number of rows before these in the input
    picked: tuple[int, ...] | None  # which of the rows from there on; None: all

    def number(self, position: int) -> int:
        """Return a row's number in the whole input, counted from 1."""
        row = position if self.picked is None else self.picked[position]
        return self.first_row + row + 1

    def where(self, position: int) -> str:
        return f"{self.name}: row {self.number(position)}"

    def pick(self, rows: Sequence[int]) -> Self:
        known = self.picked
        return replace(self, picked=tuple(row if known is None else known[row] for row in rows))
