"""What workers do for --reduce: call the function for a chunk, merge two results. In the worker.

Results are whatever pickles; they stay on disk, and only their paths go back.
"""

from __future__ import annotations

import os
import threading
from functools import reduce

from parapply.backends.api import ItemProgress
from parapply.execute.results.pickled import keep, kept
from parapply.execute.results.stored import part_name
from parapply.execute.tasks import ChunkTask
from parapply.functions.hooks import Hook
from parapply.model.chunk import Chunk
from parapply.model.errors import ParapplyError
from parapply.model.outcome import Failed
from parapply.model.records import record
from parapply.runtime.allocation import give_back
from parapply.runtime.chunk_end import End
from parapply.runtime.context import bound
from parapply.runtime.stops import GivenUp


@record
class MapTask:
    """Calls the function for a chunk; of rows and values, the results are merged in their order."""

    inner: ChunkTask
    merge: Hook

    def __call__(self, chunk: Chunk, pace: ItemProgress) -> tuple[str, int] | Failed | None:
        """Return where the result is, and of how many rows it is."""
        try:
            context = bound()
            assert context is not None
            end = End(context, chunk.number)
            end.check()
            made, rows = self.inner.called(chunk, pace, end)
            path = os.path.join(self.inner.folder, _name(chunk.number))
            if made.shape == "each":  # a result for each row
                if not made.raw:
                    return "", rows
                function = self.merge.load()
                value = reduce(lambda one, two: self.merge.guard(function, one, two), made.raw)
            else:
                value = made.raw
            keep(path, value, self.inner.call.name)
            return path, rows
        except ParapplyError as error:
            return Failed(chunk.number, error)
        except GivenUp:
            return "", 0
        finally:
            give_back()


@record
class MergeTask:
    """Merges the results of two neighbours: an item is (number, path, path)."""

    folder: str
    merge: Hook

    def __call__(self, item: tuple[int, str, str], pace: ItemProgress) -> str | Failed:
        """Return where the result is."""
        pace(1)
        number, one, two = item
        try:
            value = self.merge.call(kept(one), kept(two))
            path = os.path.join(self.folder, f"merged-{_name((number,))}")
            keep(path, value, self.merge.name)
            return path
        except ParapplyError as error:
            return Failed((number,), error)


def _name(number: tuple[int, ...]) -> str:
    return f"{part_name(number)}.{threading.get_native_id()}"
