"""The limit: the bare function over ready Python values on as many processes, nothing else.

    python limit.py FUNCTION BY COLUMN INPUT ROWS WORKERS

Prints the seconds from the moment at which all of them were ready to the last one's end. Nothing
is read, started or written in that time.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.pool import ThreadPool
from typing import Any

import functions

MOST = 50_000  # values that are held ready; they are gone through again and again


def values(by: str, column: str, path: str) -> list[Any]:
    """Return ready values of the first rows: text, or a dict of the columns."""
    import tables_of

    table = tables_of.read(path, MOST)
    return table.column(column).to_pylist() if by == "value" else table.to_pylist()


def rounds(ready: list[Any], rows: int) -> Iterator[list[Any]]:
    while rows > 0:
        yield ready[:rows]
        rows -= len(ready)


def work(function: Callable[[Any], Any], ready: list[Any], rows: int, gate: Any, out: Any) -> None:
    for part in rounds(ready[:1000], min(rows, 1000)):
        list(map(function, part[:10]))  # warm
    gate.wait()
    began = time.perf_counter()
    for part in rounds(ready, rows):
        for value in part:
            function(value)
    out.put((began, time.perf_counter()))


def on_processes(function: Any, ready: list[Any], rows: int, workers: int) -> float:
    fork = multiprocessing.get_context("fork")
    gate, out = fork.Barrier(workers), fork.SimpleQueue()
    shares = [rows // workers + (place < rows % workers) for place in range(workers)]
    team = [fork.Process(target=work, args=(function, ready, n, gate, out)) for n in shares]
    for process in team:
        process.start()
    times = [out.get() for _ in team]
    for process in team:
        process.join()
    return max(end for _, end in times) - min(start for start, _ in times)


def on_threads(function: Any, ready: list[Any], rows: int, workers: int) -> float:
    with ThreadPool(workers) as pool:
        began = time.perf_counter()
        for part in rounds(ready, rows):
            pool.map(function, part, chunksize=8)
        return time.perf_counter() - began


def main() -> None:
    name, by, column, path, rows, workers = sys.argv[1:]
    function, ready = getattr(functions, name), values(by, column, path)
    way = on_threads if name == "wait" else on_processes
    print(way(function, ready, int(rows), int(workers)))


if __name__ == "__main__":
    main()
