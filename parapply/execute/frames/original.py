"""What a frame of pandas held when a function was given it. In the worker.

From pandas 3 on, what is written into a frame is not written into its shallow copy, which therefore
is enough to compare with. Before, both are the same memory, in which nothing can be seen to have
changed: there the values are copied.
"""

from __future__ import annotations

from typing import Any

from parapply.model.deferred_imports import np


class Original:
    """Keeps a frame as it was, in `frame`, whatever is written into the one that was given."""

    def __init__(self, given: Any) -> None:
        self._memory = given.copy(deep=False)  # before pandas 3 has what is written meanwhile
        self.frame = self._memory if _copies_on_write() else given.copy()

    def is_untouched(self, column: Any, name: str) -> bool:
        """Whether a column is still in the memory that it was in, and that holds what it held."""
        return _is_shared(column, self._memory[name]) and self._is_as_it_was(name)

    def _is_as_it_was(self, name: str) -> bool:
        if self._memory is self.frame:
            return True
        now, then = (frame[name].to_numpy() for frame in (self._memory, self.frame))
        return bool(now.tobytes() == then.tobytes())  # 0.0 is not -0.0


def _copies_on_write() -> bool:
    import pandas as pd

    return int(pd.__version__.partition(".")[0]) >= 3


def _is_shared(one: Any, other: Any) -> bool:
    """Whether two columns of pandas are the same numbers in memory."""
    if one.dtype != other.dtype or not isinstance(one.dtype, np.dtype) or one.dtype.kind == "O":
        return False
    first, second = (column.to_numpy().__array_interface__ for column in (one, other))
    return bool(first["data"][0] == second["data"][0] and first["strides"] == second["strides"])
