"""Parquet output whose parts (from workers) lack columns that are copied from the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as at

from parapply.columns.arrays import columns_of
from parapply.formats.api import Batch, Joiner
from parapply.formats.common.group_target import TableTarget, rows_of
from parapply.formats.nouns import Arrangement, Keep
from parapply.formats.parquet.column_copy.plan import CopyPlan
from parapply.formats.parquet.elements import Layout, are_alike
from parapply.formats.parquet.joiner import CopyingJoiner, marked, origin_of
from parapply.model.records import record
from parapply.storage.part import Part, read_table


@record
class CopyingTarget(TableTarget):
    """Writes parts without the columns that are copied."""

    copied: CopyPlan
    codec: str
    layout: Layout

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        return tuple(position for position in keep if position not in self.copied.positions)

    def table(
        self, arrangement: Arrangement, batch: Batch, made: Any, take: Any, known: Any
    ) -> pa.Table:
        if take is None:
            same = set() if known is None else self._same(made, batch)
            arrangement = tuple(c for c in arrangement if not self._is_copied(c, same))
        table = TableTarget.table(self, arrangement, batch, made, take, known)
        return marked(table, batch.rows, known or table.schema)

    def write_table(
        self, part: Part, arrangement: Arrangement, table: pa.Table, batch: Batch
    ) -> None:
        """Leave out the columns that the function did not change."""
        whole, names = table.num_rows == batch.rows, table.column_names
        unique = len(set(names)) == len(names)
        same = self._same(columns_of(table), batch) if whole and unique else set()
        left = table.select([name for name in names if name not in same])
        part.write_table(marked(left, batch.rows, table.schema))

    def table_of(
        self, part: str | bytes, batch: Batch, names: Sequence[str]
    ) -> tuple[pa.Table, Any]:
        """Read the columns that the part left out from the input."""
        part_table = read_table(part)
        whole, known = origin_of(part_table).whole, self.copied.schema.names
        table, rows = rows_of(part_table)
        left = [name for name in names if name not in table.column_names]
        for name, array in zip(left, batch.columns([known.index(n) for n in left]), strict=True):
            field = whole.field(name)
            column = array if array.type == field.type else array.cast(field.type)
            table = _with_column(table, field, column)
        return table, rows

    def joiner(self) -> Joiner:
        return CopyingJoiner(self, self.copied, self.codec, self.layout)

    def _is_copied(self, column: Any, same: set[str]) -> bool:
        if isinstance(column, Keep):
            return column.position in self.copied.positions
        return column.name in same

    def _same(self, made: Mapping[str, Any], batch: Batch) -> set[str]:
        """Return the made columns that equal the input's, though perhaps not in all parts."""
        names = self.copied.schema.names
        known = {names[position]: position for position in self.copied.positions}
        given = [name for name in made if name in known]
        pairs = zip(given, batch.columns([known[name] for name in given]), strict=True)
        return {name for name, array in pairs if _is_same(made[name], array)}


def _is_same(made: pa.Array, known: pa.Array) -> bool:
    """Whether a column is the input's, bit for bit; nested ones are not compared."""
    if not are_alike(made.type, known.type) or at.is_nested(known.type):
        return False
    if made.type != known.type:
        known = known.cast(made.type)
    if isinstance(known, pa.ExtensionArray):
        return _is_same(made.storage, known.storage)
    if at.is_floating(known.type):  # -0.0 is not 0.0, and NaN is NaN
        bits = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[known.type.bit_width]
        made, known = made.view(bits), known.view(bits)
    return bool(made.equals(known))


def _with_column(table: pa.Table, field: pa.Field, column: pa.Array) -> pa.Table:
    if table.num_columns:
        return table.append_column(field, column)
    return pa.Table.from_arrays([column], schema=pa.schema([field]))  # it has lost its rows
