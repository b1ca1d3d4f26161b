"""What each way to call the function has: a class that is made for one chunk, in its worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from parapply.backends.api import ItemProgress
from parapply.execute.call import Call, Made
from parapply.execute.failures.attempts import endless
from parapply.execute.policy import RowByRow
from parapply.formats.api import Batch
from parapply.formats.nouns import Field
from parapply.model.deferred_imports import pa
from parapply.model.records import record

if TYPE_CHECKING:
    from parapply.runtime.rates import Rate


@record
class ChunkRun:
    """The rows of one chunk, and how the function is to be called for them."""

    call: Call
    function: Callable[[Any], Any] | None  # None of an expression
    batch: Batch
    fields: tuple[Field, ...]
    where: Callable[[int], str]  # which row a position in the batch is, in words
    pace: ItemProgress
    row_by_row: RowByRow | None = None
    places: Sequence[int] | None = None  # in the chunk, where not all of its rows are in the batch
    end: Callable[[], int | None] = endless  # after how many rows the run is to end, if it is
    rate: Rate | None = None
    metadata: Mapping[bytes, bytes] | None = None  # of the input's schema
    rows: Callable[[], tuple[int, Any]] | None = None  # the source, and rows' numbers, from 0


class Caller(Protocol):
    """Calls the function for a chunk. A class that takes a ChunkRun; see registry.py."""

    def apply(self) -> Made:
        """Return what the function made of the batch.

        Raises RowError where it raises and that ends the run, ResultError where what it returns
        does not fit.
        """
        ...

    def position(self) -> int:
        """The row that is being worked on, by its position in the batch; from any thread."""
        ...


@runtime_checkable
class TableCaller(Caller, Protocol):
    """Calls a function that may give back columns of the input in a table of its own."""

    def back(self) -> dict[str, pa.Array]:
        """Return what comes of the batch's columns where all is given back as it is."""
        ...
