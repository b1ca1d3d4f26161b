"""How Parquet is written where columns of the input are copied: parts have only the others.

A part of a chunk function leaves out those that it gives back as they came. In the worker, but for
the joiner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as at

from parapply.formats import Arrangement, Batch, Joiner, Keep
from parapply.formats.group_target import TableTarget
from parapply.formats.parquet.carry import Carry
from parapply.formats.part import Part
from parapply.records import record

_ROWS = b"parapply:rows"  # of a part: how many rows it was made of, where it has not as many
_WHOLE = b"parapply:whole"  # and its schema, before columns were left out that are the function's


@record
class CarryingTarget(TableTarget):
    """Writes parts without the columns that are copied."""

    carry: Carry
    codec: str

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        """Return those that are not carried."""
        return tuple(position for position in keep if position not in self.carry.positions)

    def write(
        self, part: Part, arrangement: Arrangement, batch: Batch, made: Any, take: Any, last: bool
    ) -> None:
        """Write a part; see formats.Target."""
        del last
        if take is None:
            arrangement = tuple(column for column in arrangement if not self._carries(column))
        table = self.table(arrangement, batch, made, take)
        part.write_table(_marked(table, batch.rows, None))

    def write_table(
        self, part: Part, arrangement: Arrangement, table: pa.Table, batch: Batch
    ) -> None:
        """Write a part that is all the function's, without the columns that it did not change."""
        del arrangement
        same = self._same(table, batch) if table.num_rows == batch.rows else []
        left = table.select([name for name in table.column_names if name not in same])
        if not left.num_columns:  # a table has its rows even then, but not a file of it
            left = table
        part.write_table(_marked(left, batch.rows, table.schema if same else None))

    def joiner(self) -> Joiner:
        """Return what puts groups together from parts and from the input."""
        from parapply.formats.parquet.joiner import CarryingJoiner

        return CarryingJoiner(self)

    def _carries(self, column: Any) -> bool:
        return isinstance(column, Keep) and column.position in self.carry.positions

    def _same(self, table: pa.Table, batch: Batch) -> list[str]:
        known = {self.carry.names[position]: position for position in self.carry.positions}
        names = [name for name in table.column_names if name in known]
        if len(set(table.column_names)) < table.num_columns:
            return []
        inputs = batch.columns([known[name] for name in names])
        pairs = zip(names, inputs, strict=True)
        return [name for name, array in pairs if _is_same(table[name].combine_chunks(), array)]


def origin_of(part: pa.Table) -> tuple[int, pa.Schema]:
    """Return of how many rows a part was made, and its schema before columns were left out."""
    told = part.schema.metadata or {}
    whole = pa.ipc.read_schema(pa.py_buffer(told[_WHOLE])) if _WHOLE in told else part.schema
    return int(told.get(_ROWS, part.num_rows)), whole


def _marked(table: pa.Table, rows: int, whole: pa.Schema | None) -> pa.Table:
    told = {}
    if rows != table.num_rows:
        told[_ROWS] = str(rows).encode()
    if whole is not None:
        told[_WHOLE] = whole.serialize().to_pybytes()
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **told})


def _is_same(made: pa.Array, known: pa.Array) -> bool:
    """Whether a column is the input's, to the bit; of nested ones nothing is said."""
    if at.is_nested(known.type):
        return False
    if made.type != known.type:
        if not (_is_text(made.type) and _is_text(known.type)):
            return False
        known = known.cast(made.type)
    if at.is_floating(known.type):  # -0.0 is not 0.0, and NaN is NaN
        bits = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[known.type.bit_width]
        made, known = made.view(bits), known.view(bits)
    return bool(made.equals(known))


def _is_text(type_: Any) -> bool:
    return bool(at.is_string(type_) or at.is_large_string(type_) or at.is_string_view(type_))
