"""What batches have in common whose columns are Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.columns.arrays import to_list


class Typed:
    """A batch that has `columns`."""

    listed = False

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return arrays; see formats.Batch."""
        raise NotImplementedError

    def ready(self, positions: Sequence[int]) -> None:
        """Read columns together."""
        self.columns(positions)

    def values(self, position: int) -> list[Any]:
        """Return a column's values as Python has them."""
        return to_list(self.columns([position])[0])

    def held(self, position: int) -> list[Any] | None:
        """None: Arrow has them."""
