"""Where rows of a text input are, so that messages can name them. In workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from parapply.model.records import record, replace


@record
class RecordLocator:
    """What rows of one input are called, by their positions in a batch."""

    name: str  # of the input
    first_row: int  # rows before these in the whole input
    picked: tuple[int, ...] | None  # which of the rows after those; None: all

    def number(self, position: int) -> int:
        """Return a row's number in the whole input, counted from 1."""
        row = position if self.picked is None else self.picked[position]
        return self.first_row + row + 1

    def where(self, position: int) -> str:
        """Name a row by its number in the whole input."""
        return f"{self.name}: row {self.number(position)}"

    def pick(self, rows: Sequence[int]) -> Self:
        """Return the locator of some of the rows, by their positions among these."""
        known = self.picked
        return replace(self, picked=tuple(row if known is None else known[row] for row in rows))
