"""One row without a column: what a table is reduced to, as a source. In workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from parapply.formats.common.groups import TableBatch
from parapply.formats.common.known_source import KnownSource
from parapply.formats.nouns import Field
from parapply.model.records import record


@record
class SingleSource(KnownSource):
    """A table of one row."""

    name: str

    @property
    def columns(self) -> tuple[str, ...]:
        return ()

    def batch(
        self, span: Any, fields: tuple[Field, ...], data: bytes | None = None, first_row: int = 0
    ) -> TableBatch:
        """Open the row, whatever the span."""
        del span, data
        return TableBatch(((0, 0, 1),), fields, _nothing, self.name, first_row)


def _nothing(group: int, positions: Sequence[int]) -> pa.Table:
    """Return the columns of a group: there are none."""
    raise AssertionError(f"no column is there to be read: {group}, {positions}")
