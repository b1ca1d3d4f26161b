"""Which formats there are: a row of a table each. Nothing else in the program knows them by name.

A FormatReader describes inputs as Sources, a FormatWriter makes Targets: see api.py. Either may be
absent. To add one takes a module and a row here.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from parapply.formats.api import FormatReader, FormatWriter, Source, Target
from parapply.formats.common.added_source import bare
from parapply.formats.nouns import Writing
from parapply.model.errors import UsageError
from parapply.model.records import record, replace


@record
class FormatSpec:
    """All that is known of a format before it is used; paths are `module:attribute`."""

    reader: str = ""  # the path of its FormatReader; empty: it is only written
    writer: str = ""  # the path of its FormatWriter; empty: it is only read
    suffixes: tuple[str, ...] = ()
    read_suffixes: tuple[str, ...] = ()  # of what is read so, too, but not written
    magic: bytes = b""  # what a file begins with, where it can be told: a pattern
    is_text: bool = False  # compressed and encoded as a whole, read as it comes: a StreamReader's
    streams: bool = False  # binary, but read from its start, by way of a file; and goes to pipes
    copier: str = "parapply.storage.copying:copy_all"  # makes that file, which the reader can read
    dialects: bool = False  # each tool writes it otherwise
    preload: tuple[str, ...] = ()  # modules for many rows, imported before workers are forked
    extra: str = ""  # what has to be installed for it: an extra of the package


# As far as a few bytes, or the first line, tell: an object, or an array of them.
_JSON = rb'\{\s*("|$)|\[\s*(\{|\]|$)'
_CSV = FormatSpec(
    is_text=True, dialects=True,
    preload=("parapply.formats.csv.parse", "parapply.formats.csv.text"),
)  # fmt: skip


def _of(room: str, suffixes: tuple[str, ...], spec: FormatSpec) -> FormatSpec:
    """Return a row whose reader and writer are the same object."""
    path = f"parapply.formats.{room}"
    return replace(spec, reader=path, writer=path, suffixes=suffixes)


FORMATS: dict[str, FormatSpec] = {
    "csv": _of("csv.format:CSV", (".csv",), _CSV),
    "tsv": _of("csv.format:TSV", (".tsv", ".tab"), _CSV),
    "jsonl": _of(
        "jsonl.format:JSONL", (".jsonl", ".ndjson"),
        FormatSpec(magic=_JSON, is_text=True, read_suffixes=(".json",)),
    ),
    "parquet": _of("parquet.format:PARQUET", (".parquet", ".pq"), FormatSpec(magic=b"PAR1\x15")),
    "arrow": _of("arrow_ipc:ARROW", (".arrow", ".feather", ".ipc"), FormatSpec(magic=b"ARROW1")),
    "arrows": _of(
        "arrow_ipc:ARROW_STREAM", (".arrows",),
        FormatSpec(
            magic=b"\xff\xff\xff\xff", streams=True, copier="parapply.formats.arrow_stream:to_file"
        ),
    ),
}  # fmt: skip


def read_names() -> list[str]:
    """Return the names of the formats that can be read."""
    return [name for name, spec in FORMATS.items() if spec.reader]


def written_names() -> list[str]:
    """Return the names of the formats that can be written."""
    return [name for name, spec in FORMATS.items() if spec.writer]


def check_read(what: str, name: str | None) -> None:
    """Raise UsageError where an input, or option, names no format that is read; None is none."""
    _check(what, name, read_names(), "written")


def check_written(what: str, name: str | None) -> None:
    """Raise UsageError where an output, or option, names no format that is written."""
    _check(what, name, written_names(), "read")


def _check(what: str, name: str | None, known: list[str], other: str) -> None:
    if name is not None and name not in known:
        why = f"it is only {other}; " if name in FORMATS else ""
        raise UsageError(f"{what} {name}: {why}there are: {', '.join(known)}")


def reader(name: str) -> FormatReader:
    """Return what reads the format of that name."""
    chosen: FormatReader = _found(FORMATS[name].reader, name)
    return chosen


def target(name: str, sources: Sequence[Source], writing: Writing) -> Target:
    """Return how an output of that format is written, of these sources."""
    writer: FormatWriter = _found(FORMATS[name].writer, name)
    return writer.target([bare(source) for source in sources], writing)


def copier(name: str) -> Callable[[BinaryIO, BinaryIO, str], None]:
    """Return what writes an input of that format, read once, to a file that its reader can read.

    It is given the input, the file, and what messages call the input.
    """
    chosen: Callable[[BinaryIO, BinaryIO, str], None] = _found(FORMATS[name].copier, name)
    return chosen


def preload(name: str) -> None:
    """Import what a format needs to read and write many rows: before workers are forked."""
    for module in FORMATS[name].preload:
        importlib.import_module(module)


def _found(path: str, name: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        if not (extra := FORMATS[name].extra):
            raise
        from parapply.model.distribution import to_install

        raise UsageError(f"the format {name!r} needs more: {to_install(extra)}") from error


def name_of(path: str, *, read: bool = False) -> str | None:
    """Return the name of the format that a path's suffix says, or None; `read`: of an input."""
    suffix = os.path.splitext(path.rstrip("/"))[1].lower()
    for name, spec in FORMATS.items():
        if suffix in spec.suffixes or (read and suffix in spec.read_suffixes):
            return name
    return None


def name_of_head(head: bytes) -> str | None:
    """Return the name of the format that a file's first bytes tell, or None."""
    return next(
        (name for name, spec in FORMATS.items() if spec.magic and re.match(spec.magic, head)), None
    )


def goes_to_pipes(name: str) -> bool:
    """Whether an output of this format can be read as it comes."""
    return FORMATS[name].is_text or FORMATS[name].streams
