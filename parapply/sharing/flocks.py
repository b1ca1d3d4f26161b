"""Files of a run's folder that one worker at a time locks; the kernel frees those of the dead.

Each lock that is held has a descriptor of its own, so that threads exclude each other as
processes do.
"""

from __future__ import annotations

import fcntl
import os
import re
import sys
import time

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
LEAST_S, MOST_S = 0.0005, 0.02  # between two looks, where there is nothing to wait on


def path_of(folder: str, kind: str, name: str) -> str:
    """Return the file that stands for a name, whatever characters that has."""
    if not isinstance(name, str):
        raise TypeError(f"worker.{kind}({name!r}): a name is text")
    plain = re.fullmatch(r"[\w-]{1,80}", name, re.ASCII)
    return os.path.join(folder, f"{kind}-{name if plain else '.' + _digest(name)}")


def _digest(name: str) -> str:
    import hashlib

    return hashlib.blake2s(name.encode("utf-8", "surrogatepass")).hexdigest()


def in_loop() -> bool:
    """Whether this thread runs an event loop, which nothing may hold up."""
    events = sys.modules.get("asyncio.events")
    return events is not None and events._get_running_loop() is not None


def try_flock(path: str) -> int | None:
    """Return a descriptor that holds the lock of a file, or None where another one has it."""
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def flock(path: str, until: float | None = None) -> int | None:
    """Wait for the lock of a file; return a descriptor that holds it, or None after `until`."""
    if until is None:
        descriptor = os.open(path, _FLAGS, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
    pause = LEAST_S
    while (found := try_flock(path)) is None and time.monotonic() < until:
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(pause * 2, MOST_S)
    return found
