"""Whether the run ends before or in the chunk that a worker is at. In the worker."""

from __future__ import annotations

import time

from parapply.runtime.context import WorkerContext
from parapply.runtime.stops import GivenUp

_LOOK_S = 0.05


class End:
    """Whether the run ends before or in a chunk."""

    def __init__(self, context: WorkerContext, number: tuple[int, ...]) -> None:
        self.context, self._number = context, number
        context.stopped = None
        self._due = 0.0

    def check(self) -> int | None:
        """Return how many of the batch's rows stay, None for all; raises GivenUp for none."""
        if (last := self.context.stopped) is not None:
            return last + 1
        if (now := time.monotonic()) >= self._due:  # rows with a time limit are run one by one
            self._due = now + _LOOK_S
            if self.context.place.store.is_after(self._number):
                raise GivenUp
        return None
