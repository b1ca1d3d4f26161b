"""Workers are processes: a standard Pool that is watched, as it does not outlive its workers.

The standard Pool replaces a worker that died, but never completes the item it was running
(python/cpython#96062), and a worker killed while it waits holds a lock of the queues for ever. So
every process is recorded as the pool makes it, and has a slot that says what it is doing. One that
dies inside an item has lost that item and nothing else. One that dies otherwise breaks the pool:
all of it is killed, and `Pooled` opens another. `_enter` and what it calls run in the worker, the
rest in the parent. Only public API of multiprocessing is used.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache, partial
from multiprocessing import connection, pool, queues, util
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from parapply.allocation import keep_freed
from parapply.backends import RAN_OUT, Crew, Session
from parapply.backends.limits import OUT_OF_MEMORY, Limits, leave_exhausted
from parapply.backends.pooled import (
    LEFT,
    SLOT_FIELDS,
    Death,
    Pooled,
    Slots,
    Wire,
    begin,
    in_background,
    leave,
)
from parapply.errors import WorkerError
from parapply.lifeline import end_with_writer
from parapply.staging import adopt

LEAVE_S = 5.0  # for workers to leave in peace: their atexit functions run
KILL_S = 1.0
LOCK_S = 0.02  # longer than a live thread of the parent ever holds a lock of the queues
SPARE_SLOTS = 4  # a worker: the killed keep theirs until the parent has looked
NAME = "parapply-"
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# By process id, as a forked copy of this process needs one of its own: the pipe whose write end
# is open in the parent alone, so that it ends when the parent does. One serves all pools: with one
# each, the workers of two pools would inherit each other's and keep it open.
_lifelines: dict[int, tuple[Any, Any]] = {}


class Processes:
    """The backend "processes"."""

    def open(self, crew: Crew) -> AbstractContextManager[Session]:
        """Start the processes; at the end of the context none of them is left."""
        return Pooled(crew.workers, partial(_Team, crew))


def pack(thing: object) -> bytes:
    """Pickle an item or a result; raises WorkerError when that fails."""
    try:
        return pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:
        kind = type(thing).__name__
        raise WorkerError(f"a {kind} cannot be sent between processes: {error}") from error


def unpack(packed: bytes) -> Any:
    """Undo `pack`; raises WorkerError when that fails."""
    try:
        return pickle.loads(packed)
    except MemoryError:
        raise
    except Exception as error:
        raise WorkerError(f"what was sent between processes cannot be read: {error}") from error


recall = lru_cache(maxsize=8)(unpack)


def pack_error(error: BaseException) -> bytes:
    """Pickle an exception, or a WorkerError that describes it where it would not come back."""
    if isinstance(error, MemoryError):
        leave_exhausted()  # what fills the worker would be there for the next item, too
    try:
        error.add_note(f"In a worker:\n{''.join(traceback.format_exception(error))}")
        packed = pickle.dumps(error)
        if isinstance(pickle.loads(packed), BaseException):  # python/cpython#79492: may well fail
            return packed
    except BaseException:  # noqa: BLE001  code of the exception's own class: anything may come
        pass
    return pickle.dumps(WorkerError(_describe(error)))


def _describe(error: BaseException) -> str:
    try:
        return repr(error)
    except BaseException:  # noqa: BLE001  as above
        return type(error).__name__


WIRE = Wire(pack, unpack, recall, pack_error)


class _Team:
    wire = WIRE

    def __init__(self, crew: Crew, changed: Callable[[], None]) -> None:
        self.broken, self.how = False, ""
        self._late = set[int]()  # process ids
        self.method = crew.start_method or _safest_method()
        self._context = _Context(multiprocessing.get_context(self.method), self._enlist)
        self._free = deque(range(crew.workers * SPARE_SLOTS))
        self.slots: Slots = self._context.RawArray("q", len(self._free) * SLOT_FIELDS)
        self._changed, self._workers = changed, list[_Worker]()
        self._gate, self._open, self._ended = threading.Lock(), False, False
        self._books = threading.Lock()  # of `_workers` and `_free`: two threads keep them
        forks = self.method == "fork"
        if self.method == "forkserver":
            adopt(util.get_temp_dir())  # for its socket; left behind when a signal ends us
        start = crew.start if forks else self._pack("the start of a worker", crew.start)
        try:
            self.pool = pool.Pool(
                crew.workers,
                _enter,
                (self.slots, _lifeline() if forks else (_lifeline()[0], None), crew.limits, start),
                crew.max_tasks,
                self._context,
            )
        except BaseException as error:
            self._kill()
            if not isinstance(error, Exception):
                raise
            raise WorkerError(f"workers cannot be started: {error}") from error
        self._open = True

    def pack_task(self, task: object) -> bytes:
        return self._pack("the task", task)

    def _pack(self, what: str, thing: object) -> bytes:
        remedy = "a function that lives in a module would help"
        if what != "the task":  # which is pickled whatever the start method
            remedy = f"--start-method fork or {remedy}"
        try:
            return pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise WorkerError(f"{what} cannot be sent to workers: {error}; {remedy}") from error

    def _enlist(self, make: Callable[..., BaseProcess]) -> _Worker | _Nobody:
        """Make a process for the Pool, which replaces workers also while nobody looks.

        Hence the limit: workers that die as they start would be replaced thousands of times.
        """
        with self._books:
            self._forget_the_left()
            if not self._free:
                self._break("died like many before it")
                return _Nobody()
            slot = self._free.popleft()
            process = make(name=f"{NAME}{slot}", daemon=True)
            self._workers.append(_Worker(process, slot, self._launch))
            return self._workers[-1]

    def _forget_the_left(self) -> None:
        """Reuse the slots of those that left after their last item: that is no death."""
        for worker in list(self._workers):
            left = self.slots[worker.slot * SLOT_FIELDS] == LEFT
            if left and worker.pid is not None and worker.exitcode is not None:
                self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        at = worker.slot * SLOT_FIELDS
        self.slots[at : at + SLOT_FIELDS] = [0] * SLOT_FIELDS
        self._workers.remove(worker)
        self._free.appendleft(worker.slot)

    def _launch(self, process: BaseProcess) -> BaseProcess | _Nobody:
        with self._gate:
            if self._ended:
                return _Nobody()
            try:
                with _undisturbed(self.method):
                    process.start()
            except Exception as error:
                if not self._open:
                    raise
                self._break(f"could not be started: {error}")
                return _Nobody()
        self._changed()
        return process

    def _break(self, how: str) -> None:
        self.broken, self.how = True, how
        self._changed()

    def sentinels(self) -> list[int]:
        return [worker.sentinel for worker in list(self._workers) if worker.pid is not None]

    def deaths(self) -> list[Death]:
        found = [
            self._bury(worker, how)
            for worker in list(self._workers)
            if worker.pid is not None and (how := worker.fate()) is not None
        ]
        return [death for death in found if death is not None]

    def _bury(self, worker: _Worker, how: str) -> Death | None:
        """Return what a worker's death means; None where it left as it should."""
        unseen = not worker.seen_by_pool()  # not by its Pool, which would not replace it
        with self._books:
            if worker not in self._workers:  # forgotten meanwhile, and its slot is another's
                return None
            at = worker.slot * SLOT_FIELDS
            number, units = self.slots[at] - 1, self.slots[at + 1]
            self._dismiss(worker)
        if unseen or number == -1:
            self._break(how)
        if number < -1:
            return None
        return Death(None if number < 0 else number, how, units, worker.pid in self._late)

    def end_late(self, places: list[int]) -> None:
        for worker in list(self._workers):
            due = self.slots[worker.slot * SLOT_FIELDS + 2]  # 0: it has come back just now
            if worker.pid is not None and worker.slot in places and due:
                self._late.add(worker.pid)
                worker.kill()
                worker.join(KILL_S)

    def end(self, *, clean: bool) -> None:
        if self._ended:
            return
        pool = self.pool
        try:
            if clean and in_background(pool.close, pool.join, pool.terminate, wait_s=LEAVE_S):
                self._ended = True
        finally:
            if not self._ended:
                self._kill()
                in_background(self._unlock, pool.terminate, wait_s=KILL_S / 2)
            self._workers.clear()  # with the pool, they hold file descriptors in a circle
            del self.pool

    def _kill(self) -> None:
        self._ended = True
        with self._gate:
            started = [worker for worker in self._workers if worker.pid is not None]
        for worker in started:
            worker.kill()
        deadline = time.monotonic() + KILL_S
        for worker in started:
            worker.join(max(0.0, deadline - time.monotonic()))

    def _unlock(self) -> None:
        """Let go of the locks that the dead held, or terminate() waits for them for ever."""
        for lock in self._context.locks:
            lock.acquire(timeout=LOCK_S)
            lock.release()


