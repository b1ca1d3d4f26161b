"""How what was made of a chunk becomes a part of the output. In the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parapply.columns.arrays import columns_of, take
from parapply.columns.list_column import ListColumn
from parapply.columns.unify import is_settled
from parapply.execute.call import Made
from parapply.execute.failures.quarantine import ChunkRows
from parapply.formats.api import Batch, Target
from parapply.formats.nouns import Arrangement, Field, Keep, New, arrange, under_their_names
from parapply.model.errors import ResultError, UnencodableError
from parapply.model.records import record
from parapply.storage.part import Part


@record
class PartWriter:
    """Writes parts in the output's format: what stays of the input, and what was made."""

    target: Target
    keep: tuple[int, ...]  # the input's columns that stay, in order
    fields: tuple[Field, ...]
    types: Mapping[str, Any]  # of made columns, as asked for

    def write(self, part: Part, rows: ChunkRows, made: Made, last: bool) -> None:
        """Write a part; `last`: no chunk comes after. Raises ResultError with the row."""
        try:
            self._write_batch(part, rows.batch, made, last)
        except UnencodableError as error:
            if made.table is None or made.given:
                where = rows.where(error.row if made.take is None else int(made.take[error.row]))
            else:
                where = f"row {error.row + 1} of what was returned for {rows.where(0)} and more"
            raise ResultError(error.placed(where)) from error

    def _write_batch(self, part: Part, batch: Batch, made: Made, last: bool) -> None:
        if made.table is not None:
            self._write_table(part, batch, made, made.table, last)
            return
        names = [self.fields[position].name for position in self.keep]
        kept = under_their_names(made.given, self.fields)
        arrangement = arrange(self.keep, names, list(made.columns), kept)
        columns = self._columns(made, batch, made.columns)
        self.target.write(part, arrangement, batch, columns, made.take, last)

    def _columns(self, made: Made, batch: Batch, columns: dict[str, Any]) -> dict[str, Any]:
        """Return the columns to write as made: those of the input too that have other names now.

        ListColumn ones have the input's types anyway.
        """
        kept, found = under_their_names(made.given, self.fields), {}
        for name, column in columns.items():
            if name in made.given and name not in kept and not isinstance(column, ListColumn):
                array = batch.columns(made.given[name][:1])[0]
                found[name] = array if made.take is None else take(array, made.take)
            elif name not in kept:
                found[name] = column
        return found

    def _write_table(self, part: Part, batch: Batch, made: Made, table: Any, last: bool) -> None:
        kept = under_their_names(made.given, self.fields)
        arrangement: Arrangement = tuple(
            Keep(kept[name]) if name in kept else New(name) for name in table.column_names
        )
        if not made.given and made.take is None:
            self.target.write_table(part, arrangement, table, batch)
            return
        columns = self._columns(made, batch, columns_of(table))
        self.target.write(part, arrangement, batch, columns, made.take, last, table.schema)

    def may_change(self, made: Made) -> bool:
        """Whether what other parts hold can change how this one is written."""
        if made.shape == "scalar" and not made.given:
            forced = self.types
            return not all(n in forced or is_settled(a.type) for n, a in made.columns.items())
        return made.shape != "filter"
