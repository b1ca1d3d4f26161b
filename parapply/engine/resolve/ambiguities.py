"""Whether a job names columns of which several have that name: told before a row is read.

A job that does not goes on, and such columns go through; see columns/duplicates.py. In the parent.
"""

from __future__ import annotations

from collections.abc import Sequence

from parapply.columns.duplicates import RENAME, check_single, check_unique
from parapply.execute.call import Traits
from parapply.formats.api import Target
from parapply.functions.rows import BY_POSITION
from parapply.model.job import Job
from parapply.storage.atomic.output import STDOUT

_ONE = "this format has one column of a name, and "


def check_function(
    job: Job, by: str, traits: Traits, given: Sequence[str], used: Sequence[str] | None
) -> None:
    """Raise AmbiguousColumnError where the function, `given` these columns, is known to name one.

    `used`: those that it looks at, None where that is not known.
    """
    name = f"-e {job.expression!r}" if job.function is None else "the function"
    if traits.makes_table:
        way = f"name the columns that it needs with --by {by} -c A,B, or {RENAME}"
        check_unique(given, f"{name} is given chunks, and ", way)
    check_single(used or (), given, f"{name}: ", f"{BY_POSITION}, or {RENAME}")


def check_options(job: Job, columns: Sequence[str], keep: Sequence[int]) -> None:
    """Raise AmbiguousColumnError for --dtype and --into, where positions are not looked up."""
    for name, type_ in job.dtypes.items():
        check_single([name], columns, f"--dtype {name}={type_}: ")
    kept = [columns[position] for position in keep]
    check_single(job.into, kept, f"--into {','.join(job.into)}: ")


def check_outputs(
    job: Job, columns: Sequence[str], keep: Sequence[int], target: Target, aside: Target | None
) -> None:
    """Raise AmbiguousColumnError for files that cannot have two columns of one name."""
    if not target.has_twins:
        place = "standard output" if job.output in STDOUT else job.output
        way = f"write CSV, --select others, or {RENAME}"
        check_unique([columns[position] for position in keep], f"{place}: {_ONE}", way)
    if aside is not None and not aside.has_twins:
        way = f"name a CSV file, or {RENAME}"
        check_unique(columns, f"--errors-to {job.errors_to}: {_ONE}", way)
