"""A stage of a run: items for the workers of an open session, one pass over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

from parapply.backends.api import Done, Outside, Session


class Stage(Protocol):
    """What is done over a session. Survey and apply are stages; others may stand between them."""

    @property
    def task(self) -> Callable[[Any, Any], Any]:
        """What a worker does with an item; both are picklable."""
        ...

    @property
    def outside(self) -> Outside | None:
        """What has to be heeded besides the workers."""
        ...

    def items(self) -> Iterator[Any]:
        """Return the items; more may come of it when a result was taken."""
        ...

    def take(self, done: Done[Any, Any]) -> None:
        """Take what came of an item; what this raises ends the run."""
        ...

    def beat(self) -> None:
        """Called about ten times a second while nothing comes, and after each item."""
        ...


@runtime_checkable
class GoesOn(Protocol):
    """A stage that has more to do when all its items are done."""

    def goes_on(self) -> bool:
        """Whether there are more items now."""
        ...


def work_off(session: Session, stage: Stage) -> None:
    """Have all items of a stage done."""
    items = stage.items()
    for done in session.run(stage.task, items, beat=stage.beat, outside=stage.outside):
        stage.take(done)
        stage.beat()
