"""Which worker this is and what it is doing: what `parapply.worker` is asked for.

A context is bound to its thread when a worker starts, so that processes, threads and serial runs
look the same to the user's function. A thread that the function starts itself has the context
that was bound last in its process; outside a run there is one of no worker at all, with a
temporary folder of its own, so that functions can be tested without parapply.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from parapply.model.records import record
from parapply.runtime.ranks import Rank, claim

if TYPE_CHECKING:
    import asyncio

    from parapply.runtime.api import RunStore
    from parapply.storage.atomic.staging import Staging

NAME = "parapply-"


@record
class RunInfo:
    """What the workers of a run have in common; it comes with the start of each."""

    folder: str  # on a local disk: for what belongs to this machine
    store: RunStore  # locks, counters and whatever else is shared
    workers: int = 1
    handled: bool = False  # whether the parent takes messages
    log_file: str | None = None  # where lines go instead of standard error
    shares: tuple[str, ...] = ()  # the names of what is shared
    is_run: bool = True


class State(SimpleNamespace):
    """What a worker keeps for itself: any names."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"worker.state has no {name!r} in this worker: set it in a function given with --init"
        )


class WorkerContext:
    """One worker; `rank` is a number that no other living worker of the run has."""

    def __init__(self, place: RunInfo, rank: Rank) -> None:
        self.place, self.rank, self._rank = place, rank.number, rank
        self.name = f"{NAME}{self.rank}"
        self.state = State()
        self.function: Callable[[Any], Any] | None = None  # what is called
        self.close: Callable[[], Any] | None = None  # at the end
        self.chunk: tuple[int, ...] | None = None  # its number
        self.whole = True
        self.stopped: int | None = None  # the row of the chunk after which the run is to end
        self._position: Callable[[], int] = _first
        self._number: Callable[[int], int] = _none
        self._loop: asyncio.Runner | None = None

    def begin(
        self,
        chunk: tuple[int, ...],
        position: Callable[[], int],
        number: Callable[[int], int],
        *,
        whole: bool = True,
    ) -> None:
        """Take up a chunk.

        `position` says which of its rows is being worked on, and `number` what number that has in
        its input, counted from 1. Not `whole`: these are rows here and there, tried again.
        """
        self.whole = whole
        self.chunk, self._position, self._number = chunk, position, number

    def end(self) -> None:
        """Have no chunk any more."""
        self.chunk, self._position, self._number = None, _first, _none

    @property
    def position(self) -> int:
        """The row being worked on, counted from 0 in its batch."""
        return self._position()

    @property
    def row(self) -> int:
        """The row being worked on, counted from 1 in its input; 0 outside a chunk."""
        return self._number(self._position())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the worker's event loop, which there is from now on."""
        if self._loop is None:
            import asyncio

            self._loop = asyncio.Runner()
        return self._loop.run(coroutine)

    def end_loop(self) -> None:
        """Close the event loop."""
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def leave(self) -> None:
        """Give the rank back."""
        self._rank.leave()


def _first() -> int:
    return 0


def _none(position: int) -> int:
    return 0


class _Bound(threading.local):
    context: WorkerContext | None = None


_bound = _Bound()
_last: list[WorkerContext] = []  # those that are bound in this process, for threads without one
_alone: list[WorkerContext] = []  # at most one: no worker at all
_gate = threading.Lock()
leaving: list[Callable[[], None]] = []  # what is done besides whenever a worker has left


def bind(place: RunInfo) -> WorkerContext:
    """Make this thread a worker; the caller unbinds what this returns."""
    with _gate:
        hint = sum(context.place is place for context in _last)
    context = WorkerContext(place, claim(place.folder, hint))
    with _gate:
        _last.append(context)
    _bound.context = context
    return context


def unbind(context: WorkerContext) -> None:
    """Undo `bind`, in the same thread."""
    context.leave()
    with _gate:
        _last.remove(context)
        before = [other for other in _last if other.place.folder != context.place.folder]
    _bound.context = before[-1] if before else None  # of a run around this one


def bound() -> WorkerContext | None:
    """Return the context of this thread or process; None where this is no worker."""
    return _bound.context or (_last[-1] if _last else None)


def speaker() -> WorkerContext | None:
    """Return the worker that this thread speaks for; None for the parent and its other threads."""
    if (context := _bound.context) is not None or multiprocessing.parent_process() is None:
        return context
    return _last[-1] if _last else None


@contextmanager
def aside() -> Iterator[None]:
    """Have this thread be no worker for a while: of a serial run, in which the parent is one."""
    before, _bound.context = _bound.context, None
    try:
        yield
    finally:
        _bound.context = before


def current() -> WorkerContext:
    """Return the context of this thread or process; outside a run, that of nobody."""
    return _bound.context or (_last[-1] if _last else _nobody())


def _nobody() -> WorkerContext:
    import tempfile

    from parapply.runtime.local_store import LocalStore
    from parapply.storage.atomic.staging import Staging, sweep

    with _gate:
        if not _alone:
            parent = tempfile.gettempdir()
            sweep(parent, NAME)
            staging = Staging(parent, NAME)
            folder = staging.make()
            atexit.register(_remove, staging, os.getpid())
            place = RunInfo(folder, LocalStore(folder), handled=True, is_run=False)
            _alone.append(WorkerContext(place, Rank(0, None)))
    return _alone[0]


def _remove(staging: Staging, owner: int) -> None:
    if os.getpid() == owner:  # not a forked copy of it
        staging.remove()


def _forget() -> None:
    """In a forked process: the workers of the process that it is a copy of are not here."""
    global _gate
    _gate = threading.Lock()


os.register_at_fork(after_in_child=_forget)
