"""A stage whose items are done apart, each again when its worker was lost. In the parent."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from parapply.backends.api import Done, Outside
from parapply.model.errors import WorkerError
from parapply.model.outcome import Failed

_TRIES = 3


class Trials(Iterator[Any]):
    """Has a task done for each item, of which the first member is its number: a Stage.

    Where an item has Failed, nothing more is begun, and `found` raises the error of the first.
    """

    def __init__(
        self,
        task: Callable[[Any, Any], Any],
        items: Iterable[Any],
        what: str,
        number: Callable[[Any], Any],
        outside: Outside | None = None,
        beat: Callable[[], None] = lambda: None,
        heard: Callable[[Any], None] | None = None,
    ) -> None:
        self.task, self.outside, self._what, self._number = task, outside, what, number
        self._items, self._beat, self._heard = iter(items), beat, heard
        self._done: dict[Any, Any] = {}
        self._again: deque[Any] = deque()
        self._lost: Counter[Any] = Counter()
        self._failed: dict[Any, Failed] = {}

    def items(self) -> Trials:
        return self

    def take(self, done: Done[Any, Any]) -> None:
        """Keep a result; raises WorkerError where too many workers were lost with the item."""
        number = self._number(done.item)
        if isinstance(done.result, Failed):
            self._failed[number] = done.result
        elif done.result is not None:
            self._done[number] = done.result
            if self._heard is not None:
                self._heard(done.result)
        else:
            self._lost[number] += 1
            if self._lost[number] == _TRIES:
                raise WorkerError(f"a worker {done.lost} while it {self._what}, {_TRIES} times")
            self._again.append(done.item)

    def beat(self) -> None:
        self._beat()

    @property
    def done(self) -> Iterable[Any]:
        """The results so far, in any order."""
        return self._done.values()

    @property
    def found(self) -> list[Any]:
        """The results, in the order of the items' numbers."""
        if self._failed:
            raise self._failed[min(self._failed)].error
        return [self._done[number] for number in sorted(self._done)]

    def __next__(self) -> Any:
        if self._failed:
            raise StopIteration
        return self._again.popleft() if self._again else next(self._items)
