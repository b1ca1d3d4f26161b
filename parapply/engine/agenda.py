"""What is to be dispatched, and what a run waits for besides its workers. In the parent."""

from __future__ import annotations

import errno
import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from parapply.engine.inputs.feed import Feed
from parapply.execute.rewrites import OutputTask, Rewrite
from parapply.model.chunk import Chunk, may_come

Item = Chunk | Rewrite | OutputTask
_LOOK_S = 0.02  # between looks at the file system: a chunk may take the parent less than one


class Agenda(Iterator[Any]):
    """What is to be dispatched: chunks in order, and before them whatever has to be done anew."""

    def __init__(self) -> None:
        self.chunks: Iterator[Chunk] = iter(())
        self._pushed: deque[Item] = deque()
        self.flying: set[tuple[int, ...]] = set()  # taken, and not done yet
        self.end: tuple[int, ...] | None = None  # the chunk of a failure that ends the run

    @property
    def more(self) -> bool:
        """Whether chunks may come, though there are none now."""
        return self.end is None and may_come(self.chunks)

    def cut(self) -> None:
        """Begin no chunk any more that has not been begun yet."""
        self.chunks = iter(())

    def push(self, item: Item) -> None:
        """Put an item before all chunks that have not been dispatched."""
        self._pushed.append(item)

    @property
    def awaits(self) -> bool:
        """Whether anything that was begun stands before the failure: it may fail, too."""
        return any(self.end is not None and number < self.end for number in self.flying) or any(
            self._stands_before(item) for item in self._pushed
        )

    def __next__(self) -> Item:
        if self.end is None:
            item = self._pushed.popleft() if self._pushed else next(self.chunks)
        elif awaited := next(filter(self._stands_before, self._pushed), None):
            self._pushed.remove(item := awaited)
        else:
            raise StopIteration
        self.flying.add(item.number)
        return item

    def _stands_before(self, item: Item) -> bool:
        """Whether it is what a chunk before the failure has left: nothing else is begun."""
        return isinstance(item, Chunk) and self.end is not None and item.number < self.end


class ExternalEvents:
    """What a run waits for besides its workers: input that comes, a reader of the output that goes.

    `reader` is the descriptor of a pipe that the output is written to, or None. `stopped` says
    whether a function has asked for the end.
    """

    def __init__(
        self, feeds: Sequence[Feed], agenda: Agenda, reader: int | None, stopped: Callable[[], bool]
    ) -> None:
        self._feeds, self._agenda, self._reader, self._stopped = feeds, agenda, reader, stopped
        self._due = 0.0

    @property
    def more(self) -> bool:
        return self._agenda.more

    def descriptors(self) -> list[int]:
        """The bell of the feed whose turn it is, and the output's pipe.

        That is readable when its reader has gone.
        """
        turn = [feed for feed in self._feeds if feed.awaited and feed.more] if self.more else []
        heeded = [feed.descriptor for feed in turn]
        return heeded if self._reader is None else [*heeded, self._reader]

    def look(self) -> None:
        if (now := time.monotonic()) >= self._due:
            self._due = now + _LOOK_S
            if self._stopped():
                self._agenda.cut()
        if self._reader is not None:
            poll = select.poll()
            poll.register(self._reader, 0)
            if any(event & select.POLLERR for _, event in poll.poll(0)):
                raise BrokenPipeError(errno.EPIPE, "nobody reads the output")
