"""What --reduce has made of the whole table, as the output's rows. In the worker.

The batch is one row without a column, which the result is for.
"""

from __future__ import annotations

from typing import Any

from parapply.columns.arrays import columns_of
from parapply.execute.call import Made
from parapply.execute.callers.api import ChunkRun
from parapply.execute.callers.groups import is_table
from parapply.execute.callers.rows import RowCaller
from parapply.execute.frames.to_arrow import as_table
from parapply.execute.results import build
from parapply.execute.results import shape as shapes
from parapply.execute.results.pickled import kept
from parapply.model.deferred_imports import pa


class ReducedCaller(RowCaller):
    """Calls nothing: makes rows of a result that was kept, a Caller."""

    def __init__(self, run: ChunkRun) -> None:
        super().__init__(run)
        assert run.call.reduced is not None
        self.value = kept(run.call.reduced)

    def _results(self) -> Made:
        found: Any = self.value
        if is_table(found):
            table = as_table(found)
            assert table is not None
            columns = columns_of(build.force_table(table, self.call.types, self.where))
            whole = pa.Table.from_arrays(list(columns.values()), names=list(columns))
            return Made("table", {}, table=whole)
        return self._made([shapes.items(found) if self.call.explode else found],
                          self.call.into, self.call.name)  # fmt: skip
