"""Blocks of a stream, read by a thread of their own, so that no wait for input holds up the rest.

A run goes on meanwhile: results are written, dead workers are seen, and a reader of the output
that goes away ends it. Runs in the parent.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Iterator

_AHEAD = 2  # blocks that are read before they are asked for

_Block = tuple[int, bytes]


class Feed(Iterator[_Block]):
    """What `blocks` yields, as far as it is there: StopIteration may mean "not yet".

    `more` tells the one from the other, and `descriptor` is readable when asking is worth while.
    """

    def __init__(self, blocks: Iterator[_Block]) -> None:
        self._blocks = blocks
        self._ready: deque[_Block] = deque()
        self._room = threading.Semaphore(_AHEAD)
        self._error: BaseException | None = None
        self._ended = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.awaited = False  # whether somebody has asked for a block, in its turn
        self.descriptor, self._bell = os.pipe()

    @property
    def more(self) -> bool:
        """Whether blocks may come."""
        return bool(self._ready) or not self._ended or self._error is not None

    @property
    def ended(self) -> bool:
        """Whether all that there is has been read."""
        return self._ended

    def __next__(self) -> _Block:
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="feed", daemon=True)
            self._thread.start()
        if self._ready:
            os.read(self.descriptor, 1)
            block = self._ready.popleft()
            self._room.release()
            return block
        if self._ended and self._error is not None:
            error, self._error = self._error, None
            raise error
        raise StopIteration

    def wait(self) -> _Block | None:
        """Wait for the next block; None where there is none."""
        while self.more:
            block = next(self, None)
            if block is not None:
                return block
            poll = select.poll()  # select() fails beyond descriptor 1023
            poll.register(self.descriptor, select.POLLIN)
            poll.poll(1000)
        return None

    def put_back(self, block: _Block) -> None:
        """Let `block` be the next one again."""
        self._ready.appendleft(block)
        self._ring()

    def close(self) -> None:
        """Give the descriptors back; the thread, which may be waiting for input, rings no more."""
        with self._lock:
            self._closed = True
            os.close(self.descriptor)
            os.close(self._bell)

    def _ring(self) -> None:
        with self._lock:
            if not self._closed:
                os.write(self._bell, b"x")

    def _read(self) -> None:
        try:
            for block in self._blocks:
                self._room.acquire()
                self._ready.append(block)
                self._ring()
        except BaseException as error:  # noqa: BLE001 - raised where the blocks are asked for
            self._error = error
        self._ended = True
        self._ring()  # and nobody reads this one: there is an end to be seen
