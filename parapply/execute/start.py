"""How a worker starts and ends: in the worker, before its first chunk and after its last."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import pickle
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from parapply.functions.load import Function
from parapply.model.records import record
from parapply.runtime import printed_lines
from parapply.runtime.context import RunInfo, WorkerContext, bind, leaving, unbind

if TYPE_CHECKING:
    from parapply.functions.hooks import Hook


@record
class Start:
    """Binds the worker's context, calls the function of --init, and loads FUNCTION, in this order.

    So the class that FUNCTION may be finds in `worker.state` what --init has put there.
    """

    function: Function | None
    place: RunInfo
    init: Hook | None = None

    def __call__(self) -> None:
        """Start."""
        context = _began.context = bind(self.place)
        _take_name(context)
        printed_lines.install()
        if self.init is not None:
            result = self.init.call()
            if inspect.iscoroutine(result):
                self.init.guard(context.run, result)
        if self.function is not None:
            context.function, context.close = self.function.open()


class _Began(threading.local):
    context: WorkerContext | None = None


_began = _Began()


def leave() -> None:
    """End the worker that this thread is, if it is one: close what FUNCTION made.

    Never raises: what the user's code raises is left in the run's folder for the parent to see,
    and so is the fact that it was begun, should it not come to an end.
    """
    context, _began.context = _began.context, None
    if context is None:
        return
    try:
        if context.close is not None:
            _close(context, context.close)
    finally:
        context.function = context.close = None
        context.end_loop()
        printed_lines.uninstall(context)
        unbind(context)
        for step in leaving:
            step()


def _close(context: WorkerContext, close: Callable[[], Any]) -> None:
    note = os.path.join(context.place.folder, f"leaving-{os.getpid()}-{threading.get_native_id()}")
    with suppress(FileNotFoundError):  # the run was given up, and its folder removed
        _write(note, b"")
        try:
            if inspect.isawaitable(result := close()):
                context.run(_await(result))
        except Exception as error:  # noqa: BLE001  the user's code
            from parapply.functions.hooks import raised

            name = getattr(close, "__qualname__", None) or "__exit__"
            _write(note, pickle.dumps(raised(name, error)))
        else:
            os.unlink(note)


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


async def _await(result: Awaitable[Any]) -> None:
    await result


def _take_name(context: WorkerContext) -> None:
    """Give the process, or the thread of a pool, the worker's name; `ps` shows it too."""
    thread = threading.current_thread()
    if multiprocessing.parent_process() is not None:
        multiprocessing.current_process().name = context.name
    elif type(thread).__module__ != "multiprocessing.dummy":
        return  # the caller's own thread: a serial run
    thread.name = context.name
    with suppress(OSError):  # by os: pathlib takes hundreds of threads longer
        comm = os.open(f"/proc/self/task/{threading.get_native_id()}/comm", os.O_WRONLY)
        try:
            os.write(comm, context.name.encode())
        finally:
            os.close(comm)
