"""Whether a process holds on to memory that it has freed. Runs in worker processes only."""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress

from parapply.model.deferred_imports import has_arrow, pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_LARGEST = 1 << 25  # the most that glibc takes for _MMAP_THRESHOLD
_KEPT = 1 << 30
_POOL = "ARROW_DEFAULT_MEMORY_POOL"  # what a person chose stays
_SMALL = 1 << 17


def keep_freed() -> None:
    """Have the next chunk use the memory of the one before, as far as glibc gives it out.

    By default a buffer of a few megabytes goes back to the kernel when it is freed, and the next
    one is cleared page by page: a tenth of the CPU time of a row job. The peak stays the same.
    Arrow is given jemalloc, which keeps what is used again and gives back the rest: a seventh less
    CPU time for a chunk job than its own mimalloc, which keeps all, or nothing.
    """
    if has_arrow() and _POOL not in os.environ:
        with suppress(NotImplementedError):  # not all builds of Arrow have it
            pa.set_memory_pool(pa.jemalloc_memory_pool())
    with suppress(AttributeError, OSError):  # another C library: what it does is its own affair
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _KEPT)


_PAUSE_S = 0.05  # giving back takes up to a millisecond: no more than that of every fifty
_given_s = 0.0  # when it was done last, by the monotonic clock


def give_back() -> None:
    """Have Arrow, between two chunks, return what it has freed to the system, now and then.

    Its pool keeps freed memory for as long as it likes: of two equal chunks the later one might
    need a quarter more, and a worker's peak would depend on how long it runs. jemalloc does not.
    """
    global _given_s
    if not has_arrow() or (pool := pa.default_memory_pool()).backend_name == "jemalloc":
        return
    if (now := time.monotonic()) >= _given_s + _PAUSE_S:
        pool.release_unused()
        _given_s = now


def keep_nothing() -> None:
    """Have what is freed go back to the kernel at once: for a process that converts a whole table.

    With this a table that is converted column by column takes little more than its own size, with
    Arrow's own allocator, which keeps what is freed for a while, nearly twice that.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _SMALL)
