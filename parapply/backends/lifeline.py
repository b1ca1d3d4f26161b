"""Has the kernel end a process when another one does. In workers.

A thread that waits for the end of a pipe cannot act while C code holds the GIL, and Linux' parent
death signal follows the *thread* that forked, or the forkserver. But a pipe may also be asked to
send a signal when its other end is closed, and that may be SIGKILL.
"""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import suppress


def end_with_writer(read: int) -> None:
    """Have this process killed when nobody has the write end of a pipe open any more.

    Does nothing where the kernel cannot do that: not Linux, or no /proc.
    """
    with suppress(AttributeError, OSError):
        # A file of our own: one that is shared with other workers could signal only one of them.
        own = os.open(f"/proc/self/fd/{read}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(own, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
