"""What a worker is given besides chunks: parts to write anew, and files to complete."""

from __future__ import annotations

import os
from typing import Any

from parapply.formats import Arrangement, Target
from parapply.job import Chunk, Outcome
from parapply.naming import Naming
from parapply.records import record


@record
class Refit:
    """A part to write anew, because another part showed that its columns are of other types."""

    chunk: Chunk  # without data
    part: Outcome
    columns: tuple[tuple[str, Any], ...]  # name and type of each made column
    path: str  # where to write

    @property
    def number(self) -> tuple[int, ...]:
        """The chunk's."""
        return self.chunk.number


@record
class Seal:
    """A part of which a file of its own is to be made, complete with what such files have."""

    part: tuple[int, ...]  # its chunk's number
    source: str | None  # where the part is; None: no rows at all
    path: str
    arrangement: Arrangement
    types: tuple[Any, ...]

    @property
    def number(self) -> tuple[int, ...]:
        """Unlike any chunk's, and before all of them."""
        return (-1, *self.part)

    def run(self, target: Target) -> None:
        """Write the file, and sync it: nothing else will before the folder is published."""
        with Naming(self.path), open(self.path, "wb") as file:
            joiner = target.joiner()
            joiner.begin(file, self.arrangement, self.types)
            if self.source is not None:
                joiner.append(self.source)
            joiner.finish()
            file.flush()
            os.fsync(file.fileno())
