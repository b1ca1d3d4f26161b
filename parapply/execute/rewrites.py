"""What a worker is given besides chunks: parts to write anew, to copy, and files to complete."""

from __future__ import annotations

import os
from typing import Any

from parapply.formats.api import Target
from parapply.formats.nouns import Arrangement
from parapply.model.chunk import Chunk
from parapply.model.outcome import Outcome
from parapply.model.records import record
from parapply.storage.api import Folders
from parapply.storage.copying import copy, send_on
from parapply.storage.private import Naming, reopen
from parapply.storage.registry import file_system_of


@record
class Rewrite:
    """A part to write anew, because another part showed that its columns are of other types."""

    chunk: Chunk  # without data
    outcome: Outcome
    columns: tuple[tuple[str, Any], ...]  # name and type of each made column
    path: str  # where to write
    shape: str  # of all parts: this one may have none

    @property
    def number(self) -> tuple[int, ...]:
        """The chunk's."""
        return self.chunk.number


class _Numbered:
    """What is done for the output, and may be done twice: its worker may die right after it."""

    __slots__ = ()
    part: tuple[int, ...]  # its chunk's number
    kind = 0  # below 0, and each kind's own

    @property
    def number(self) -> tuple[int, ...]:
        """Unlike any chunk's, and before all of them."""
        return (self.kind, *self.part)


@record
class Copy(_Numbered):
    """A part whose bytes have their place in the output: the parent alone would take too long."""

    kind = -2

    part: tuple[int, ...]
    source: str  # where the part is
    path: str  # the output
    start: int  # in bytes
    size: int
    drop: bool  # nobody needs the part any more
    alone: bool = False  # as in Outcome

    def run(self, target: Target) -> None:
        """Copy the part."""
        del target
        try:
            with reopen(self.path, "r+b") as file, reopen(self.source) as part:
                file.seek(self.start)
                with Naming(self.path):
                    copy(part, 0, self.size, file)
                send_on(file.fileno(), self.start, self.size)
        except FileNotFoundError:
            if os.path.exists(self.path):  # else it has been begun anew, under another name
                raise


@record
class Seal(_Numbered):
    """Finish one part as a standalone output file."""

    kind = -1

    part: tuple[int, ...]
    source: str | None  # where the part is; None: no rows at all
    path: str
    arrangement: Arrangement
    types: tuple[Any, ...]

    def run(self, target: Target) -> None:
        """Write the file, and have it stored."""
        try:
            self._write(target)
        except FileNotFoundError:
            if os.path.isdir(os.path.dirname(self.path)):  # else it has been begun anew
                raise

    def _write(self, target: Target) -> None:
        system = file_system_of(self.path)
        assert isinstance(system, Folders)
        with system.create(self.path) as file:
            joiner = target.joiner()
            joiner.begin(file, self.arrangement, self.types)
            if self.source is not None:
                joiner.append(self.source)
            joiner.finish()


OutputTask = Copy | Seal
