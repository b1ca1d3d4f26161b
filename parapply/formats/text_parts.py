"""How parts of text are put together, whatever the format: by copying bytes. In the parent."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from parapply import transport
from parapply.formats import Arrangement, Writing


class TextJoiner:
    """Writes what the output begins with, then the bytes of each part."""

    def __init__(self, writing: Writing, head: Callable[[Arrangement], bytes]) -> None:
        self.writing, self.head = writing, head

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Write the head."""
        del types
        self.writer = transport.open_writer(file, self.writing.compression, self.writing.encoding)
        self.writer.write(self.head(arrangement))
        self.writer.flush()

    def append(self, path: str) -> None:
        """Copy a part's bytes, by the kernel where it can."""
        with open(path, "rb") as part:
            if not (self.writer.plain and _sent(part, self.writer.file)):
                shutil.copyfileobj(part, self.writer, 1 << 20)
                self.writer.flush()

    def finish(self) -> None:
        """End what is compressed."""
        self.writer.finish()

    def abandon(self) -> None:
        """Nothing holds on to the file."""


def _sent(part: BinaryIO, file: BinaryIO) -> bool:
    """Have the kernel copy a file; False where it does not copy to such a file."""
    left = os.fstat(part.fileno()).st_size
    try:
        while left:
            left -= os.sendfile(file.fileno(), part.fileno(), None, left)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):  # a file opened to append, say
            raise
        return False
    return True
