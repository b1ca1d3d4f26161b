"""What was made of groups, looked up for the rows of the input in their order. In the worker."""

from __future__ import annotations

from typing import Any

from parapply.columns.arrays import columns_of
from parapply.columns.arrays import take as taken
from parapply.columns.fit import fit
from parapply.columns.type_names import type_of
from parapply.execute.call import Made
from parapply.execute.callers.api import ChunkRun
from parapply.formats.runs.results import look_up
from parapply.formats.runs.run import row_number
from parapply.model.deferred_imports import np, pa


class LookupCaller:
    """Calls nothing: gives each row what its group has made of it, a Caller."""

    def __init__(self, run: ChunkRun) -> None:
        assert run.call.lookups is not None and run.rows is not None
        self.run, self.lookups = run, run.call.lookups

    def position(self) -> int:
        """No row is worked on."""
        return 0

    def apply(self) -> Made:
        assert self.run.rows is not None
        source, rows = self.run.rows()
        own = row_number(source, 0) + rows
        numbers, tables = look_up(self.lookups.paths, int(own[0]), int(own[-1]) + 1)
        order = np.argsort(numbers, kind="stable")
        places = np.searchsorted(own, numbers[order])
        # Rows that were not asked for, of a range in which some were picked, have no place.
        here = own[np.minimum(places, len(own) - 1)] == numbers[order] if len(order) else []
        order, places = order[here], places[here]
        self.run.pace(len(own))
        columns = {
            name: taken(self._column(name, type_of(kind), tables), order)
            for name, kind in self.lookups.columns
        }
        return self._made(columns, places)

    def _column(self, name: str, type_: Any, tables: list[pa.Table]) -> pa.Array:
        if not tables:
            return pa.nulls(0, type_)
        return pa.concat_arrays(
            [
                fit(columns_of(table.select([name]))[name], type_)
                if name in table.column_names
                else pa.nulls(table.num_rows, type_)
                for table in tables
            ]
        )

    def _made(self, columns: dict[str, pa.Array], places: Any) -> Made:
        if self.lookups.shape == "filter":
            (kept,) = columns.values()
            return Made("filter", {}, take=places[kept.to_numpy(zero_copy_only=False).astype(bool)])
        every = len(places) == self.run.batch.rows and bool(
            (places == np.arange(len(places))).all()
        )
        take = None if every else places
        if self.lookups.shape != "table":
            return Made(self.lookups.shape, columns, take)
        fields, keys = self.run.fields, self.lookups.keys
        before = [p for p in keys if fields[p].name not in columns]
        arrays = [taken(array, places) for array in self.run.batch.columns(before)]
        names = [fields[p].name for p in before]
        table = pa.Table.from_arrays([*arrays, *columns.values()], names=[*names, *columns])
        given = {name: (position,) for name, position in zip(names, before, strict=True)}
        return Made("table", {}, take=places if given else None, table=table, given=given)
