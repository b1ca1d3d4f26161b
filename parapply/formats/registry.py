"""Ways to read and write tables: the seam behind which each format has one room.

A `Source` is one input, described by the parent and picklable, so that workers read their own
ranges of it; a `Target` is how parts are written and put together. Which room serves a name or a
suffix is a table here; nothing else in the program knows formats by name.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from parapply.formats.api import Batch, Format, Index, Joiner, NotSeekableError, Source, Target
from parapply.formats.nouns import (
    Arrangement,
    Field,
    Keep,
    New,
    Reading,
    Survey,
    Writing,
    arrange,
    under_their_names,
)
from parapply.model.errors import UsageError

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
    "NotSeekableError",
    "Reading",
    "Source",
    "Survey",
    "Target",
    "Writing",
    "arrange",
    "check",
    "copier",
    "goes_to_pipes",
    "has_dialects",
    "is_read_once",
    "is_text",
    "load",
    "load_more",
    "may_be_brief",
    "name_of",
    "name_of_head",
    "under_their_names",
]


class _Entry(NamedTuple):
    path: str
    suffixes: tuple[str, ...]
    magic: bytes = b""  # what a file of this format begins with, where it can be told: a pattern
    text: bool = False  # compressed and encoded as a whole, and read as it comes
    also: tuple[str, ...] = ()  # suffixes of what is read so, but not written
    once: bool = False  # has no directory: it is read from its start, and goes to pipes
    copier: str = "parapply.storage.copying:copy_all"  # makes a file of what is read once
    dialects: bool = False  # written otherwise by each tool
    more: tuple[str, ...] = ()  # modules that a run on a few rows does without


# As far as a few bytes, or the first line, tell: an object, or an array of them.
_JSON = rb'\{\s*("|$)|\[\s*(\{|\]|$)'

_CSV = ("parapply.formats.csv.parse", "parapply.formats.csv.text")

FORMATS: dict[str, _Entry] = {
    "csv": _Entry(
        "parapply.formats.csv.format:CSV", (".csv",), text=True, dialects=True, more=_CSV
    ),
    "tsv": _Entry(
        "parapply.formats.csv.format:TSV", (".tsv", ".tab"), text=True, dialects=True, more=_CSV
    ),
    "jsonl": _Entry(
        "parapply.formats.jsonl.format:JSONL", (".jsonl", ".ndjson"), _JSON, True, (".json",)
    ),
    "parquet": _Entry("parapply.formats.parquet.format:PARQUET", (".parquet", ".pq"), b"PAR1\x15"),
    "arrow": _Entry("parapply.formats.arrow_ipc:ARROW", (".arrow", ".feather", ".ipc"), b"ARROW1"),
    "arrows": _Entry(
        "parapply.formats.arrow_ipc:ARROW_STREAM",
        (".arrows",),
        b"\xff\xff\xff\xff",
        once=True,
        copier="parapply.formats.arrow_stream:to_file",
    ),
}


def check(option: str, name: str | None) -> None:
    """Raise UsageError for a name that no format has; None is none."""
    if name is not None and name not in FORMATS:
        raise UsageError(f"{option} {name}: there are: {', '.join(FORMATS)}")


def load(name: str) -> Format:
    """Return the format of that name."""
    chosen: Format = _found(FORMATS[name].path)
    return chosen


def may_be_brief(name: str) -> bool:
    """Whether a few rows can be read without what `load_more` imports, or Arrow."""
    return bool(FORMATS[name].more)


def load_more(name: str) -> None:
    """Import what a format needs to read and write many rows: before workers are forked."""
    for module in FORMATS[name].more:
        importlib.import_module(module)


def copier(name: str) -> Callable[[BinaryIO, BinaryIO, str], None]:
    """Return what writes an input of that format, read once, to a file that its room can read.

    It is given the input, the file, and what messages call the input.
    """
    chosen: Callable[[BinaryIO, BinaryIO, str], None] = _found(FORMATS[name].copier)
    return chosen


def _found(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def name_of(path: str, *, read: bool = False) -> str | None:
    """Return the name of the format that a path's suffix says, or None; `read`: of an input."""
    suffix = os.path.splitext(path.rstrip("/"))[1].lower()
    for name, entry in FORMATS.items():
        if suffix in entry.suffixes or (read and suffix in entry.also):
            return name
    return None


def name_of_head(head: bytes) -> str | None:
    """Return the name of the format that a file's first bytes tell, or None."""
    return next(
        (name for name, entry in FORMATS.items() if entry.magic and re.match(entry.magic, head)),
        None,
    )


def is_read_once(name: str) -> bool:
    """Whether the format has no directory of what is in it, and is written to a file first."""
    return FORMATS[name].once


def goes_to_pipes(name: str) -> bool:
    """Whether an output of this format can be read as it comes."""
    return FORMATS[name].text or FORMATS[name].once


def is_text(name: str) -> bool:
    """Whether the format is text, which goes to a pipe and is compressed as a whole."""
    return FORMATS[name].text


def has_dialects(name: str) -> bool:
    """Whether the format is one that each tool writes otherwise."""
    return FORMATS[name].dialects
