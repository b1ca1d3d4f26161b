"""Ways to run a task over many items: the seam behind which a pool, or another engine, works.

A backend knows nothing of tables, chunks or files. It is handed a picklable task and an iterator
of picklable items and yields one `Done` an item, in the order in which they finish, with a bounded
number in flight. Every wait in it ends when a worker dies, a signal comes, or the caller leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from parapply.backends.limits import Limits
from parapply.model.records import field, record

RAN_OUT = "ran out of memory"  # how a worker is lost that has met a MemoryError

Item = TypeVar("Item")
Result = TypeVar("Result")


@record
class Done(Generic[Item, Result]):
    """What became of one item: its result, or how the worker that ran it was lost."""

    item: Item
    result: Result | None
    lost: str | None = None  # "was killed by SIGKILL", "exited with code 3"; None: not lost
    units: int = 0  # progress that was reported for an item before it was lost
    late: bool = False  # its worker was ended for staying away longer than it had said


LEAVE_S = 5.0  # for workers to leave in peace: their atexit functions run


def _nothing() -> None: ...


@record
class PoolConfig:
    """Who is to work, and how each of them starts."""

    workers: int
    start: Callable[[], None]  # called once in each worker before its first item; may raise
    start_method: str | None = None  # fork, forkserver, spawn; None: the best that is safe
    max_tasks: int | None = None  # items after which a process is replaced; None: never
    limits: Limits = field(default_factory=Limits)  # of each, where it is a process
    leave: Callable[[], None] = _nothing  # a module's function, called in each at its end
    patience_s: float = LEAVE_S  # for workers to leave in
    before_fork: Callable[[], None] = _nothing  # called here before processes are forked, if so


class ItemProgress(Protocol):
    """How a task says how far it is."""

    @property
    def relieved(self) -> bool:
        """Whether others have nothing to do, and the rest of this item is better left to them."""
        ...

    def __call__(self, count: int) -> None:
        """Report progress, in whatever unit the caller counts."""
        ...

    def within(self, seconds: float | None) -> None:
        """Say when it will be heard of again; a worker that stays away longer is ended.

        None: that cannot be said. Threads are given up instead, as they cannot be ended; the
        serial backend heeds none of it.
        """
        ...


class Outside(Protocol):
    """What a run has to heed besides its workers."""

    @property
    def more(self) -> bool:
        """Whether items may come, though there are none now: the run does not end then."""
        ...

    def descriptors(self) -> Sequence[int]:
        """What becomes readable (or breaks) when there is something to see."""
        ...

    def look(self) -> None:
        """Called after each wait; what it raises ends the run."""
        ...


class Session(Protocol):
    """An open backend: its workers are there until the context that opened it ends."""

    def run(
        self,
        task: Callable[[Item, ItemProgress], Result],
        items: Iterator[Item],
        *,
        beat: Callable[[], None] | None = None,
        outside: Outside | None = None,
    ) -> Iterator[Done[Item, Result]]:
        """Yield one `Done` for each item, in the order in which they finish.

        `task` is called in a worker with an item and an ItemProgress. `items` is
        asked again whenever there is room, also after it was exhausted: a caller may add to it
        when it has seen a result. `beat` is called about ten times a second while there is
        nothing to yield; `outside` is heeded meanwhile.

        An exception that `task` raises (a BaseException too) is raised here, but a MemoryError has
        lost the item, just as a death has, and a process that met one is replaced.
        Raises WorkerError when workers cannot be started. Leaving the generator early leaves what
        is in flight to the end of the session.
        """
        ...


@runtime_checkable
class CountsProgress(Protocol):
    """A session that knows how far the items are that are being worked on; it need not."""

    def units(self) -> int:
        """Progress reported so far for them."""
        ...


@runtime_checkable
class StealsWork(Protocol):
    """A session whose busy workers can leave work to idle ones; it need not."""

    def idle(self) -> int:
        """How many workers have nothing to do, nor will soon."""
        ...

    def relieve(self, rest: Callable[[Any, int, float], int], most: int) -> None:
        """Ask busy workers to leave what they have not begun of their items, of `most` at once.

        `rest` says what is left of an item, so many units and seconds after it was begun; 0: it
        stays. Those with most left are asked. The task hears of it from its ItemProgress, and
        returns what says what it left; it need not.
        """
        ...


class Backend(Protocol):
    """A room of this package: a class with this one method."""

    def open(self, config: PoolConfig) -> AbstractContextManager[Session]:
        """Start the workers; at the end of the context none of them is left."""
        ...
