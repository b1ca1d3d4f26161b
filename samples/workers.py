"""Functions that use the run they are part of: shared tables, locks, limits, counters, messages.

Each works the same in processes, threads and serial runs, and by itself in a test: then there is
one worker, which nobody else keeps waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parapply import worker

Row = Mapping[str, Any]


def index() -> None:
    """For --init: once in each worker, before its first row."""
    airports = worker.shared["airports"].dropna(subset="city")
    worker.state.cities = airports.set_index("iata")["city"]


def city(code: str | None) -> str | None:
    """Code of an airport -> its city, from a table that all workers share (--share)."""
    found = worker.state.cities.get(code)
    if found is None:
        worker.count("unknown")  # added up over all workers
        worker.log.info("row %s: no airport %s", worker.row, code)
    return found


class Ledger:
    """Made once in each worker, and closed at the end of it: for what is written in batches."""

    def __init__(self, path: str = "ledger.txt") -> None:
        self.path, self.lines = Path(path), list[str]()

    def __call__(self, row: Row) -> None:
        self.lines.append(f"{row['species']} {row['year']}\n")

    def close(self) -> None:
        with worker.lock("ledger"), self.path.open("a") as file:
            file.writelines(self.lines)


def note(row: Row) -> None:
    """Write to one file from all workers, one at a time."""
    with worker.lock("notes"), open("notes.txt", "a") as file:
        file.write(f"{row['species']}\n")


def weigh(row: Row) -> float | None:
    """Use something of which there are two, whatever the number of workers."""
    with worker.limit("scales", 2):
        time.sleep(0.001)
        return row["body_mass_g"] and row["body_mass_g"] / 1000


def ask(row: Row) -> str:
    """Ask a server that answers so often and no more, all workers together."""
    worker.rate("server", "1000/s")
    return str(row["island"]).lower()


async def fetch(row: Row) -> str:
    """Wait for many answers at once (--concurrency)."""
    await asyncio.sleep(0.01)
    return str(row["island"]).lower()


def seen(row: Row) -> bool:
    """Tell all workers of something, and go by it."""
    if row["species"] == "Gentoo":
        worker.event("gentoo").set()
    return worker.event("gentoo").is_set()


def heavy(row: Row) -> bool:
    """Send an object to the function of --on-message, which runs in the parent."""
    mass = row["body_mass_g"] or 0
    if mass >= 6000:
        worker.put("heavy", {"row": worker.row, "grams": mass})
    worker.gauge("last mass", mass)
    return bool(mass >= 6000)


def report(name: str, value: Any) -> None:
    """For --on-message: one call for each message."""
    print(name, value["row"], value["grams"])


def first_heavy(row: Row) -> bool:
    """End the run with the first row that is found."""
    found = (row["body_mass_g"] or 0) >= 6000
    if found:
        worker.stop()
    return found


def who(row: Row) -> tuple[int, str, int]:
    """Say who works on which row."""
    return worker.rank, worker.name, worker.row
