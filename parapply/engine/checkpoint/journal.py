"""The journal of a checkpoint: one line of JSON for each chunk that is done, in any order.

A line is written once its part is safely on disk, and is checked when it is read: one that is torn
or altered, or does not say what a line does (entries.py), counts as not written, so that its chunk
is run again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from parapply.execute.entries import outcome_of, plain, split_of
from parapply.model.outcome import Outcome
from parapply.storage import durable
from parapply.storage.private import Naming

_Number = tuple[int, ...]


@dataclass(slots=True)
class Known:
    """What a journal says."""

    done: dict[_Number, Outcome] = field(default_factory=dict)
    split: dict[_Number, int] = field(default_factory=dict)  # chunks cut in two: the first's rows
    complete: bool = False  # the run ended, and its output was published


class Journal:
    """The file, open for appending."""

    def __init__(self, path: str) -> None:
        self._path = path
        # Begun on a line of its own, whatever the last run was cut off in.
        self._file = durable.append_to(path)
        if self._file.tell():
            self._file.write(b"\n")

    def done(self, outcomes: Iterable[Outcome]) -> None:
        """Write that chunks are done."""
        self._add(*({"done": plain(outcome)} for outcome in outcomes))

    def split(self, number: _Number, rows: int) -> None:
        """Write that a chunk is to be done as two, the first of so many rows."""
        self._add({"split": number, "rows": rows})

    def complete(self) -> None:
        """Write that the output is published."""
        self._add({"complete": True})

    def close(self) -> None:
        """Close the file."""
        with Naming(self._path):
            self._file.close()

    def _add(self, *entries: dict[str, Any]) -> None:
        with Naming(self._path):
            for entry in entries:
                text = checked(json.dumps(entry, separators=(",", ":")))
                self._file.write(f"{text}\n".encode())
            self._file.flush()
            os.fsync(self._file.fileno())


def read(path: str, folder: str) -> Known:
    """Return what the journal says of the parts in a folder; nothing where there is none."""
    known = Known()
    try:
        lines = durable.read_own(path).split(b"\n")
    except FileNotFoundError:
        return known
    for line in lines:
        if (text := unchecked(line)) is not None:
            _take(known, loaded(text), folder)
    return known


def _take(known: Known, entry: Any, folder: str) -> None:
    if not isinstance(entry, dict):
        return
    if entry.keys() == {"done"}:
        if (outcome := outcome_of(entry["done"], folder)) is not None:
            known.done[outcome.number] = outcome
    elif (cut := split_of(entry)) is not None:
        number, rows = cut
        known.split[number] = rows
    known.complete |= entry == {"complete": True}


def loaded(text: str) -> Any:
    """Return what JSON text holds; None where it is none, or says anything twice."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def checked(text: str) -> str:
    """Return a line's text with what tells whether it was altered."""
    import hashlib  # 4 ms, which most jobs do without

    return f"{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()} {text}"


def unchecked(line: bytes) -> str | None:
    """Return the text that `checked` was given, or None where it is not that any more."""
    _, _, text = line.decode("utf-8", "replace").partition(" ")
    return text if checked(text).encode() == line else None
