"""The end of a run: its output takes its name, and with it the file of --errors-to. In the parent.

Both, or neither: what has its name already gives it back where the other cannot have its own. The
names change in a thread, between whose steps no signal is raised: Python raises them in the main
thread, which waits. (Only SIGKILL or a power cut between two renames leaves one of the two.)
"""

from __future__ import annotations

import _thread
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from parapply.model.errors import OutputError
from parapply.storage.atomic.output import Output
from parapply.storage.atomic.publishing import FolderSync, turn
from parapply.storage.disk_errors import DiskErrors

if TYPE_CHECKING:
    from parapply.engine.errors_file import ErrorsFile

_WAIT_S = 0.0002  # for names to change


def publish(output: Output, errors: ErrorsFile | None) -> None:
    """Make the output visible, and with it the errors, those of the same run.

    Raises OutputError where that cannot be; nothing has changed then. What is not as it should be
    afterwards is noted in `output`.
    """
    outputs = [output] if errors is None else [errors.finish(), output]
    output.prepare()
    homes = dict.fromkeys(one.home for one in outputs if one.home)
    with ExitStack() as ends:
        folders = [ends.enter_context(FolderSync(home)) for home in homes]
        with turn(output.home) if errors and output.home else nullcontext():
            uninterrupted(lambda: take_names(outputs))
        output.notes += [note for one in outputs[:-1] for note in one.notes]
        output.notes += _synced(folders, outputs)


def take_names(outputs: Sequence[Output]) -> None:
    """Publish all of them, or none."""
    try:
        for one in outputs:
            with DiskErrors(one):
                one.publish(undoable=one is not outputs[-1])
    except Exception as error:
        for one in outputs[:-1]:
            _withdraw(one, error)
        raise


def _withdraw(one: Output, error: Exception) -> None:
    try:
        if one.withdraw():
            return
        why = "its file system cannot keep the old one meanwhile"
    except OSError as another:
        why = str(another.strerror)
    raise OutputError(
        f"{error}; {one.name} is this run's all the same, and cannot be put back: {why}"
    ) from error


def uninterrupted(work: Callable[[], None]) -> None:
    """Do something short; a signal that comes once it has begun is raised when it is done."""
    once = _Once(work)
    try:
        try:
            _thread.start_new_thread(once.run, ())
        except RuntimeError:  # no thread is to be had
            once.run()
        once.wait()
    except BaseException:
        if not once.claim():  # it has begun
            once.wait()
            once.check()
        raise
    once.check()


class _Once:
    """Something that is done by whoever claims it, and waited for.

    Without a lock: one is left locked by an exception that is raised at a bad moment.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work, self._unclaimed = work, [True]
        self._raised: list[BaseException | None] = []

    def claim(self) -> bool:
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

    def run(self) -> None:
        if self.claim():
            try:
                self._work()
            except BaseException as error:  # noqa: BLE001 - `check` raises it, in another thread
                self._raised.append(error)
            else:
                self._raised.append(None)

    def wait(self) -> None:
        while not self._raised:
            time.sleep(_WAIT_S)

    def check(self) -> None:
        if (error := self._raised[0]) is not None:
            raise error


def _synced(folders: Iterable[FolderSync], outputs: Sequence[Output]) -> list[str]:
    """Have the new names on the disk; return what to say where that cannot be done."""
    failed = {folder.folder: error for folder in folders if (error := folder.sync()) is not None}
    return [
        f"{one.name} is in place, but its folder cannot be synced ({failed[one.home].strerror}): "
        "a power cut might bring the old one back"
        for one in outputs
        if one.home in failed
    ]
