"""What workers print and log, in whole lines with the worker's name. Runs in workers.

`sys.stdout` and `sys.stderr` are replaced while there are workers in the process. Each line is
written at once, under a lock of the run, so that lines of two workers never mix (where there are
no locks: unless the system cuts one in two); on a terminal it takes the place of the bar, which
the parent draws again below it.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from parapply.runtime.context import WorkerContext, speaker
from parapply.storage import locks
from parapply.storage.descriptors import is_lost, own

_ERASE = "\r\x1b[K"  # the bar, which is a line without an end
_MOST = 1 << 16  # characters of a line that has no end yet


class _Rest(threading.local):
    text = ""


class PrintedLines(io.TextIOBase):
    """A text stream: lines of workers go whole to the one `beneath`, all else as it comes."""

    def __init__(self, beneath: Any) -> None:
        self.beneath = beneath
        self._rest = _Rest()
        self._unlogged = set[str]()  # logs that could not be written to

    def write(self, text: str) -> int:
        """Write the lines that have an end now."""
        context = speaker()
        if context is None:
            self.beneath.write(text)
            return len(text)
        held = self._rest.text + text
        whole, newline, rest = held.rpartition("\n")
        self._rest.text = rest.rpartition("\r")[2]  # of a bar in the function its last state
        if newline or len(rest) > _MOST:
            self._emit(context, whole if newline else rest)
            self._rest.text = self._rest.text if newline else ""
        return len(text)

    def finish(self, context: WorkerContext) -> None:
        """Write a line that has no end, as nothing will be added to it."""
        if self._rest.text:
            self._emit(context, self._rest.text)
            self._rest.text = ""

    def flush(self) -> None:
        """Nothing that can be written is held back."""
        if speaker() is None:
            self.beneath.flush()

    def __del__(self) -> None:
        """Do nothing, not even flush: the stream beneath is another's, and may be closed by now."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As of the stream beneath."""
        return getattr(self.beneath, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """As of the stream beneath."""
        return bool(self.beneath.isatty())

    def fileno(self) -> int:
        """As of the stream beneath."""
        return int(self.beneath.fileno())

    def writable(self) -> bool:
        """Yes."""
        return True

    def _emit(self, context: WorkerContext, text: str) -> None:
        place, name = context.place, context.name
        if place.log_file is not None:
            name = f"{_now()} {name}"
        lines = "".join(f"{name}: {line}\n" for line in text.split("\n"))
        if place.log_file is not None:
            lines = self._logged(place.log_file, lines)
        if lines:
            self._say(place.folder, lines)

    def _logged(self, path: str, lines: str) -> str:
        """Write lines to the log; return what is to be said instead, where that cannot be.

        The function's row is not to blame for a disk that is full.
        """
        try:
            _append(path, lines)
        except OSError as error:
            warning = f"parapply: warning: --log-file {path}: {error.strerror}; lines come here\n"
            lines = lines if path in self._unlogged else warning + lines
            self._unlogged.add(path)
            return lines
        return ""

    def _say(self, folder: str, lines: str) -> None:
        try:
            number = self.beneath.fileno()
        except (OSError, ValueError, AttributeError):  # of a notebook or a test: a stream alone
            self.beneath.write(lines)
            return
        if os.isatty(number) and os.environ.get("TERM") != "dumb":
            lines = _ERASE + lines
        if os.path.isdir(folder):  # else the run is over, and its folder gone
            with _turn(folder):
                if not is_lost(number):
                    _write(number, _bytes(lines))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03d}"


def _append(path: str, lines: str) -> None:
    file = _locked(path)
    try:
        _write(file, _bytes(lines))
    finally:
        os.close(file)


@contextmanager
def _turn(folder: str) -> Iterator[None]:
    """Have the terminal to oneself, among workers; on a full disk, say, together with others."""
    lock = None
    with suppress(OSError):
        lock = _locked(os.path.join(folder, "lines"))
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError):  # nothing was written to it
                os.close(lock)


def _locked(path: str) -> int:
    """Open a file that is locked, if it can be; a worker that dies then holds nobody up."""
    file = own(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666))
    with suppress(OSError):
        locks.take(file, wait=True)
    return file


def _write(number: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(number, view) :]


_gate = threading.Lock()
_workers = 0  # in this process


def install() -> None:
    """Have what this process's workers print and log arrive in whole lines."""
    global _workers
    with _gate:
        _workers += 1
        if _workers == 1:
            _replace(lambda stream: stream if stream is None else PrintedLines(stream))


def uninstall(context: WorkerContext) -> None:
    """Undo `install`, in the same thread."""
    global _workers
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, PrintedLines):
            stream.finish(context)
    with _gate:
        _workers -= 1
        if _workers == 0:
            _replace(lambda stream: getattr(stream, "beneath", stream))


def _replace(change: Callable[[Any], Any]) -> None:
    """Replace the standard streams, also where the user's logging writes to them already."""
    streams = {id(stream): (stream, change(stream)) for stream in (sys.stdout, sys.stderr)}
    sys.stdout, sys.stderr = streams[id(sys.stdout)][1], streams[id(sys.stderr)][1]
    for handler in _handlers():
        if (found := streams.get(id(getattr(handler, "stream", None)))) is not None:
            handler.setStream(found[1])


def _handlers() -> list[Any]:
    """The handlers of all loggers that write to a stream, if logging is used at all."""
    if (logging := sys.modules.get("logging")) is None:
        return []
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    every = {handler for logger in loggers for handler in getattr(logger, "handlers", ())}
    return [handler for handler in every if isinstance(handler, logging.StreamHandler)]


def _forget() -> None:
    global _gate
    _gate = threading.Lock()


os.register_at_fork(after_in_child=_forget)
