"""How a process becomes a worker, and how it leaves. Runs in the worker."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from parapply.backends.codec import WIRE, unpack
from parapply.backends.lifeline import end_with_writer
from parapply.backends.limits import Limits
from parapply.backends.worker_loop import Slots, begin, say_left
from parapply.functions import import_paths
from parapply.model.errors import WorkerError
from parapply.runtime.allocation import keep_freed
from parapply.storage.descriptors import watch

NAME = "parapply-"  # and the number of its slot: what a worker's process is called
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(
    leave: Callable[[], None], patience_s: float, loop: Callable[..., None], *arguments: Any
) -> None:
    """Run the Pool's loop, which ends when there is nothing more to do, and say so."""
    loop(*arguments)
    say_left(patience_s)
    leave()


def enter(
    slots: Slots,
    lifeline: tuple[Any, Any],
    limits: Limits,
    start: Callable[[], None] | bytes,
    folders: tuple[str, ...] = (),
) -> None:
    """Start a worker: what its Pool calls first. `folders`: of a person's modules."""
    for folder in folders:
        import_paths.add(folder)
    slot = int(multiprocessing.current_process().name.removeprefix(NAME))
    begin(slots, slot, WIRE, partial(_start, lifeline, limits, start))


def _start(lifeline: tuple[Any, Any], limits: Limits, start: Callable[[], None] | bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup stays nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whoever started the command may block some
    watch()
    end_with_writer(lifeline[0].fileno())
    read, write = lifeline
    if write is not None:
        write.close()
    threading.Thread(target=_follow, args=(read,), name="parapply-lifeline", daemon=True).start()
    gc.freeze()  # or the collector would write to, and so copy, all that came with the fork
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


def _follow(read: Any) -> None:
    """End with the parent, however it ends."""
    with suppress(EOFError, OSError):
        read.recv_bytes()
    os._exit(1)
