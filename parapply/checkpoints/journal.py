"""The journal of a checkpoint: one line of JSON for each chunk that is done, in any order.

A line is written once its part is safely on disk, and is checked when it is read: one that is torn
or altered counts as not written, so that its chunk is run again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from parapply.checkpoints.durable import Kept
from parapply.columns.names import name_of, pack, type_of, unpack
from parapply.job import Cause, Outcome, ResultColumn
from parapply.naming import Naming

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
        self._file = open(path, "ab")  # noqa: SIM115
        if self._file.tell():
            self._file.write(b"\n")

    def done(self, outcomes: Iterable[Outcome]) -> None:
        """Write that chunks are done."""
        self._add(*({"done": _plain(outcome)} for outcome in outcomes))

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
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return known
    for line in lines:
        if (text := unchecked(line)) is None:
            continue
        entry = json.loads(text)
        if "done" in entry:
            outcome = _outcome(entry["done"], folder)
            known.done[outcome.number] = outcome
        elif "split" in entry:
            known.split[tuple(entry["split"])] = entry["rows"]
        known.complete |= "complete" in entry
    return known


def checked(text: str) -> str:
    """Return a line's text with what tells whether it was altered."""
    import hashlib  # 4 ms, which most jobs do without

    return f"{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()} {text}"


def unchecked(line: bytes) -> str | None:
    """Return the text that `checked` was given, or None where it is not that any more."""
    _, _, text = line.decode("utf-8", "replace").partition(" ")
    return text if checked(text).encode() == line else None


def _plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON has it; a type is a schema in Arrow's own form, which runs no code."""
    return {
        "number": outcome.number,
        "place": outcome.place,
        "rows_in": outcome.rows_in,
        "rows_out": outcome.rows_out,
        "columns": [(c.name, pack(type_of(c.type)), c.first) for c in outcome.columns],
        "path": os.path.basename(outcome.path),
        "shape": outcome.shape,
        "failed": outcome.failed,
        "causes": outcome.causes,
        "aside": outcome.aside and os.path.basename(outcome.aside),
        "files": outcome.files,
    }


def _outcome(plain: dict[str, Any], folder: str) -> Outcome:
    aside = plain["aside"]
    return Outcome(
        number=tuple(plain["number"]),
        rows_in=plain["rows_in"],
        rows_out=plain["rows_out"],
        columns=tuple(
            ResultColumn(name, name_of(unpack(type_)), first)
            for name, type_, first in plain["columns"]
        ),
        path=os.path.join(folder, plain["path"]),
        shape=plain["shape"],
        failed=plain["failed"],
        causes=tuple(Cause(*cause) for cause in plain["causes"]),
        aside=aside and os.path.join(folder, aside),
        files=tuple(Kept(*file) for file in plain["files"]),
        place=tuple(plain.get("place", (-1, -1))),
    )
