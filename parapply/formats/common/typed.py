"""Batches whose columns are Arrow arrays, and columns of parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from parapply.columns.arrays import take as picked
from parapply.columns.arrays import to_list
from parapply.formats.api import Batch
from parapply.formats.nouns import Arrangement, Keep
from parapply.model.errors import BadRowsError


class Typed(Protocol):
    """Batch methods that follow from `columns`."""

    listed: bool = False

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return arrays; see api.Batch."""

    def ready(self, positions: Sequence[int]) -> None:
        self.columns(positions)

    def values(self, position: int) -> list[Any]:
        return to_list(self.columns([position])[0])

    def held(self, position: int) -> list[Any] | None:
        return None


def with_misfits(batch: Batch, positions: Sequence[int], bad: dict[int, str]) -> dict[int, str]:
    """Add to the unreadable rows those with values that are not of their columns' types."""
    while len(bad) < batch.rows and positions:
        left = [row for row in range(batch.rows) if row not in bad] if bad else range(batch.rows)
        try:
            (batch.without(bad) if bad else batch).columns(positions)
            break
        except BadRowsError as error:
            bad.update({left[row]: why for row, why in error.rows.items()})
    return bad


def arranged(
    names: Sequence[str], arrangement: Arrangement, batch: Batch, made: Mapping[str, Any], take: Any
) -> list[tuple[str, Any]]:
    """Return a part's (name, array) columns, as in Target.write; `names` are the input's."""
    kept = [column.position for column in arrangement if isinstance(column, Keep)]
    have = dict(zip(kept, batch.columns(kept), strict=True))
    if take is not None:
        have = {position: picked(array, take) for position, array in have.items()}
    return [
        (names[column.position], have[column.position])
        if isinstance(column, Keep)
        else (column.name, made[column.name])
        for column in arrangement
    ]
