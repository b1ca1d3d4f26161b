"""How Parquet is written where columns of the input are copied: parts have only the others.

Those too that a chunk function gives back as they came. In the worker, but for the joiner.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.types as at

from parapply.formats import Arrangement, Batch, Joiner, Keep
from parapply.formats.group_target import TableTarget
from parapply.formats.parquet.carry import Carry
from parapply.formats.part import Part, read_table
from parapply.records import record

_ROWS, _WHOLE = b"parapply:rows", b"parapply:whole"  # what is said of a part: see Origin


@record
class CarryingTarget(TableTarget):
    """Writes parts without the columns that are copied."""

    carry: Carry
    codec: str

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        """Return those that are not carried."""
        return tuple(position for position in keep if position not in self.carry.positions)

    def write(
        self,
        part: Part,
        arrangement: Arrangement,
        batch: Batch,
        made: Any,
        take: Any,
        last: bool,
        known: pa.Schema | None = None,
    ) -> None:
        """Write a part; see formats.Target."""
        del last
        if take is None:
            arrangement = tuple(column for column in arrangement if not self._carries(column))
        table = self.table(arrangement, batch, made, take)
        part.write_table(_marked(table, batch.rows, known or table.schema))

    def write_table(
        self, part: Part, arrangement: Arrangement, table: pa.Table, batch: Batch
    ) -> None:
        """Write a part that is all the function's."""
        del arrangement
        part.write_table(_marked(table, batch.rows, table.schema))

    def table_of(self, part: str | bytes, batch: Batch) -> pa.Table:
        """Return the table that a part was made of."""
        del batch
        table = read_table(part)
        return table.replace_schema_metadata(origin_of(table).whole.metadata)

    def joiner(self) -> Joiner:
        """Return what puts groups together from parts and from the input."""
        from parapply.formats.parquet.joiner import CarryingJoiner

        return CarryingJoiner(self)

    def _carries(self, column: Any) -> bool:
        return isinstance(column, Keep) and column.position in self.carry.positions


class Origin(NamedTuple):
    """What a part does not show itself."""

    rows: int  # how many it has: a table without columns forgets it
    made_of: int  # how many of the input
    whole: pa.Schema  # before columns were left out that are the function's


def origin_of(part: pa.Table) -> Origin:
    """Return what was said of a part."""
    told = part.schema.metadata
    rows, made_of = json.loads(told[_ROWS])
    return Origin(rows, made_of, pa.ipc.read_schema(pa.py_buffer(told[_WHOLE])))


def are_alike(one: Any, other: Any) -> bool:
    """Whether pages of one type can be read as the other: units may be in the type alone."""
    return bool(one == other or (_is_text(one) and _is_text(other)))


def _marked(table: pa.Table, made_of: int, whole: pa.Schema) -> pa.Table:
    rows = json.dumps([table.num_rows, made_of]).encode()
    return table.replace_schema_metadata({_ROWS: rows, _WHOLE: whole.serialize().to_pybytes()})


def _is_text(type_: Any) -> bool:
    return bool(at.is_string(type_) or at.is_large_string(type_) or at.is_string_view(type_))
