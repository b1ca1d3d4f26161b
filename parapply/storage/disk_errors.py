"""OSErrors in words: which file, why, and the remedy. In the parent."""

from __future__ import annotations

import errno
import os

from parapply.model.errors import InputError, OutputError, ParapplyError, WorkerError
from parapply.storage.atomic.output import Output
from parapply.storage.system_limits import met, reason

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ELSEWHERE = "(--temp-dir DIR puts temporary files elsewhere)"


class DiskErrors:
    """A context that turns OSErrors into ParapplyErrors.

    `others` maps further files and folders to the words (an option) that messages begin with.
    Not `all_`: only errors of the output are turned.
    """

    def __init__(
        self, output: Output, others: dict[str, str] | None = None, *, all_: bool = True
    ) -> None:
        self.others = {} if others is None else others
        self._output, self._all = output, all_

    def __enter__(self) -> DiskErrors:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            said = self._explained(error)
            if self._all or isinstance(said, OutputError):
                raise said from error

    def _explained(self, error: OSError) -> ParapplyError:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return WorkerError(met(error) or str(error))  # whichever file it was
        why = reason(error)
        path = "" if error.filename is None else os.fsdecode(error.filename)
        full = error.errno in FULL
        for place, words in self.others.items():
            if _is_in(path, place):
                return OutputError(f"{words}: {why}")
        output = self._output
        if not path or path == output.name:
            return OutputError(f"{output.name}: {why}")
        folder = next((one for one in output.folders if _is_in(path, one)), None)
        if folder is None:  # an input, unless the error is one of writing
            kind = OutputError if full or error.errno == errno.EROFS else InputError
            return kind(f"{path}: {why}")
        where = os.path.dirname(folder)
        if output.restartable and _is_in(path, output.parts):
            return OutputError(f"{output.name}: cannot write in {where}: {why}")
        if output.temp_dir is not None:
            return OutputError(f"--temp-dir {output.temp_dir}: {why}")
        what = output.name if output.restartable else "temporary files"
        hint = f" {_ELSEWHERE}" if full else ""
        return OutputError(f"{what}: cannot write in {where}: {why}{hint}")


def _is_in(path: str, place: str) -> bool:
    """Whether a path is `place` or in it; a restarted output has a plus at its end."""
    base = place.rstrip("+" + os.sep)
    return path.startswith(base) and path[len(base) :].lstrip("+")[:1] in ("", os.sep)
