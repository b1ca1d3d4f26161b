"""What workers share, in a folder of the run on a local disk: a RunStore. In workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parapply.model.records import record
from parapply.runtime.stops import is_after, stop_after

if TYPE_CHECKING:  # what most functions do without
    from parapply.runtime.events import Event
    from parapply.runtime.locks import Limit, Lock
    from parapply.runtime.rates import Rate


@record
class LocalStore:
    """Files in a folder, with locks that the kernel frees when their holder dies."""

    folder: str

    def lock(self, name: str) -> Lock:
        from parapply.runtime.locks import Lock

        return Lock(self.folder, name)

    def limit(self, name: str, most: int, first: int) -> Limit:
        from parapply.runtime.locks import Limit

        return Limit(self.folder, name, most, first)

    def rate(self, name: str, per: str | float) -> Rate:
        from parapply.runtime.rates import Rate

        return Rate(self.folder, name, per)

    def event(self, name: str) -> Event:
        from parapply.runtime.events import Event

        return Event(self.folder, name)

    def count(self, name: str, n: int) -> None:
        from parapply.runtime import counts

        counts.count(self.folder, name, n)

    def gauge(self, name: str, value: float) -> None:
        from parapply.runtime import counts

        counts.gauge(self.folder, name, value)

    def put(self, name: str, value: object) -> None:
        from parapply.runtime import messages

        messages.put(self.folder, name, value)

    def stop_after(self, number: tuple[int, ...]) -> None:
        stop_after(self.folder, number)

    def is_after(self, number: tuple[int, ...]) -> bool:
        return is_after(self.folder, number)
