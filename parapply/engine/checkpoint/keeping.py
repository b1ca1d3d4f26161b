"""What a checkpoint hands to a run, and what a run has that keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from parapply.engine.inputs.sources import Inputs
from parapply.formats.api import Index, Source
from parapply.model.chunk import Chunk
from parapply.model.outcome import Outcome


class Resumed(Protocol):
    """Takes what a checkpoint has."""

    def resume(self, chunk: Chunk, outcome: Outcome) -> None:
        """Take a chunk that is done."""
        ...

    def split(self, chunk: Chunk) -> None:
        """Hear that a chunk comes as two halves."""
        ...


class NoCheckpoint:
    """What a run has that keeps nothing."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __enter__(self) -> NoCheckpoint:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def begin(self, inputs: Inputs, function: Any, workers: int) -> int:
        """Chunks are cut for the workers that there are."""
        return workers

    def left(
        self,
        chunks: Iterator[Chunk],
        indexes: Mapping[int, Index],
        sources: tuple[Source, ...],
        run: Resumed,
    ) -> Iterator[Chunk]:
        """All are left to do."""
        return chunks

    def done(self, outcome: Outcome) -> None:
        """Nothing is kept."""

    def split(self, number: tuple[int, ...], rows: int) -> None:
        """Nothing is kept."""

    def commit(self) -> None:
        """Nothing is kept."""

    def finish(self, failed: int) -> None:
        """Nothing was kept."""
