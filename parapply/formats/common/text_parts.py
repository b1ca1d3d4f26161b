"""Joining parts of text, in any text format, by copying bytes. In the parent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from parapply.formats.nouns import Arrangement, Writing
from parapply.storage.codecs import compression
from parapply.storage.copying import copy
from parapply.storage.private import reopen


class TextJoiner:
    """Writes the output's head, then the bytes of each part.

    `head` returns the head, and what comes between it and the first part; `alone` follows the head
    if there are no parts.
    """

    def __init__(
        self,
        writing: Writing,
        head: Callable[[Arrangement], tuple[bytes, bytes]],
        alone: bytes = b"",
    ) -> None:
        self.writing, self.head, self.alone = writing, head, alone

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        self.writer = compression.open_writer(file, self.writing.compression, self.writing.encoding)
        head, self._owed = self.head(arrangement)
        self._rest = self.alone
        self.writer.write(head)
        self.writer.flush()

    def append(self, part: str | bytes) -> None:
        self._lead()
        if isinstance(part, bytes):
            self.writer.write(part)
            self.writer.flush()
            return
        with reopen(part) as file:
            if self.writer.plain:
                copy(file, 0, os.fstat(file.fileno()).st_size, self.writer.file)
                return
            shutil.copyfileobj(file, self.writer, 1 << 20)
            self.writer.flush()

    def reserve(self, size: int) -> int | None:
        if not self.writer.plain:
            return None
        self._lead()
        place: int = self.writer.file.tell()
        self.writer.file.seek(place + size)
        return place

    def _lead(self) -> None:
        self._rest = b""
        if self._owed:
            self.writer.write(self._owed)
            self.writer.flush()
            self._owed = b""

    def finish(self) -> None:
        self.writer.write(self._rest)
        self.writer.finish()

    def abandon(self) -> None:
        """Nothing holds on to the file."""
