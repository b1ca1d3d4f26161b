"""Publishing by rename, in one step, and undoing it. In the parent."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from parapply.storage.atomic.attics import move_back, new_attic

_AT_FDCWD, _EXCHANGE = -100, 2  # of renameat2(2)
_FULL = (errno.ENOTEMPTY, errno.EEXIST)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def replace_folder(new: str, target: str, name: str) -> list[str]:
    """Rename a folder over another; return the old one's attics.

    Where the kernel can swap names, `target` always exists, and `new` names the old folder then.
    Where it cannot, the old one is moved aside first, and back if the rest fails.
    """
    moved: list[str] = []
    try:
        while True:
            with suppress_errors(*_FULL):
                os.rename(new, target)  # the target is missing or empty
                return moved
            with suppress(FileNotFoundError):  # another run is doing the same
                if exchange(new, target):
                    return moved
                os.rename(target, attic := new_attic(target))
                moved.append(attic)
    except BaseException:
        for attic in reversed(moved):
            move_back(attic, target, name)
        raise


def appear(new: str, target: str) -> None:
    """Rename a file or folder to a free name; raises FileExistsError."""
    if not os.path.isdir(new):
        with suppress_errors(*_NO_LINKS):
            os.link(new, target)
            return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(new, target)


class Swap:
    """An undoable rename of `new` over `target`; `old` is a free name."""

    def __init__(self, new: str, target: str, old: str) -> None:
        self._new, self._target, self._old = new, target, old
        self._put: os.stat_result | None = None
        self._way_back = True

    def do(self, *, clobber: bool) -> None:
        """Rename it; not `clobber` raises FileExistsError where a file is there."""
        put = os.stat(self._new)
        if not clobber:
            appear(self._new, self._target)
        elif not self._keep_old():
            os.replace(self._new, self._target)
        self._put = put

    def undo(self) -> bool:
        """Restore the old file unless a third replaced it; whether that was possible."""
        if self._put is None or not os.path.samestat(self._put, os.stat(self._target)):
            return True
        if os.path.lexists(self._old):
            self._put_back()
        elif self._way_back:
            os.unlink(self._target)
        return self._way_back

    def _put_back(self) -> None:
        """Rename the old file back; where that fails, unlink and link in two steps."""
        try:
            os.replace(self._old, self._target)
        except OSError:
            if os.path.lexists(self._new):  # the two were swapped
                raise
            os.link(self._target, self._new)
            os.unlink(self._target)
            try:
                os.link(self._old, self._target)
            except OSError:
                os.link(self._new, self._target)
                raise

    def _keep_old(self) -> bool:
        """Keep the old file under a second name; True where that swapped the two already."""
        try:
            with suppress_errors(*_NO_LINKS):
                os.link(self._target, self._old)
                return False
            if exchange(self._new, self._target):
                self._old = self._new
                return True
            self._way_back = False
        except FileNotFoundError:
            pass
        return False


def exchange(one: str, other: str) -> bool:
    """Swap two names; False where kernel, file system or C library cannot."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), one, None, other)


@contextmanager
def suppress_errors(*numbers: int) -> Iterator[None]:
    """Suppress OSErrors with one of these errnos."""
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise
