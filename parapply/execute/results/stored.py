"""What the function made of a chunk, kept beside its part so that this can be written anew.

Runs in the worker: a part whose columns turn out to be of other types is written again without
another call of the function.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any

from parapply.columns.arrays import columns_of, integers, take
from parapply.columns.list_column import ListColumn
from parapply.columns.made_column import as_array
from parapply.columns.type_names import NAMES, type_of
from parapply.execute.call import Made
from parapply.execute.results.failed_rows import FAILED, _ascend
from parapply.execute.results.list_file import _listed, _lists
from parapply.formats.common.pandas_schema import retyped
from parapply.model.deferred_imports import np, pa
from parapply.model.outcome import Outcome, given_of
from parapply.storage.part import Part, read_table, reading
from parapply.storage.private import reopen, write

# Beside a part: what the function made, a stream's text, and which rows failed.
_MADE, _TEXT = ".made", ".text"
Back = Callable[[], dict[int, Any]]
_TAKE = "parapply:take"  # a stored column: which rows of the batch the results belong to


def store(
    path: str, made: Made | None, data: bytes | None, small: int = 0, *, listed: bool = False
) -> bytes | None:
    """Keep what the function made of the part at `path`, and the text it came from, if any.

    What it made is returned, and not written, where it has fewer bytes than `small`. `listed`: it
    may have no arrays. None: the part itself tells it.
    """
    part = Part(path + _MADE, small)
    if made is None:
        pass
    elif listed and all(isinstance(column, ListColumn) for column in made.columns.values()):
        part.write([_listed(made)])
    elif made.table is not None:
        part.write_table(_own(made, made.table))
    else:
        taken = {} if made.take is None else {_TAKE: integers(made.take)}
        part.write_table(as_table({n: as_array(c) for n, c in {**made.columns, **taken}.items()}))
    if data is not None:
        write(path + _TEXT, data)
    return part.held


def _own(made: Made, table: pa.Table) -> pa.Table:
    """Return a table without what is the input's, and with the rows of which that is."""
    table = table.select([name for name in table.column_names if name not in made.given])
    if made.take is None:
        return table
    return table.append_column(_TAKE, integers(made.take))


def stored_text(path: str) -> bytes:
    """Return the text that the part at `path` came from."""
    with reopen(_base(path) + _TEXT) as file:
        return file.read()


def discard(path: str, *, alone: bool) -> None:
    """Remove a part that is in the output, and (not `alone`) what was kept to write it anew."""
    if alone:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    base = _base(path)
    for suffix in (*("+" * times for times in range(len(path) - len(base) + 1)), _MADE, _TEXT):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(base + suffix)


def stored(
    path: str,
    outcome: Outcome,
    columns: tuple[tuple[str, Any], ...],
    back: Back = dict,
    shape: str | None = None,
) -> Made:
    """Return what `store` kept, with these columns and types; `back`: see `made_of`.

    `shape` is that of all parts, where this one may have none.
    """
    kept = _base(path) + _MADE if outcome.part.made is None else outcome.part.made
    with reading(kept if isinstance(kept, str) else path):
        if (lists := _lists(kept)) is not None:
            made = _made_of_lists(outcome, columns, *lists)
        else:
            made = _made_of_table(
                outcome, columns, read_table(kept), back, shape or outcome.returned.shape
            )
        _check(made, outcome)
    return made


def _made_of_table(
    outcome: Outcome, columns: tuple[tuple[str, Any], ...], table: pa.Table, back: Back, shape: str
) -> Made:
    table.validate(full=True)
    names = table.column_names
    taken = table.column(_TAKE).to_numpy() if _TAKE in names else None
    table = table.select([name for name in names if name != _TAKE])
    if shape == "table":
        nothing = taken is None and not outcome.rows_out  # all of its rows have failed
        return made_of(table, np.array([], np.int64) if nothing else taken, outcome, columns, back)
    types = _without_given(outcome, columns)
    return Made(
        outcome.returned.shape,
        _fitted(columns_of(table), outcome, types),
        taken,
        given=_given(columns),
    )


