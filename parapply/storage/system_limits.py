"""Limits of the system that a run meets, in words: which, how much it allows, what would help."""

from __future__ import annotations

import errno
import resource

from parapply.model.errors import WorkerError

_RAISE = "raise that, or use fewer --workers"


def said(error: BaseException) -> str:
    """Say what went wrong as processes, threads or files were opened.

    The forkserver, which ends where it cannot fork, is only heard to be gone.
    """
    if isinstance(error, (EOFError, ConnectionError)):
        most = _allowed(resource.RLIMIT_NPROC, "processes and threads", "ulimit -u")
        return f"a helper of theirs has ended, as it does where {most}; {_RAISE}"
    return met(error) or str(error)


def reason(error: OSError) -> str:
    """Say what went wrong with a file, which the sentence names already."""
    return met(error) or error.strerror or str(error)


def met(error: BaseException) -> str | None:
    """Say which limit an error comes from; None where it comes from none."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMFILE:
        return f"{_allowed(resource.RLIMIT_NOFILE, 'open files', 'ulimit -n')}; {_RAISE}"
    if number == errno.ENFILE:
        return "the system has as many files open as it allows (fs.file-max); use fewer --workers"
    if number == errno.EAGAIN or (isinstance(error, RuntimeError) and "new thread" in str(error)):
        most = _allowed(resource.RLIMIT_NPROC, "processes and threads", "ulimit -u")
        return f"{most}; {_RAISE}"
    return None


def check_room(workers: int, files: int) -> None:
    """Raise WorkerError where less than that many files may be open.

    For what is started then would say so in its own words, many of them.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < files:
        allowed = _allowed(resource.RLIMIT_NOFILE, "open files", "ulimit -n")
        need = f"{workers} worker{'s' * (workers > 1)} need {files}"
        raise WorkerError(f"workers cannot be started: {allowed}, and {need}; {_RAISE}")


def _allowed(limit: int, what: str, command: str) -> str:
    most, _ = resource.getrlimit(limit)
    if most == resource.RLIM_INFINITY:
        return f"no more {what} are allowed (pids.max of the container, say)"
    return f"no more than {most} {what} are allowed ({command})"
