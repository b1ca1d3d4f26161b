"""The survey of files that are small and plain, in the parent: without numpy and Arrow."""

from __future__ import annotations

import sys

from parapply.backends.registry import has_processes
from parapply.engine.inputs.sources import Inputs
from parapply.engine.resolve.describe import Order
from parapply.engine.stages.survey import Table, join_fields
from parapply.formats.api import QuickSource, Source
from parapply.formats.nouns import Survey
from parapply.model.job import Job


def fast_survey(job: Job, inputs: Inputs, order: Order | None) -> Table | None:
    """Return the table of inputs that need no survey by workers; None where they do.

    Or where Arrow is needed anyway, or is nearly there, as numpy is: the import of that takes most
    of its time.
    """
    outlives = job.checkpoint is not None or job.errors_to is not None
    if order is None or inputs.streams or outlives or not _suits(order) or _imported():
        return None
    if not _small(inputs, MOST_BYTES if has_processes(job.backend) else MOST_BYTES_IN_ONE):
        return None
    positions = order.surveyed(len(inputs.sources[0].columns))
    found: list[list[Survey]] = []
    sources: list[Source] = []
    for source in inputs.sources:
        quick = source.quick_survey(positions) if isinstance(source, QuickSource) else None
        if quick is None:
            return None
        sources.append(quick[0])
        found.append([quick[1]])
    return _table(tuple(sources), found, positions)


_MOST = 16  # files: more of them are worth the import
MOST_BYTES = 1 << 20  # of all of them, from where on Arrow makes up for its import
MOST_BYTES_IN_ONE = 1 << 21  # the same where one process does all the work


def _small(inputs: Inputs, most_bytes: int) -> bool:
    sizes = (
        source.size_bytes if isinstance(source, QuickSource) else most_bytes + 1
        for source in inputs.sources
    )
    return len(inputs.sources) <= _MOST and sum(sizes) <= most_bytes


def _suits(order: Order) -> bool:
    call = order.call
    return not (call.traits.reads_arrays or call.types) and order.target.quick


def _imported() -> bool:
    return not {"numpy", "pandas", "pyarrow"}.isdisjoint(sys.modules)


def _table(
    sources: tuple[Source, ...], found: list[list[Survey]], positions: tuple[int, ...]
) -> Table:
    indexes = {place: source.index(found[place]) for place, source in enumerate(sources)}
    fields = join_fields(sources, positions, found)
    counts = tuple(index.rows for index in indexes.values())
    return Table(sources, fields, indexes, {}, counts, sum(counts))
