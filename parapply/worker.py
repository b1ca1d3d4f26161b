"""What a function can use of the run that it is part of: `from parapply import worker`.

    with worker.limit("api", 4):     # at most four of all workers inside
        ...
    worker.count("misses")           # added up over all workers

All of it works the same in processes, threads and serial runs. Outside a run, in a test of the
function say, there is one worker, of rank 0, whose locks and events are those of its process and
of the processes that are forked from it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from parapply.runtime.context import current
from parapply.runtime.mapped import shared

if TYPE_CHECKING:
    from parapply.runtime.events import Event
    from parapply.runtime.locks import Limit, Lock

__all__ = [
    "chunk",
    "count",
    "event",
    "gauge",
    "limit",
    "lock",
    "log",
    "name",
    "pid",
    "put",
    "rank",
    "rate",
    "row",
    "shared",
    "state",
    "stop",
    "workers",
]

# Read anew each time: see __getattr__.
rank: int  # 0, 1, ...: no two living workers of a run have the same
workers: int  # how many there are
name: str  # "parapply-0": of the process or thread too
pid: int  # of the process
chunk: str  # "1", "2", ...; "7.1" and "7.2" are halves, cut because a worker died; "0": none
row: int  # counted from 1 in its input, as in messages; of a chunk its first; 0: none


class _Handler(logging.Handler):
    """Writes to standard error, unless the function has set up logging itself."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.root.handlers:
            print(self.format(record), file=sys.stderr)


log = logging.getLogger("parapply.worker")
log.setLevel(logging.INFO)
log.addHandler(_Handler())
log.handlers[0].setFormatter(logging.Formatter("%(levelname)s: %(message)s"))


class _State:
    """`worker.state`: a namespace for each worker, filled by the function given with --init."""

    def __getattr__(self, name: str) -> Any:
        return getattr(current().state, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(current().state, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(current().state, name)

    def __repr__(self) -> str:
        return repr(current().state)

    def __dir__(self) -> list[str]:
        return dir(current().state)


state: Any = _State()


def lock(name: str) -> Lock:
    """Return a lock that one of all workers holds at a time: `with worker.lock("file"): ...`.

    A worker that dies lets go of it. In an async function write `async with`. Raises RuntimeError
    where the same worker holds it already.
    """
    lock: Lock = current().place.store.lock(name)
    return lock


def limit(name: str, most: int) -> Limit:
    """Return a semaphore: `with worker.limit("api", 4): ...` lets at most four of all workers in.

    Those that wait go in one after the other, and use no processor time meanwhile. A worker that
    dies leaves. Otherwise as `lock`.
    """
    context = current()
    limit: Limit = context.place.store.limit(name, most, context.rank)
    return limit


def rate(name: str, per: str | float) -> Any:
    """Wait for a turn: `worker.rate("api", "20/s")` returns at most 20 times a second.

    The turns of all workers together are evenly spaced, and a pause is not made up for. `per` is
    a number a second, or text: 20/s, 100/min, 1000/h. In an async function `await` it. Raises
    ValueError for what is not a rate.
    """
    return current().place.store.rate(name, per).turn()


def event(name: str) -> Event:
    """Return an event: `.set()` by one worker, `.is_set()` and `.wait(timeout)` by all."""
    event: Event = current().place.store.event(name)
    return event


def count(name: str, n: int = 1) -> None:
    """Add to a count, which is added up over all workers: in `Report.counts` and with -v.

    It costs less than a microsecond, and what a worker counted is not lost when it dies. Rows
    that are given to the function again (a worker died, or --retries) count again.
    """
    current().place.store.count(name, n)


def gauge(name: str, value: float) -> None:
    """Set a value; the last one that any worker set is in `Report.gauges`, and shown with -v."""
    current().place.store.gauge(name, value)


def put(name: str, value: object) -> None:
    """Send an object that can be pickled to the function of --on-message, in the parent.

    It is called as `handler(name, value)`, within about a tenth of a second, with one message
    after the other; those of one worker in their order. Messages do not get lost when their
    worker dies. Raises RuntimeError without --on-message.
    """
    place = current().place
    if not place.handled:
        raise RuntimeError("worker.put() needs a handler: --on-message file.py:NAME")
    place.store.put(name, value)


def stop() -> None:
    """End the run, well: its output is that of all rows up to this one.

    Which rows those are does not depend on the number of workers: chunks before this one are
    completed, those after it are given up. Some rows after this one may still be given to the
    function; what it returns for them is not used.
    """
    context = current()
    if not context.whole:
        raise RuntimeError("worker.stop() cannot end a run with --retry-failed")
    if context.chunk is not None:
        position = context.position
        context.stopped = min(position, position if context.stopped is None else context.stopped)
        context.place.store.stop_after(context.chunk)


def _chunk() -> str:
    if (chunk := current().chunk) is None:
        return "0"
    return ".".join(str(number + 1) for number in chunk)


_VALUES: dict[str, Callable[[], Any]] = {
    "rank": lambda: current().rank,
    "workers": lambda: current().place.workers,
    "name": lambda: current().name,
    "pid": os.getpid,
    "chunk": _chunk,
    "row": lambda: current().row,
}


def __getattr__(name: str) -> Any:
    if name not in _VALUES:
        raise AttributeError(f"parapply.worker has no {name!r}; it has {', '.join(__all__)}")
    return _VALUES[name]()
