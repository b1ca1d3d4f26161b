"""parapply for a DataFrame that is already in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from parapply.columns.duplicates import check_single, check_unique
from parapply.engine.resolve.function import kind_of
from parapply.engine.resolve.named import kept_columns
from parapply.engine.run import run
from parapply.execute.callers.registry import spec_of
from parapply.formats.nouns import arrange
from parapply.functions.load import Function
from parapply.functions.rows import no_column
from parapply.model.errors import InputError, ParapplyError, UsageError
from parapply.model.job import Job, on_error
from parapply.model.records import fields, replace
from parapply.storage.atomic.places import temporary_place
from parapply.storage.atomic.staging import Staging, sweep
from parapply.storage.private import touch

_PLACE = "__parapply_place__"  # the row's position in the frame, kept along with the results
_OURS = ("inputs", "output", "expression", "input_format", "output_format", "function")


def apply(
    frame: pd.DataFrame,
    function: str | Callable[..., Any],
    *,
    by_key: str | Sequence[str] = (),
    **settings: Any,
) -> pd.DataFrame:
    """Run `function` over the rows, values or chunks of `frame` on all cores; return a new frame.

    `settings` are the fields of Job: `by`, `columns`, `into`, `filter`, `workers` and so on. The
    function is called as the command calls it: a row function gets a Row, with missing values as
    None. Where workers are forked (on Linux, as long as there is one Python thread) it may be a
    lambda or a closure.

    `by_key` names the columns of a key, as --group-by does: the function is called for each group.
    Without `each` or `filter` the result has a row for each, or what frames it returned.

    The result has the columns that the command would write, with the rows, index and dtypes of
    `frame`; what a chunk function returns as a DataFrame comes back as it is, with a new index.
    Workers map one Arrow file of the frame into memory: it is not copied for each of them.

    Raises UsageError for settings that make no sense, and otherwise what `run` raises.
    """
    if ours := [name for name in settings if name in _OURS]:
        raise UsageError(f"apply() takes a frame and returns one; it has no {ours[0]!r}")
    known = {one.name for one in fields(Job)}
    if unknown := [name for name in settings if name not in known]:
        raise UsageError(f"apply() has no setting {no_column(unknown[0], tuple(known))[10:]}")
    place = temporary_place(settings.get("temp_dir"))
    sweep(place, "parapply-")
    with Staging(place, "parapply-") as folder:
        source, result = os.path.join(folder, "frame.arrow"), os.path.join(folder, "result.arrow")
        grouped: dict[str, Any] = {"group_by": by_key} if by_key else {}
        wish = Job(function=function, inputs=(source,), output=result, **settings, **grouped)
        wish = replace(wish, by=_kind(wish))
        kept = _kept(frame, wish)
        moves = bool(wish.group_by) and not (wish.each or wish.filter)
        labelled = not spec_of(wish.by).traits.makes_table
        _write(frame, source, labelled=labelled, placed=not moves)
        try:
            report = run(_job(wish, frame))
        except ParapplyError as error:
            error.args = (str(error).replace(source, "frame"),)
            raise
        with pa.memory_map(result) as file, pa.ipc.open_file(file) as reader:
            table = reader.read_all()
        if moves or report.shape == "table":
            whole: pd.DataFrame = table.to_pandas()
            return whole
        moved = _PLACE in table.column_names
        places: Any = table.column(_PLACE).to_numpy() if moved else range(table.num_rows)
        made = table.select(list(report.made)).replace_schema_metadata().to_pandas()
        return _joined(frame.iloc[places, kept].copy(), made)


def _kind(wish: Job) -> str:
    assert wish.function is not None
    function = Function(wish.function, dict(wish.arguments))
    return kind_of(wish, function, function.find(), wish.columns)


def _kept(frame: pd.DataFrame, wish: Job) -> list[int]:
    """Return where the columns are that stay; raises as the command would for these settings."""
    names = tuple(map(str, frame.columns))
    kept = kept_columns(wish, names)
    check_single(wish.into, [names[place] for place in kept], f"into={','.join(wish.into)}: ")
    return list(kept)


def _write(frame: pd.DataFrame, path: str, *, labelled: bool, placed: bool) -> None:
    """Write the frame for workers to read, and which row each is: as a label, or as a column."""
    try:
        numbered = frame.set_axis(list(map(str, range(frame.shape[1]))), axis=1)
        table = pa.Table.from_pandas(numbered, preserve_index=False, nthreads=1)
        table = table.rename_columns(list(map(str, frame.columns)))
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"the frame cannot be handed to workers: {error}") from error
    if labelled:
        label = {"kind": "range", "name": _PLACE, "start": 0, "stop": len(frame), "step": 1}
        known = json.dumps({"index_columns": [label], "columns": []})
        table = table.replace_schema_metadata({"pandas": known})
    elif not placed:
        table = table.replace_schema_metadata()
    else:
        places = pa.array(range(len(frame)), pa.int64())
        table = table.replace_schema_metadata().append_column(_PLACE, places)
    with pa.OSFile(touch(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=1 << 16)


def _job(wish: Job, frame: pd.DataFrame) -> Job:
    """The job for the workers: it gives the results alone, and their places where rows move."""
    names = tuple(map(str, frame.columns))
    traits = spec_of(wish.by).traits
    if not traits.takes_rows and not wish.columns:
        check_unique(names, "each column is given by its name, and ", "name others in columns=")
        wish = replace(wish, columns=names)
    if wish.group_by and not (wish.each or wish.filter):
        return wish
    if wish.filter:  # which has no results
        return replace(wish, drop=(), select=(_PLACE,))
    if wish.each:
        return replace(wish, drop=(), select=(_PLACE,))
    if not traits.makes_table:
        return replace(wish, drop=(), select=(), only=True)
    chosen = wish.select or wish.drop or on_error(wish) == "skip"
    return replace(wish, only=not chosen)  # what is chosen is chosen of a DataFrame, too


def _joined(result: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """Put what was made into the columns that stay, as the command does."""
    arrange(range(result.shape[1]), list(map(str, result.columns)), list(made.columns))
    for name in made.columns:
        result[name] = made[name].set_axis(result.index)
    return result
