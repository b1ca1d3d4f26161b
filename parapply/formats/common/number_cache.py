"""Values that a survey has read are kept in files, so that chunks need not read their text again.

That saves a tiny function on one column of CSV 7 % of the run, on four 5 %. Only where all that is
read of a piece is numbers, for otherwise its text has to be cut into fields all the same, or where
chunks need no text at all (groups); and only for so many bytes of input (`Reading.spare_bytes`), as
the files stay until the run ends. Runs in workers.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice, takewhile
from typing import Any

from parapply.model.deferred_imports import pa
from parapply.model.records import record
from parapply.storage.part import Part, read_table

_FREE_BYTES = 1 << 30  # on the disk: what is less is for the output


@record
class Aside:
    """Rows `start` to `stop` of those that a file holds; of the whole input, in an index."""

    path: str
    start: int
    stop: int


def put(folder: str, columns: Mapping[str, pa.ChunkedArray], most: int) -> str:
    """Write the columns of a piece, by name; return the file, "" where there is no room.

    There is none for more than `most` bytes.
    """
    # Of this time, too: a worker may have the number of one that died.
    own = f"values-{threading.get_native_id()}-{time.monotonic_ns()}"
    path = os.path.join(folder, own)
    try:
        if sum(column.nbytes for column in columns.values()) > most or _free(folder) < _FREE_BYTES:
            return ""
        Part(path).write_table(pa.table(dict(columns)))
    except (OSError, MemoryError):  # then there is none of this, and the run goes on
        with suppress(OSError):
            os.unlink(path)
        return ""
    return path


def _free(folder: str) -> int:
    """How many bytes of the disk anybody may still write."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def cut(asides: Sequence[Aside], start: int, stop: int) -> tuple[Aside, ...]:
    """Return what is aside of the input's rows `start` to `stop`; nothing, unless all of it is."""
    first = max(0, bisect_right(asides, start, key=lambda one: one.start) - 1)
    found = tuple(
        Aside(one.path, max(start - one.start, 0), min(stop, one.stop) - one.start)
        for one in takewhile(lambda one: one.start < stop, islice(asides, first, None))
        if start < one.stop
    )
    return found if sum(one.stop - one.start for one in found) == stop - start else ()


def take(asides: Sequence[Aside], types: Mapping[str, Any]) -> dict[str, pa.Array]:
    """Return columns, by name, of rows that were put aside: those of these types there.

    None where they cannot be read: the text can, or says better why nothing can.
    """
    try:
        tables = [read_table(one.path).slice(one.start, one.stop - one.start) for one in asides]
    except (OSError, MemoryError, pa.ArrowInvalid):
        return {}
    found = {}
    for name, type_ in types.items() if tables else ():
        if all(name in table.column_names for table in tables):
            pieces = [chunk for table in tables for chunk in table.column(name).chunks]
            if pieces and all(piece.type == type_ for piece in pieces):
                found[name] = pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)
    return found
