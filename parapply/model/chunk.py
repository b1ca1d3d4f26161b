"""Which rows a worker is to do next: numbers alone, never the rows themselves.

Rows are counted from 0 inside the program and from 1 in every message; ranges are half-open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from parapply.model.outcome import Outcome
from parapply.model.records import record


@record
class Chunk:
    """Consecutive rows of one source, as the numbers that a worker needs to read them itself."""

    number: tuple[int, ...]  # its place in the output; halves of chunk (7,) are (7, 0) and (7, 1)
    source: int  # which of the inputs
    span: Any  # where the rows are: the format's own
    first_row: int  # rows before it in its source
    rows: int
    last: bool = True  # nothing comes after it that a line without an end would run into
    data: bytes | None = None  # the text itself, where it came from a stream
    pick: tuple[int, ...] | None = None  # which rows of the span are wanted, where not all are
    row_by_row: bool = False  # it has lost a worker: run row by row, saying where it is
    fatal_rows: tuple[tuple[int, str], ...] = ()  # rows that no worker survives, and how they ended
    before: Outcome | None = None  # what came of it before, of which only what failed is run again
    leads: bool = False  # more of a stream's first block follows, which decides on types


@runtime_checkable
class Pending(Protocol):
    """An iterator of chunks whose end may be but "not yet"."""

    @property
    def more(self) -> bool:
        """Whether chunks may come."""


def may_come(chunks: Iterator[Chunk]) -> bool:
    """Whether chunks may come after the last that there is for now."""
    return isinstance(chunks, Pending) and chunks.more