class _Context:
    """A multiprocessing context that has a say in the processes, and keeps the locks, of a pool."""

    def __init__(self, base: BaseContext, enlist: Callable[[Callable[..., BaseProcess]], Any]):
        self._base, self._enlist = base, enlist
        self.locks: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)

    def Process(self, **arguments: Any) -> Any:  # noqa: N802  the name multiprocessing gives it
        process: Any = self._base.Process  # type: ignore[attr-defined]  # each context has its own
        return self._enlist(partial(process, **arguments))

    def Lock(self) -> Any:  # noqa: N802  as above
        self.locks.append(self._base.Lock())
        return self.locks[-1]

    def SimpleQueue(self) -> Any:  # noqa: N802  as above
        return queues.SimpleQueue(ctx=self)


class _Worker:
    """A process, as the Pool and the parent see it; two threads ask for its exit code."""

    def __init__(self, process: Any, slot: int, launch: Callable[[Any], Any]) -> None:
        self._process, self.slot, self._launch = process, slot, launch
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)

    def start(self) -> None:
        self._process = self._launch(self._process)

    @property
    def exitcode(self) -> int | None:
        with self._lock:  # of two that ask a forkserver at once, one would be told 255
            code: int | None = self._process.exitcode
            return code

    def fate(self) -> str | None:
        """Say how it ended; None while it is alive."""
        gone = self.seen_by_pool(0.0)
        patience = 50 if gone else 1  # its files are closed a moment before it can be waited for
        for _ in range(patience):
            if (code := self.exitcode) is not None:
                return _describe_exit(code)
            if gone:
                time.sleep(0.01)
        return "died" if gone else None  # died: SIGCHLD is ignored, nobody is told of exit codes

    def seen_by_pool(self, timeout_s: float = 0.05) -> bool:
        """Whether the Pool sees the end: not while a child of the worker holds its pipe open."""
        return bool(connection.wait([self.sentinel], timeout_s))


