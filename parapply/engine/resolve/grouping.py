"""--group-by: what can be wrong with it, and which columns are meant. In the parent."""

from __future__ import annotations

from collections.abc import Sequence

from parapply.engine.resolve.named import kept_columns, positions
from parapply.execute.call import Grouping
from parapply.model import quantities
from parapply.model.errors import UsageError
from parapply.model.job import Job

_NEED = ("each", "sorted", "sort_by", "keys_as_met", "drop_missing_keys", "memory")


def check_grouping(job: Job) -> None:
    """Raise UsageError for options that do not go together with groups, or need them."""
    if not job.group_by:
        if job.by == "group":
            raise UsageError("--by group needs the columns of the key: --group-by COLUMN")
        for name in _NEED:
            if getattr(job, name):
                raise UsageError(f"--{name.replace('_', '-')} needs --group-by COLUMN")
        return
    if job.by not in ("auto", "group"):
        raise UsageError(f"--by {job.by} and --group-by cannot be used together")
    if job.sorted and (returns_to_rows(job) or job.head is not None):
        option = "--head" if job.head is not None else "--each, --filter and --keys-as-met"
        raise UsageError(f"--sorted writes groups as they come: it cannot go with {option}")
    if job.head is not None and returns_to_rows(job):
        raise UsageError(
            "--head N with --group-by is the first N groups by their keys: it cannot be used "
            "together with --each, --filter or --keys-as-met"
        )
    for name in ("sample", "checkpoint"):
        if getattr(job, name) is not None:
            raise UsageError(f"--{name} and --group-by cannot be used together")
    if job.each and (job.filter or job.explode):
        raise UsageError("--each makes a column; it takes neither --filter nor --explode")
    if job.each and len(job.into) > 1:
        raise UsageError("--into takes one name with --each; return a dict, or a DataFrame")
    if job.keys_as_met and (job.each or job.filter):
        raise UsageError("--keys-as-met orders groups; with --each and --filter rows stay in place")
    if "" in (*job.group_by, *job.sort_by):
        raise UsageError("an empty column name: is there a comma too many?")
    if len(set(job.group_by)) < len(job.group_by):
        raise UsageError(f"--group-by {','.join(job.group_by)}: each column once")
    if job.memory is not None:
        quantities.size("--memory", job.memory)


def grouping_of(job: Job, columns: tuple[str, ...]) -> Grouping:
    """Return what groups are made of."""
    keys = positions(job.group_by, columns, "--group-by")
    stay = kept_columns(job, columns)
    others = [columns[place] for place in stay if job.select and place not in keys]
    if others and not is_each(job):
        raise UsageError(
            f"--select {','.join(job.select)}: {others[0]!r} is no column of the key, and a group "
            "has many values of it: return what is wanted of them from the function"
        )
    sort_by = tuple(
        (positions([name], columns, "--sort-by")[0], down)
        for name, down in (_way(name, columns) for name in job.sort_by)
    )
    kept = tuple(place for place in keys if place in stay)
    back = returns_to_rows(job)
    return Grouping(keys, kept, sort_by, job.sorted, job.drop_missing_keys, back)


def is_each(job: Job) -> bool:
    """Whether each row of a group has a result of its own."""
    return bool(job.group_by) and (job.each or job.filter)


def returns_to_rows(job: Job) -> bool:
    """Whether what is made of groups comes in the order of the input, not in that of the keys."""
    return is_each(job) or job.keys_as_met


def _way(name: str, columns: Sequence[str]) -> tuple[str, bool]:
    """Return a column of --sort-by, and whether it is descending."""
    down = name.startswith("-") and name not in columns
    return (name[1:] if down else name), down
