"""System limits in error messages: which one, its value, and the remedy."""

from __future__ import annotations

import errno
import resource

from parapply.model.errors import WorkerError

_RAISE = "raise that, or use fewer --workers"
_TASKS = (resource.RLIMIT_NPROC, "processes and threads", "ulimit -u")
_FILES = (resource.RLIMIT_NOFILE, "open files", "ulimit -n")


def said(error: BaseException) -> str:
    """Say why processes, threads or files could not be opened."""
    if isinstance(error, (EOFError, ConnectionError)):  # a forkserver that cannot fork just exits
        return f"a helper of theirs has ended, as it does where {_allowed(*_TASKS)}; {_RAISE}"
    return met(error) or str(error)


def reason(error: OSError) -> str:
    """Say why a file operation failed, without the file's name."""
    return met(error) or error.strerror or str(error)


def met(error: BaseException) -> str | None:
    """Say which limit an error comes from; None for other errors."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMFILE:
        return f"{_allowed(*_FILES)}; {_RAISE}"
    if number == errno.ENFILE:
        return "the system has as many files open as it allows (fs.file-max); use fewer --workers"
    if number == errno.EAGAIN or (isinstance(error, RuntimeError) and "new thread" in str(error)):
        return f"{_allowed(*_TASKS)}; {_RAISE}"
    return None


def check_room(workers: int, files: int) -> None:
    """Raise WorkerError where the limit of open files is below `files`."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < files:
        need = f"{workers} worker{'s' * (workers > 1)} need {files}"
        raise WorkerError(f"workers cannot be started: {_allowed(*_FILES)}, and {need}; {_RAISE}")


def _allowed(limit: int, what: str, command: str) -> str:
    most, _ = resource.getrlimit(limit)
    if most == resource.RLIM_INFINITY:
        return f"no more {what} are allowed (pids.max of the container, say)"
    return f"no more than {most} {what} are allowed ({command})"
