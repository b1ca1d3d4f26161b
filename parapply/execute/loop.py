"""The loop over rows. In the worker.

Not `found.extend(map(function, rows))`, though that takes some 20 ns a row less: a StopIteration
that the function lets out would end it without a word, and the rows after it were lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

_Loop = Callable[[Callable[[Any], None], Callable[..., Any], Any, Iterable[Any]], None]


def step_of(
    found: list[Any],
    function: Callable[..., Any],
    finish: Callable[[Any], Any] | None,
    rows: Callable[[int, int], Iterable[Any]],
    count: int = 1,
) -> Callable[[int, int], None]:
    """Return what calls the function for each of `rows(start, stop)`, and adds to `found`.

    A row is `count` values, which the function is given, and is itself the value if that is one.
    What the function returns goes through `finish`, if there is one.
    """
    run = _loop(count, finished=finish is not None)

    def step(start: int, stop: int) -> None:
        run(found.append, function, finish, rows(start, stop))

    return step


@lru_cache(maxsize=16)
def _loop(count: int, *, finished: bool) -> _Loop:
    values = ", ".join(f"value{place}" for place in range(count))
    result = f"finish(function({values}))" if finished else f"function({values})"
    source = f"def run(append, function, finish, rows):\n for {values} in rows: append({result})"
    space: dict[str, Any] = {}
    exec(compile(source, __file__, "exec"), space)
    run: _Loop = space["run"]
    return run
