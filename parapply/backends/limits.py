"""What a worker process may take: memory, and threads of the libraries that it calls.

Runs in the worker, before anything of the user's is loaded.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

from parapply.backends.cores import thread_settings
from parapply.model.errors import WorkerError
from parapply.model.records import record

OUT_OF_MEMORY = 121  # the exit code of a worker that has no memory left to go on
_UNIT = 1 << 20


@record
class Limits:
    """The limits of one worker; None: no limit."""

    memory_bytes: int | None = None
    threads: int | None = None

    def set(self) -> None:
        """Set them for this process; raises WorkerError where it is beyond them already."""
        if self.threads is not None:
            _limit_threads(self.threads)
        if self.memory_bytes is not None:
            _limit_memory(self.memory_bytes)


def is_exhausted(error: BaseException) -> bool:
    """Whether memory ran out, and would for the next row too: this one alone is not to blame.

    A row that fails of memory leaves most of it free when it has failed. Where it does not, other
    rows' results, or what the function keeps, fill the worker.
    """
    if not (isinstance(error, MemoryError) and _allowed):
        return False
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    return _status("RssAnon") > _allowed[-1] // 2


def leave_exhausted() -> NoReturn:
    """End a worker that has no memory left, so that a fresh one takes its place."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(OUT_OF_MEMORY)


_allowed: list[int] = []  # bytes, once they are limited


def _limit_memory(size_bytes: int) -> None:
    """Have the kernel refuse more private memory than that: RLIMIT_DATA.

    RLIMIT_AS would count libraries and mapped input, too. Arrow's own allocator reserves a
    gigabyte at once, so it is given malloc; what was reserved before, and not used, is not counted.
    """
    import resource

    used = _status("RssAnon")
    if used >= size_bytes:
        raise WorkerError(
            f"--memory-limit: a worker has {used // _UNIT + 1} MB before its first row, "
            f"more than {size_bytes // _UNIT} MB"
        )
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    if (arrow := _loaded("pyarrow")) is not None:
        arrow.set_memory_pool(arrow.system_memory_pool())
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = size_bytes + _status("VmData") - used
    if most != resource.RLIM_INFINITY:
        allowed = min(allowed, most)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, most))
    _allowed.append(size_bytes)


def _limit_threads(count: int) -> None:
    """Say it to libraries that are to be loaded, and to Arrow, which is loaded in a fork."""
    settings = thread_settings(count, os.environ)
    os.environ.update(settings)
    arrow = _loaded("pyarrow")
    if arrow is not None and "OMP_NUM_THREADS" in settings:
        arrow.set_cpu_count(count)
    if arrow is not None and "ARROW_IO_THREADS" in settings:
        arrow.set_io_thread_count(int(settings["ARROW_IO_THREADS"]))


def _loaded(name: str) -> Any:
    return sys.modules.get(name)


def _status(field: str) -> int:
    """Return a figure of this process, in bytes."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0