class _Nobody:
    """Stands in the Pool for a process that is not to be started any more."""

    name = ""
    pid = exitcode = None

    def start(self) -> None:
        pass

    terminate = join = is_alive = start


def _describe_exit(code: int) -> str:
    if code == OUT_OF_MEMORY:
        return RAN_OUT
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _safest_method() -> str:
    methods = multiprocessing.get_all_start_methods()
    if "fork" in methods and threading.active_count() == 1:
        return "fork"
    return "forkserver" if "forkserver" in methods else "spawn"


def _lifeline() -> tuple[Any, Any]:
    ends = _lifelines.get(os.getpid())  # setdefault: two threads may come here at once
    return ends or _lifelines.setdefault(os.getpid(), multiprocessing.Pipe(duplex=False))


@contextmanager
def _undisturbed(method: str) -> Iterator[None]:
    """Start a process out of reach of signals until it is ready for them, and warn of nothing.

    Python 3.12+ warns of fork where there are threads, as the Pool has: it is forked for a
    start of our own, which takes no lock. A forkserver would hand blocked signals on for ever.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, () if method == "forkserver" else STOPS)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This process .* multi-threaded", DeprecationWarning)
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _enter(
    slots: Slots, lifeline: tuple[Any, Any], limits: Limits, start: Callable[[], None] | bytes
) -> None:
    """Start a worker: the Pool's initializer."""
    slot = int(multiprocessing.current_process().name.removeprefix(NAME))
    # First of all finalizers: they are the user's and may take their time, but not for ever.
    util.Finalize(None, leave, (slots, slot, LEAVE_S), exitpriority=sys.maxsize)
    begin(slots, slot, WIRE, partial(_start, lifeline, limits, start))


def _start(lifeline: tuple[Any, Any], limits: Limits, start: Callable[[], None] | bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup stays nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    end_with_writer(lifeline[0].fileno())
    threading.Thread(target=_follow, args=lifeline, name="parapply-lifeline", daemon=True).start()
    keep_freed()
    limits.set()
    try:
        begun: Callable[[], None] = unpack(start) if isinstance(start, bytes) else start
        begun()
    except Exception as error:
        if not isinstance(error.__cause__ or error, MemoryError):
            raise
        said = str(error).strip(": ") or "MemoryError"
        raise WorkerError(f"a worker ran out of memory as it started: {said}") from error


def _follow(read: Any, write: Any) -> None:
    """End with the parent, however it ends."""
    if write is not None:
        write.close()
    with suppress(EOFError, OSError):
        read.recv_bytes()
    os._exit(1)
