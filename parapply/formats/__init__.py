"""Ways to read and write tables: the seam behind which each format has one room.

A `Source` is one input, described by the parent and picklable, so that workers read their own
ranges of it; a `Target` is how parts are written and put together. Which room serves a name or a
suffix is a table here; nothing else in the program knows formats by name.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NamedTuple

from parapply.errors import UsageError
from parapply.formats.nouns import Arrangement, Field, Keep, New, Reading, Survey, Writing, arrange
from parapply.formats.protocols import (
    Batch,
    Format,
    Index,
    Joiner,
    NotStreamableError,
    Source,
    Target,
)

__all__ = [
    "FORMATS",
    "Arrangement",
    "Batch",
    "Field",
    "Format",
    "Index",
    "Joiner",
    "Keep",
    "New",
    "NotStreamableError",
    "Reading",
    "Source",
    "Survey",
    "Target",
    "Writing",
    "arrange",
    "is_text",
    "load",
    "name_of",
    "name_of_head",
]


class _Entry(NamedTuple):
    path: str
    suffixes: tuple[str, ...]
    magic: bytes = b""  # what a file of this format begins with, where it can be told
    text: bool = False  # compressed and encoded as a whole


FORMATS: dict[str, _Entry] = {
    "csv": _Entry("parapply.formats.csv:CSV", (".csv",), text=True),
    "tsv": _Entry("parapply.formats.csv:TSV", (".tsv", ".tab"), text=True),
    "jsonl": _Entry("parapply.formats.jsonl:JSONL", (".jsonl", ".ndjson"), b'{"', text=True),
    "parquet": _Entry("parapply.formats.parquet:PARQUET", (".parquet", ".pq"), b"PAR1"),
    "arrow": _Entry("parapply.formats.arrow:ARROW", (".arrow", ".feather", ".ipc"), b"ARROW1"),
}


def load(name: str) -> Format:
    """Return the format of that name; raises UsageError for an unknown one."""
    if name not in FORMATS:
        raise UsageError(f"no format is called {name!r}; there are: {', '.join(FORMATS)}")
    module, _, attribute = FORMATS[name].path.partition(":")
    chosen: Format = getattr(importlib.import_module(module), attribute)
    return chosen


def name_of(path: str) -> str | None:
    """Return the name of the format that a path's suffix says, or None."""
    suffix = Path(path).suffix.lower()
    return next((name for name, entry in FORMATS.items() if suffix in entry.suffixes), None)


def name_of_head(head: bytes) -> str | None:
    """Return the name of the format that a file's first bytes tell, or None."""
    return next(
        (name for name, entry in FORMATS.items() if entry.magic and head.startswith(entry.magic)),
        None,
    )


def is_text(name: str) -> bool:
    """Whether the format is text, which goes to a pipe and is compressed as a whole."""
    return name in FORMATS and FORMATS[name].text
