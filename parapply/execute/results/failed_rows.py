"""Which rows of a chunk the function failed on, kept beside its part. In the worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from parapply.model.deferred_imports import json
from parapply.storage.part import reading
from parapply.storage.private import reopen, write

FAILED = ".failed"  # what the name of that file ends in


def _ascend(places: Sequence[int], stop: int) -> bool:
    """Whether these are positions of rows, in order: one may stand there several times."""
    return not places or (
        places[0] >= 0 and places[-1] < stop and all(a <= b for a, b in pairwise(places))
    )


def store_failed(path: str, positions: Iterable[int]) -> None:
    """Keep which rows of the batch, by position, the function failed on."""
    write(path + FAILED, json.dumps(sorted(positions)).encode())


def stored_failed(path: str, rows: int) -> list[int]:
    """Return what `store_failed` kept of a batch of so many rows."""
    with reading(path + FAILED):
        with reopen(path + FAILED) as file:
            found = json.load(file)
        if not isinstance(found, list) or not all(type(place) is int for place in found):
            raise ValueError("no list of positions")
        if not _ascend(found, rows) or len(set(found)) < len(found):
            raise ValueError("rows that are not the chunk's")
    return found
