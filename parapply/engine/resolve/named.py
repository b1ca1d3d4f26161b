"""Columns that options name, found in the input. In the parent."""

from __future__ import annotations

from collections.abc import Sequence

from parapply.columns.duplicates import check_single
from parapply.functions.rows import no_column
from parapply.model.errors import UsageError
from parapply.model.job import Job


def positions(names: Sequence[str], columns: tuple[str, ...], option: str) -> tuple[int, ...]:
    """Return where the named columns are; raises UsageError for one that is not there."""
    for name in names:
        if name not in columns:
            raise UsageError(f"{option} {','.join(names)}: {no_column(name, columns)}")
    check_single(names, columns, f"{option} {','.join(names)}: ")
    return tuple(columns.index(name) for name in names)


def kept_columns(job: Job, columns: tuple[str, ...]) -> tuple[int, ...]:
    """Return the positions of the input's columns that stay in the output, in its order."""
    if job.only:
        return ()
    if job.select:
        return positions(job.select, columns, "--select")
    dropped = positions(job.drop, columns, "--drop")
    return tuple(place for place in range(len(columns)) if place not in dropped)
