"""The table of formats, which nothing else in the program knows by name; to add one takes a row."""

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
    """What is known of a format before its module is imported; paths are `module:attribute`."""

    reader: str = ""  # path of its FormatReader; empty: only written
    writer: str = ""  # path of its FormatWriter; empty: only read
    suffixes: tuple[str, ...] = ()
    read_suffixes: tuple[str, ...] = ()  # further ones, only read
    magic: bytes = b""  # pattern of a file's first bytes, if there is one
    is_text: bool = False  # compressed and encoded as a whole, read as a stream: a StreamReader's
    streams: bool = False  # binary, but written to pipes, and read from them by way of a file
    copier: str = "parapply.storage.copying:copy_all"  # makes that file: see `copier`
    dialects: bool = False  # tools write it in different ways
    preload: tuple[str, ...] = ()  # modules for many rows, imported before workers are forked
    extra: str = ""  # extra of the package that it needs


# As far as the first bytes or line tell: an object, or an array of objects.
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
    """Raise UsageError where an input or option names a format that cannot be read."""
    _check(what, name, read_names(), "written")


def check_written(what: str, name: str | None) -> None:
    """Raise UsageError where an output or option names a format that cannot be written."""
    _check(what, name, written_names(), "read")


def _check(what: str, name: str | None, known: list[str], other: str) -> None:
    if name is not None and name not in known:
        why = f"it is only {other}; " if name in FORMATS else ""
        raise UsageError(f"{what} {name}: {why}there are: {', '.join(known)}")


def reader(name: str) -> FormatReader:
    """Return the reader of a format."""
    chosen: FormatReader = _found(FORMATS[name].reader, name)
    return chosen


def target(name: str, sources: Sequence[Source], writing: Writing) -> Target:
    """Return the target for an output of a format, made from these sources."""
    writer: FormatWriter = _found(FORMATS[name].writer, name)
    return writer.target([bare(source) for source in sources], writing)


def copier(name: str) -> Callable[[BinaryIO, BinaryIO, str], None]:
    """Return the function that copies an unseekable input to a file, with its name in errors."""
    chosen: Callable[[BinaryIO, BinaryIO, str], None] = _found(FORMATS[name].copier, name)
    return chosen


def preload(name: str) -> None:
    """Import a format's modules for many rows, before workers are forked."""
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
    """Return the format of a path's suffix, or None; `read`: also suffixes that are only read."""
    suffix = os.path.splitext(path.rstrip("/"))[1].lower()
    for name, spec in FORMATS.items():
        if suffix in spec.suffixes or (read and suffix in spec.read_suffixes):
            return name
    return None


def name_of_head(head: bytes) -> str | None:
    """Return the format of a file's first bytes, or None."""
    return next(
        (name for name, spec in FORMATS.items() if spec.magic and re.match(spec.magic, head)), None
    )


def goes_to_pipes(name: str) -> bool:
    """Whether an output of this format can be read as a stream."""
    return FORMATS[name].is_text or FORMATS[name].streams