def _given(columns: tuple[tuple[str, Any], ...]) -> dict[str, tuple[int, ...]]:
    places = ((name, given_of(kind)) for name, kind in columns)
    return {name: (place,) for name, place in places if place is not None}


def _without_given(
    outcome: Outcome, columns: tuple[tuple[str, Any], ...]
) -> tuple[tuple[str, Any], ...]:
    """Return columns with the types that those which are the input's have in a part."""
    types = {column.name: column.type for column in outcome.returned.columns}
    return tuple(
        (name, kind if given_of(kind) is None else types.get(name, "null"))
        for name, kind in columns
    )


def _check(made: Made, outcome: Outcome) -> None:
    """See that results are those of so many rows, in order."""
    lengths = {len(column) for column in made.columns.values()}
    taken = range(outcome.rows_out) if made.take is None else [int(place) for place in made.take]
    if not lengths | {len(taken)} <= {outcome.rows_out}:
        raise ValueError(f"other than {outcome.rows_out} rows")
    places = sorted(taken) if made.shape == "table" else taken
    if made.take is not None and not _ascend(places, outcome.rows_in):
        raise ValueError("rows that are not the chunk's")


def made_of(
    table: pa.Table, rows: Any, outcome: Outcome, columns: tuple[tuple[str, Any], ...], back: Back
) -> Made:
    """Return a table that the function made, with these columns and types.

    `rows` are those of the chunk that columns of the input are of. `back` gives what came back of
    the frame, where such columns are to be written as that after all.
    """
    have = columns_of(table)
    given = _given(columns)
    others = tuple((name, kind) for name, kind in columns if name not in given)
    places = {column.name: column.given[0] for column in outcome.returned.columns if column.given}
    lost = places.keys() - given.keys()
    if lost:
        came = back()
        for name in lost:
            column = came[places[name]]
            have[name] = column if rows is None else take(column, rows)
    made = _fitted(have, outcome, others)
    blank = pa.nulls(outcome.rows_out)  # in the place of what is the input's
    whole = as_table({name: made.get(name, blank) for name, _ in columns}, [table.schema])
    return Made("table", {}, rows if given else None, whole, given=given)


def _fitted(
    have: dict[str, pa.Array], outcome: Outcome, columns: tuple[tuple[str, Any], ...]
) -> dict[str, pa.Array]:
    return {
        name: _fit(name, have[name], type_)
        if name in have
        else pa.nulls(outcome.rows_out, type_of(type_))
        for name, type_ in columns
    }


def _made_of_lists(
    outcome: Outcome,
    columns: tuple[tuple[str, Any], ...],
    have: dict[str, ListColumn],
    take: list[int] | None,
) -> Made:
    rows = [None] * outcome.rows_out
    made: dict[str, Any] = {}
    for name, type_ in _without_given(outcome, columns):
        column = have.get(name, ListColumn("null", rows))
        if type_ in NAMES:
            made[name] = column.retyped(type_)
        else:
            made[name] = _fit(name, as_array(column), type_)
    return Made(outcome.returned.shape, made, take, given=_given(columns))


def _fit(name: str, column: pa.Array, type_: Any) -> pa.Array:
    from parapply.columns.fit import fit_column

    return fit_column(name, column, type_of(type_))


def _base(path: str) -> str:
    """The path of the part as it was first written: each time anew adds a plus."""
    return path.rstrip("+")


def part_name(number: tuple[int, ...]) -> str:
    """Return what the names of a chunk's parts begin with."""
    return "-".join([f"{number[0]:08d}", *map(str, number[1:])])


def files_of(path: str) -> list[str]:
    """Return all files that a part may have."""
    return [path, *(path + suffix for suffix in (_MADE, _TEXT, FAILED, ".aside"))]


def as_table(columns: dict[str, pa.Array], parts: Sequence[pa.Schema] = ()) -> pa.Table:
    """Return columns as a table, with what pandas knew of them in the parts they are from."""
    known = {field.name: field for schema in reversed(parts) for field in schema}
    fields = [
        retyped(known[name], column.type) if name in known else pa.field(name, column.type)
        for name, column in columns.items()
    ]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))
