"""Workers are processes: a standard Pool that is watched, as it does not outlive its workers.

The standard Pool replaces a worker that died, but never completes the item it was running
(python/cpython#96062), and a worker killed while it waits holds a lock of the queues for ever. So
every process is recorded as the pool makes it, and has a slot that says what it is doing. One that
dies inside an item has lost that item and nothing else. One that dies otherwise breaks the pool:
all of it is killed, and `Pooled` opens another. This runs in the parent; start.py beside it says
what a worker begins with. But for one method of the Pool's (see members.py) only public API of
multiprocessing is used.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from multiprocessing import connection, pool
from multiprocessing.process import BaseProcess

from parapply.backends.api import PoolConfig, Session
from parapply.backends.codec import WIRE
from parapply.backends.fork_guard import ForkGuard
from parapply.backends.launch import lifeline, safest_method, start_helpers, undisturbed
from parapply.backends.members import LOST, Nobody, PoolContext, QuietPool, Worker
from parapply.backends.pooled import Death, Pooled
from parapply.backends.shared_memory import Numbers
from parapply.backends.waiting import in_background
from parapply.backends.worker_loop import LEFT, SLOT_FIELDS, Slots
from parapply.backends.worker_process import NAME, enter, serve
from parapply.functions import import_paths
from parapply.model.errors import WorkerError
from parapply.storage.system_limits import check_room, said

KILL_S = 1.0
LOCK_S = 0.02  # longer than a live thread of the parent ever holds a lock of the queues
FILES = 48  # that a process, and the one that forks others, have open besides those of each worker
SPARE_SLOTS = 4  # a worker: the killed keep theirs until the parent has looked


class Processes:
    """The backend "processes"."""

    def open(self, config: PoolConfig) -> AbstractContextManager[Session]:
        """Start the processes; at the end of the context none of them is left."""
        return Pooled(config.workers, partial(_WorkerPool, config))


class _WorkerPool:
    codec = WIRE

    def __init__(self, config: PoolConfig, changed: Callable[[], None]) -> None:
        self.broken, self.how = False, ""
        self._late = set[int]()  # process ids
        if (config.start_method or safest_method()) == "fork":
            config.before_fork()
        self.method = config.start_method or safest_method()  # there may be a thread now
        self._patience_s = config.patience_s
        context = multiprocessing.get_context(self.method)
        self._context = PoolContext(
            context, self._enlist, partial(serve, config.leave, config.patience_s)
        )
        self._free = deque(range(config.workers * SPARE_SLOTS))
        numbers = Numbers(len(self._free) * SLOT_FIELDS, sent=self.method != "fork")
        self.slots: Slots = numbers.array
        self._changed, self._workers = changed, list[Worker]()
        self._changes = 0  # of those that run
        self._alive: tuple[int, list[int]] = -1, []  # after how many changes, and who it was
        self._gate, self._open, self._ended = threading.Lock(), False, False
        self.stillness = ForkGuard()
        self._books = threading.Lock()  # of `_workers` and `_free`: two threads keep them
        forks = self.method == "fork"
        if self.method != "fork":
            check_room(config.workers, FILES + 2 * config.workers)
            start_helpers(self.method)
        start = config.start if forks else self._pack("the start of a worker", config.start)
        try:
            self.pool: pool.Pool = QuietPool(
                config.workers,
                enter,
                (
                    self.slots if forks else numbers,
                    lifeline() if forks else (lifeline()[0], None),
                    config.limits,
                    start,
                    () if forks else import_paths.folders(),
                ),
                config.max_tasks,
                self._context,
            )
        except BaseException as error:
            self._kill()
            if not isinstance(error, Exception):
                raise
            raise WorkerError(f"workers cannot be started: {said(error)}") from error
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

    def _enlist(self, make: Callable[..., BaseProcess]) -> Worker | Nobody:
        """Make a process for the Pool, which replaces workers also while nobody looks.

        Hence the limit: workers that die as they start would be replaced thousands of times.
        """
        with self._books:
            self._forget_the_left()
            if not self._free:
                self._break("died like many before it")
                return Nobody()
            slot = self._free.popleft()
            process = make(name=f"{NAME}{slot}", daemon=True)
            child = self.method != "forkserver"
            self._workers.append(Worker(process, slot, self._launch, is_child=child))
            return self._workers[-1]

    def _forget_the_left(self) -> None:
        """Reuse the slots of those that left after their last item: that is no death."""
        for worker in list(self._workers):
            left = self.slots[worker.slot * SLOT_FIELDS] == LEFT
            if left and worker.pid is not None and worker.exitcode is not None:
                self._dismiss(worker)

    def _dismiss(self, worker: Worker) -> None:
        at = worker.slot * SLOT_FIELDS
        self.slots[at : at + SLOT_FIELDS] = [0] * SLOT_FIELDS
        self._workers.remove(worker)
        self._changes += 1
        self._free.appendleft(worker.slot)

    def _launch(self, process: BaseProcess) -> BaseProcess | Nobody:
        still = self.stillness.fork() if self.method == "fork" else nullcontext()
        with still, self._gate:
            if self._ended:
                return Nobody()
            try:
                with undisturbed(self.method):
                    process.start()
            except Exception as error:
                if not self._open:
                    raise
                self._break(f"could not be started: {said(error)}")
                return Nobody()
        self._changes += 1
        self._changed()
        return process

    def _break(self, how: str) -> None:
        self.broken, self.how = True, how
        self._changed()

    def sentinels(self) -> list[int]:
        changes = self._changes  # first: what changes meanwhile makes this list an old one
        if self._alive[0] != changes:
            started = (worker for worker in list(self._workers) if worker.pid is not None)
            self._alive = changes, [worker.sentinel for worker in started]
        return self._alive[1]

    def deaths(self) -> list[Death]:
        found = [
            self._bury(worker, how)
            for worker in list(self._workers)
            if worker.pid is not None and (how := worker.fate()) is not None
        ]
        return [death for death in found if death is not None]

    def _bury(self, worker: Worker, how: str) -> Death | None:
        """Return what a worker's death means; None where it left as it should."""
        unseen = not worker.seen_by_pool()  # not by its Pool, which would not replace it
        with self._books:
            if worker not in self._workers:  # forgotten meanwhile, and its slot is another's
                return None
            at = worker.slot * SLOT_FIELDS
            number, units = self.slots[at] - 1, self.slots[at + 1]
            self._dismiss(worker)
        # What a forkserver that died says of its children, who may well be alive.
        orphaned = self.method == "forkserver" and how == LOST
        if orphaned and worker.pid is not None:
            with suppress(OSError):
                os.kill(worker.pid, signal.SIGKILL)
        if unseen or orphaned or number == -1:
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
                connection.wait([worker.sentinel], KILL_S)  # join() would take its exit code away

    def end(self, *, clean: bool) -> None:
        with self.stillness.rest():  # or who waits for it would not end
            self._end(clean=clean)

    def _end(self, *, clean: bool) -> None:
        if self._ended:
            return
        pool = self.pool
        try:
            wait_s = self._patience_s
            steps = pool.close, pool.join, pool.terminate, self._context.close
            if clean and in_background(*steps, wait_s=wait_s):
                self._ended = True
        finally:
            if not self._ended:
                self._kill()
                in_background(self._unlock, pool.terminate, wait_s=KILL_S / 2)
            self._workers.clear()  # with the pool, they hold file descriptors in a circle
            del self.pool, pool

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
