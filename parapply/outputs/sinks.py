"""What the assembler writes parts to: one file, or a folder of part files. In the parent."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from parapply.calls.items import Seal
from parapply.formats import Arrangement, Joiner, Target
from parapply.job import Outcome
from parapply.outputs.output import Output


class Sink(Protocol):
    """Takes parts, in order, once it has begun."""

    @property
    def waiting(self) -> bool:
        """Whether workers are still at parts that were taken in."""
        ...

    def begin(self, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Start an empty output with these columns."""
        ...

    def append(self, part: Outcome) -> None:
        """Take a part in."""
        ...

    def close(self) -> None:
        """Complete the output."""
        ...

    def abandon(self) -> None:
        """Let go of an output that is thrown away."""
        ...


class FileSink:
    """One file: parts are joined here, as they come."""

    waiting = False

    def __init__(self, output: Output, target: Target) -> None:
        self._output, self._target = output, target
        self._joiner: Joiner | None = None

    def begin(self, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Open the output, anew where it was open, and write what comes before the parts."""
        self.abandon()
        self._joiner = self._target.joiner()
        with self._output.naming():
            self._joiner.begin(self._output.open(), arrangement, types)

    def append(self, part: Outcome) -> None:
        """Add a part's bytes or rows."""
        assert self._joiner is not None
        with self._output.naming():
            self._joiner.append(part.path if part.held is None else part.held)
            self._output.push()

    def close(self) -> None:
        """Write what comes after the parts."""
        assert self._joiner is not None
        with self._output.naming():
            self._joiner.finish()
        self._joiner = None

    def abandon(self) -> None:
        """Let go of the file."""
        if self._joiner is not None:
            self._joiner.abandon()
            self._joiner = None


class FolderSink:
    """A folder of part files, each of which a worker completes: `ask` has it done."""

    def __init__(self, output: Output, target: Target, ask: Callable[[Seal], None]) -> None:
        self._output, self._target, self._ask = output, target, ask
        self._files = 0
        self._sealing: set[tuple[int, ...]] = set()

    @property
    def waiting(self) -> bool:
        """Whether workers are still at part files."""
        return bool(self._sealing)

    def begin(self, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Start anew: files that are there already are written over."""
        self._arrangement, self._types, self._files = arrangement, tuple(types), 0

    def append(self, part: Outcome) -> None:
        """Have the next file made of a part."""
        path = os.path.join(self._output.parts, f"part-{self._files:05d}{self._target.suffix}")
        seal = Seal(part.number, part.path, path, self._arrangement, self._types)
        self._files += 1
        self._sealing.add(seal.number)
        self._ask(seal)

    def sealed(self, seal: Seal) -> None:
        """Hear that a file is complete."""
        self._sealing.discard(seal.number)

    def close(self) -> None:
        """Have a file with no rows where there is no part at all."""
        if not self._files:
            path = os.path.join(self._output.parts, f"part-00000{self._target.suffix}")
            Seal((0,), None, path, self._arrangement, self._types).run(self._target)

    def abandon(self) -> None:
        """Nothing is held."""
