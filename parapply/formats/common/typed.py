"""Batches whose columns are Arrow arrays: what comes of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from parapply.columns.arrays import to_list


class Typed(Protocol):
    """A batch that has `columns`, and the rest of it by them."""

    listed: bool = False

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return arrays; see formats.Batch."""
        ...

    def ready(self, positions: Sequence[int]) -> None:
        """Read columns together."""
        self.columns(positions)

    def values(self, position: int) -> list[Any]:
        """Return a column's values as Python has them."""
        return to_list(self.columns([position])[0])

    def held(self, position: int) -> list[Any] | None:
        """Return nothing: Arrow has them."""
        return None
