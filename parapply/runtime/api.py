"""What the workers of a run share: the seam behind which a store other than files can be.

A worker has one in its context; `parapply.worker` is the door to it. Each name is the person's.
"""

from __future__ import annotations

from typing import Any, Protocol


class RunStore(Protocol):
    """Locks, events, rates, counts and messages over all workers of a run. In workers."""

    def lock(self, name: str) -> Any:
        """Return a lock: acquire, release, `with` and `async with`; of the dead it is free."""
        ...

    def limit(self, name: str, most: int, first: int) -> Any:
        """Return a lock that `most` hold at once; `first`: the place to look at first."""
        ...

    def rate(self, name: str, per: str | float) -> Any:
        """Return turns, evenly spaced: wait() for one, or turn() in an event loop, too."""
        ...

    def event(self, name: str) -> Any:
        """Return an event: set, clear, is_set, wait."""
        ...

    def count(self, name: str, n: int) -> None:
        """Add to a count, which is added up over all workers, the dead too."""
        ...

    def gauge(self, name: str, value: float) -> None:
        """Set a value, of which the last counts."""
        ...

    def put(self, name: str, value: object) -> None:
        """Send an object to the parent; those of one worker come in their order, none is lost."""
        ...

    def stop_after(self, number: tuple[int, ...]) -> None:
        """Have the run end with this chunk, or with one before it that asked for it too."""
        ...

    def is_after(self, number: tuple[int, ...]) -> bool:
        """Whether a chunk stands after the end; the halves of the last chunk do not."""
        ...
