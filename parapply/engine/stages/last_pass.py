"""What the last pass over rows is of. In the parent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from parapply.engine.resolve.describe import Order
from parapply.engine.stages.survey import Table
from parapply.model.events import Event

if TYPE_CHECKING:
    from parapply.engine.errors_file import ErrorsFile
    from parapply.execute.shuffle import SortTask

Tell = Callable[[Event], None]


class LastPass(NamedTuple):
    """Table and order of the pass that writes the output, and who is told of it."""

    table: Table
    order: Order
    errors: ErrorsFile | None  # None where what failed has been written
    tell: Tell
    rows_in: int | None = None  # of the input, where these are not the rows of the table
    scan: SortTask | None = None  # where groups stand together in the table's chunks
    sorted_bytes: int = 0  # on disk
    called: int = 0  # groups, where all of them have been called before
