"""From the names a person gave to sources: files, or standard input. Runs in the parent."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from parapply import formats
from parapply.errors import InputError, UsageError
from parapply.formats import NotStreamableError, Source

_STDIN = "standard input"


@dataclass(frozen=True, slots=True)
class Inputs:
    """All sources of a job, in order, and their format's name.

    `stream`, where not None, yields (rows, text) of the only source as it is read.
    """

    sources: tuple[Source, ...]
    format: str
    size_bytes: int
    stream: Iterator[tuple[int, bytes]] | None = None


def open_inputs(paths: Sequence[str], format_: str | None, folder: str) -> Inputs:
    """Describe the inputs.

    A stream whose format has to be read from a file is written to `folder` first. Raises
    UsageError for a file that is not there, InputError for one that is not what it should be, or
    has other columns than the first.
    """
    if list(paths) == ["-"]:
        path = _redirected()
        if path is None:
            return _open_stream(sys.stdin.buffer, format_, folder)
        return _open_files([(path, _STDIN)], format_ or _by_magic(path) or "csv")
    if "-" in paths:
        raise UsageError("standard input (-) cannot be read together with files")
    for path in paths:
        _check(path)
    return _open_files([(path, path) for path in paths], format_)


def _check(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{path} is a folder; name the files in it: {path.rstrip('/')}/*")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _open_files(names: Sequence[tuple[str, str]], format_: str | None) -> Inputs:
    sources: list[Source] = []
    chosen = ""
    for path, name in names:
        found = format_ or formats.name_of(path) or _by_magic(path)
        if found is None:
            raise UsageError(
                f"{name}: the name does not say which format it has; "
                f"use --from {'|'.join(formats.FORMATS)}"
            )
        if chosen and found != chosen:
            raise UsageError(f"{names[0][1]} is {chosen} and {name} is {found}: convert one first")
        chosen = found
        sources.append(formats.load(chosen).source(os.path.realpath(path), name))
        _check_columns(sources[0], sources[-1])
    size = sum(os.path.getsize(path) for path, _ in names)
    return Inputs(tuple(sources), chosen, size)


def _check_columns(first: Source, other: Source) -> None:
    if first.columns == other.columns:
        return
    for place, (one, two) in enumerate(zip(first.columns, other.columns, strict=False), 1):
        if one != two:
            detail = f"column {place} is {one!r} in one and {two!r} in the other"
            break
    else:
        detail = f"{len(first.columns)} columns in one and {len(other.columns)} in the other"
    raise InputError(f"{first.name} and {other.name} are not parts of one table: {detail}")


def _redirected() -> str | None:
    """Return the file that standard input is redirected from at its start, or None."""
    try:
        descriptor = sys.stdin.fileno()
        status = os.fstat(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        same = os.path.samestat(status, os.stat(path))
        fresh = os.lseek(descriptor, 0, os.SEEK_CUR) == 0
    except (OSError, ValueError, AttributeError):
        return None
    return path if same and fresh and stat.S_ISREG(status.st_mode) else None


def _open_stream(file: BinaryIO, format_: str | None, folder: str) -> Inputs:
    if format_ is None:
        head = file.peek(8) if hasattr(file, "peek") else b""
        format_ = formats.name_of_head(head) or "csv"
    try:
        source, stream = formats.load(format_).stream(file, _STDIN)
    except NotStreamableError:
        path = Path(folder, "input")
        with open(path, "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        return _open_files([(str(path), _STDIN)], format_)
    return Inputs((source,), format_, 0, stream)


def _by_magic(path: str) -> str | None:
    with open(path, "rb") as file:
        return formats.name_of_head(file.read(8))
