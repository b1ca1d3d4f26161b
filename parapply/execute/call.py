"""How the function is called on a chunk's rows, and what the calls made: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parapply.columns.list_column import ListColumn
from parapply.execute.policy import Failure, Policy
from parapply.functions.expressions import Expression
from parapply.model.deferred_imports import pa
from parapply.model.records import field, record


@record
class Traits:
    """What the rest of the program has to know of a way to call the function, and no more."""

    cuttable: bool = True  # the run may end after any row
    stealable: bool = True  # rows that were not begun may be left to other workers
    names_row: bool = True  # it is known at which row a worker was that was lost
    wants_large: bool = False  # chunks as large as memory allows
    makes_table: bool = False  # what it returns may be a table with columns of its own
    takes_rows: bool = False  # the function looks its columns up in a row
    by_column: bool = False  # it is given the values of one column, of several one after the other
    divisible: bool = True  # a part of a chunk may be run apart from the rest of it
    groups: bool = False  # it is given all rows of a key together
    reads_arrays: bool = False  # columns are read as Arrow arrays, not as Python values


@record
class Grouping:
    """Which rows are one group, and how groups and their rows are ordered; positions of columns."""

    keys: tuple[int, ...]
    kept: tuple[int, ...] = ()  # those that come before the results
    sort_by: tuple[tuple[int, bool], ...] = ()  # and whether it is descending
    consecutive: bool = False  # rows of a key stand together in the input
    drop_missing: bool = False  # rows of a key that is missing are left out
    back: bool = False  # results come in the order of the input's rows, not in that of the keys


@record
class Lookups:
    """What was made of groups, for the rows of the input: a part for each range of keys."""

    paths: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]  # names and types, as columns/type_names.py has them
    shape: str
    keys: tuple[int, ...]  # columns of the input that come before those of a table


@record
class Call:
    """What the function is given and how its results are taken; positions are the input's."""

    caller: str  # module:Class, see callers/registry.py
    traits: Traits
    name: str  # what a column of results is called where nothing else is said
    given: tuple[int, ...]  # the columns that it may see
    read: tuple[int, ...]  # those of them that are read before it is called
    frame: str = "pandas"
    dtype_backend: str | None = None
    select: tuple[str, ...] = ()  # of the input's columns, in a DataFrame that it returns, too
    drop: tuple[str, ...] = ()
    expression: Expression | None = None
    spread: bool = False  # it may do without rows: see inline_columns.py
    into: tuple[str, ...] = ()
    filter: bool = False
    explode: bool = False
    as_text: bool = False  # the output is text: what is nested is JSON, each value by itself
    types: Mapping[str, Any] = field(default_factory=dict)  # of made columns, as asked for
    policy: Policy = field(default_factory=Policy)
    concurrency: int = 0  # calls of an async function at once, in each worker; 0: it is none
    grouping: Grouping | None = None  # where the function is given groups
    reduced: str | None = None  # where the result of --reduce is, and nothing is called
    lookups: Lookups | None = None  # where results are looked up, and nothing is called
    rate: str | float | None = None  # calls a second at the most, over all workers


@record
class Left:
    """That a worker left rows to others: how many it has done, and the seconds that one took."""

    done: int
    row_s: float


@record(frozen=False)
class Made:
    """What the calls for one chunk made."""

    shape: str  # scalar, fields, none, table, or filter: no columns at all
    columns: dict[str, pa.Array | ListColumn]  # see Batch.listed
    take: Any = None  # positions in the batch of the rows that stay, where not all do once
    table: pa.Table | None = None
    failures: Mapping[int, Failure] = field(default_factory=dict)  # by position in the batch
    given: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Columns that are the input's, of the rows in `take`, by the positions that each may have."""
    groups: Any = None  # where groups begin in the batch; what failed is then said of first rows
    raw: Any = None  # what the function returned, where that is kept as it is
    left: Left | None = None  # where not all of the batch's rows were done
