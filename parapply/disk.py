"""What goes wrong with files, in words: which file, why, and what would help. In the parent."""

from __future__ import annotations

import errno
import os

from parapply.errors import InputError, OutputError, ParapplyError
from parapply.outputs.output import Output

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskErrors:
    """While open, errors of the operating system become errors of ours.

    `output` is what is written. Not `all_`: those that name other files are left as they are.
    """

    def __init__(self, output: Output, *, all_: bool = True) -> None:
        self._output, self._all = output, all_

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            said = explained(error, self._output)
            if self._all or isinstance(said, OutputError):
                raise said from error


def explained(error: OSError, output: Output) -> ParapplyError:
    """Return what to tell a person; what is in none of our folders is an input."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    path = "" if error.filename is None else os.fsdecode(error.filename)
    folder = next((one for one in output.folders if path.startswith(one + os.sep)), None)
    if path and folder is None and path != output.name:
        wrote = error.errno in (*_FULL, errno.EROFS)  # in --checkpoint, say
        return (OutputError if wrote else InputError)(f"{path}: {reason}")
    if folder is None:
        return OutputError(f"{output.name}: {reason}")
    message = f"{output.name}: cannot write in {os.path.dirname(folder)}: {reason}"
    if error.errno in _FULL:
        message += " (--temp-dir DIR puts temporary files elsewhere)"
    return OutputError(message)
