"""Which signals a run relies on, in a process that is somebody else's. In the parent."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NEEDED = (signal.SIGCHLD, signal.SIGALRM)  # a worker's end, and --timeout


@contextmanager
def heeding() -> Iterator[None]:
    """While open, they arrive in this thread; then all is as it was before.

    Where SIGCHLD is ignored the kernel keeps no exit codes. Only the main thread may change that;
    for others backends/members.py does without.
    """
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, _NEEDED)
    in_main = threading.current_thread() is threading.main_thread()
    ignored = in_main and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        if ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
