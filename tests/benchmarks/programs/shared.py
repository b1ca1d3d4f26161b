"""What `python -m tests.benchmarks shared` runs: workers that read all of what they share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from parapply import worker
from tests.benchmarks.measure import tree_bytes

ROWS = int(os.environ.get("PARAPPLY_BENCH_ROWS", "1000"))
_LOOKS = 1000  # into a dict, all of which would be copied if all of it were looked at
_WAIT_S = 120


def read() -> None:
    """For --init: read what is shared, and wait until all workers have."""
    for buffer in _buffers(worker.shared["it"]):
        buffer.max()
    worker.event(f"read-{worker.rank}").set()
    for rank in range(worker.workers):
        assert worker.event(f"read-{rank}").wait(_WAIT_S)


def tree(row: Any) -> int:
    """Return the memory of all processes of the run, with what they share counted once."""
    return tree_bytes(os.getsid(0))


def array() -> Any:
    """An array of fifty bytes a row."""
    import numpy as np

    return np.arange(ROWS * 50 // 8, dtype="f8")


def frame() -> Any:
    """The table of `tests.benchmarks.shared` as a DataFrame."""
    from tests.benchmarks.shared import table

    return table(ROWS).to_pandas()


def mapping() -> dict[int, str]:
    """A dict, which takes about 150 bytes an item."""
    return {number: f"city {number}" for number in range(ROWS // 3)}


def _buffers(thing: Any) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa

    if isinstance(thing, dict):
        found = [len(thing[number]) for number in range(0, len(thing), len(thing) // _LOOKS or 1)]
        yield np.array(found)
    elif isinstance(thing, np.ndarray):
        yield thing
    else:
        for name in thing:
            values = pa.array(thing[name])
            for chunk in getattr(values, "chunks", [values]):
                yield from (np.frombuffer(part, "u1") for part in chunk.buffers() if part)
