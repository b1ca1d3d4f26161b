"""What groups may be: keys that have an order, rows that a worker can hold. In the parent."""

from __future__ import annotations

from collections.abc import Sequence

from parapply.backends.memory import available_bytes
from parapply.columns.keys import is_sortable
from parapply.columns.type_words import named
from parapply.execute.call import Call, Grouping
from parapply.formats.nouns import Field
from parapply.model import quantities
from parapply.model.errors import UsageError
from parapply.model.job import Job

_HELD = {"lists": 10, "pandas": 4, "arrow": 3, "polars": 3}  # times what a row takes on disk


def check_keys(grouping: Grouping, fields: Sequence[Field]) -> None:
    """Raise UsageError for columns of the key, or of --sort-by, whose values have no order."""
    others = [position for position, _ in grouping.sort_by]
    for option, places in (("--group-by", grouping.keys), ("--sort-by", others)):
        for field in (fields[place] for place in places):
            if field.type is not None and not is_sortable(field.type):
                raise UsageError(
                    f"{option} {field.name}: its values are {named(field.type)}, which have no "
                    f"order; --dtype {field.name}=str takes them as text"
                )


def group_bytes(job: Job, call: Call, workers: int) -> int:
    """Return how many bytes one group may have on disk, so that a worker can hold it."""
    whole = available_bytes() // 4
    if job.memory is not None:
        whole = quantities.size("--memory", job.memory)
    return max(1, whole // workers // _HELD[call.frame])
