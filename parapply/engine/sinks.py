"""What the assembler writes parts to: one file, or a folder of part files. In the parent."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from parapply.execute.results.stored import discard
from parapply.execute.rewrites import Copy, OutputTask, Seal
from parapply.formats.api import Joiner, Target
from parapply.formats.nouns import Arrangement
from parapply.model.outcome import Outcome
from parapply.storage.atomic.output import Output

_LARGE = 1 << 18  # bytes of a part that a worker copies: the parent is done with less at once


class Sink(Protocol):
    """Takes parts, in order, once it has begun."""

    @property
    def waiting(self) -> bool:
        """Whether workers are still at parts that were taken in."""
        ...

    def begin(self, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Start an empty output with these columns."""
        ...

    def append(self, outcome: Outcome, *, drop: bool) -> None:
        """Take a part in; `drop`: nobody needs it any more after that."""
        ...

    def done(self, task: OutputTask) -> None:
        """Hear that a worker has done what it was asked for."""
        ...

    def close(self) -> None:
        """Complete the output."""
        ...

    def abandon(self) -> None:
        """Let go of an output that is thrown away."""
        ...


class FileSink:
    """One file: parts are joined here, as they come."""

    def __init__(self, output: Output, target: Target, ask: Callable[[OutputTask], None]) -> None:
        self._output, self._target, self._ask = output, target, ask
        self._joiner: Joiner | None = None
        self._copying: set[Copy] = set()

    @property
    def waiting(self) -> bool:
        return bool(self._copying)

    def begin(self, arrangement: Arrangement, types: Sequence[Any]) -> None:
        self.abandon()
        self._copying.clear()
        file, joiner = self._output.open(), self._target.joiner()
        assert file is not None
        with self._output.naming():
            joiner.begin(file, arrangement, types)
        self._joiner = joiner  # one that has not begun has nothing to let go of

    def append(self, outcome: Outcome, *, drop: bool) -> None:
        assert self._joiner is not None
        part = outcome.part
        with self._output.naming():
            if (copy := self._copy(outcome, drop)) is not None:
                self._copying.add(copy)
                self._ask(copy)
                return
            self._joiner.append(part.path if part.held is None else part.held)
            self._output.push()
        if drop and not (part.alone and part.held is not None):
            discard(part.path, alone=part.alone)

    def done(self, task: OutputTask) -> None:
        if isinstance(task, Copy) and task in self._copying:
            self._copying.remove(task)
            if task.drop:
                discard(task.source, alone=task.alone)

    def _copy(self, outcome: Outcome, drop: bool) -> Copy | None:
        """Leave a place for a part that is large; None where it is added here."""
        assert self._joiner is not None
        part = outcome.part
        if part.held is not None or not self._output.writes_at:
            return None
        size = os.path.getsize(part.path)
        place = self._joiner.reserve(size) if size >= _LARGE else None
        if place is None:
            return None
        return Copy(outcome.number, part.path, self._output.parts, place, size, drop, part.alone)

    def close(self) -> None:
        assert self._joiner is not None
        with self._output.naming():
            self._joiner.finish()
        self._joiner = None

    def abandon(self) -> None:
        if self._joiner is not None:
            self._joiner.abandon()
            self._joiner = None


class FolderSink:
    """A folder of part files, each of which a worker completes: `ask` has it done."""

    def __init__(self, output: Output, target: Target, ask: Callable[[OutputTask], None]) -> None:
        self._output, self._target, self._ask = output, target, ask
        self._files, self._begun = 0, False
        self._sealing: set[str] = set()  # files

    @property
    def waiting(self) -> bool:
        return bool(self._sealing)

    def begin(self, arrangement: Arrangement, types: Sequence[Any]) -> None:
        if self._begun:
            self._output.open()
            self._sealing.clear()
        self._arrangement, self._types, self._files = arrangement, tuple(types), 0
        self._begun = True

    def append(self, outcome: Outcome, *, drop: bool) -> None:
        del drop  # it is in the worker's hands
        path = os.path.join(self._output.parts, f"part-{self._files:05d}{self._target.suffix}")
        seal = Seal(outcome.number, outcome.part.path, path, self._arrangement, self._types)
        self._files += 1
        self._sealing.add(path)
        self._ask(seal)

    def done(self, task: OutputTask) -> None:
        if isinstance(task, Seal):
            self._sealing.discard(task.path)

    def close(self) -> None:
        if not self._files:
            path = os.path.join(self._output.parts, f"part-00000{self._target.suffix}")
            Seal((0,), None, path, self._arrangement, self._types).run(self._target)

    def abandon(self) -> None:
        """Nothing is held."""
