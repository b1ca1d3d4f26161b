"""What a line of the journal says of a chunk: written as JSON, and checked when it is read.

A journal is a file: whoever could write to it may have put anything there, under a checksum that
fits. So each field has to be of its type and within its bounds, and a part has the names that its
chunk's may have, which are in the folder: no line can make another file part of the output. A
file's digest is of what is said of the part, too, so that neither goes with another of either.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

from parapply.columns.type_names import name_of, pack, type_of, unpack
from parapply.execute.results.stored import files_of, part_name
from parapply.model.outcome import (
    Cause,
    FailedRows,
    KeptFile,
    Outcome,
    PartFile,
    ResultColumn,
    Returned,
)

_MOST = 2**63
_DEEPEST = 200  # times that a chunk was cut: halves of 2**200 rows
_SHAPES = ("none", "scalar", "fields", "table", "filter")
_DIGEST = re.compile("[0-9a-f]{32}")


def plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON has it; a type is a schema in Arrow's own form, which runs no code."""
    return {
        "number": outcome.number,
        "place": outcome.place,
        "rows_in": outcome.rows_in,
        "rows_out": outcome.rows_out,
        "columns": [
            (c.name, pack(type_of(c.type)), c.first, c.given) for c in outcome.returned.columns
        ],
        "path": os.path.basename(outcome.part.path),
        "shape": outcome.returned.shape,
        "failed": outcome.failures.rows,
        "causes": outcome.failures.causes,
        "aside": outcome.failures.path and os.path.basename(outcome.failures.path),
        "files": outcome.part.files,
    }


def facts(outcome: Outcome) -> bytes:
    """Return what is said of a part, but for its number: a chunk may be cut when it is done."""
    returned, failures = outcome.returned, outcome.failures
    said = [
        outcome.place, outcome.rows_in, outcome.rows_out,
        [(column.name, column.type, column.first, column.given) for column in returned.columns],
        os.path.basename(outcome.part.path), returned.shape, failures.rows, failures.causes,
        failures.path and os.path.basename(failures.path),
    ]  # fmt: skip
    return json.dumps(said).encode() + b"\0"


def outcome_of(entry: Any, folder: str) -> Outcome | None:
    """Return what `plain` was given, with paths in this folder; None where it is not that."""
    if not _is_entry(entry) or not _has_its_files(entry):
        return None
    types = [_type(type_) for _, type_, *_ in entry["columns"]]
    if None in types:
        return None
    columns = tuple(
        ResultColumn(name, name_of(type_), first, tuple(given))
        for (name, _, first, given), type_ in zip(entry["columns"], types, strict=True)
    )
    files = tuple(KeptFile(*file) for file in entry["files"])
    causes = tuple(Cause(*cause) for cause in entry["causes"])
    aside = entry["aside"] and os.path.join(folder, entry["aside"])
    return Outcome(
        tuple(entry["number"]), tuple(entry["place"]), entry["rows_in"], entry["rows_out"],
        Returned(entry["shape"], columns),
        PartFile(os.path.join(folder, entry["path"]), files=files),
        FailedRows(entry["failed"], causes, aside),
    )  # fmt: skip


def split_of(entry: Any) -> tuple[tuple[int, ...], int] | None:
    """Return which chunk was cut, and after how many rows; None where it does not say that."""
    if entry.keys() != {"split", "rows"} or not _is_number(entry["split"]):
        return None
    rows = entry["rows"]
    return (tuple(entry["split"]), rows) if is_count(rows) else None


def is_count(value: Any) -> bool:
    """Whether it is a number of rows or bytes, say."""
    return type(value) is int and 0 <= value < _MOST


def is_text(value: Any) -> bool:
    """Whether it is text."""
    return isinstance(value, str)


def is_list(value: Any, *kinds: Callable[[Any], bool]) -> bool:
    """Whether it is a list of lists whose items are of these kinds."""
    return isinstance(value, list) and all(is_row(one, *kinds) for one in value)


def is_row(value: Any, *kinds: Callable[[Any], bool]) -> bool:
    """Whether it is a list of items of these kinds."""
    return (
        isinstance(value, list)
        and len(value) == len(kinds)
        and all(kind(one) for kind, one in zip(kinds, value, strict=True))
    )


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= _DEEPEST
        and all(map(is_count, value))
        and all(half in (0, 1) for half in value[1:])
    )


def _are_places(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_count, value))


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "number": _is_number,
    "place": lambda value: is_row(value, is_count, is_count),
    "rows_in": is_count,
    "rows_out": is_count,
    "columns": lambda value: is_list(value, is_text, is_text, is_text, _are_places),
    "path": is_text,
    "shape": lambda value: value in _SHAPES,
    "failed": is_count,
    "causes": lambda value: is_list(value, is_text, is_count, is_text, is_text),
    "aside": lambda value: value is None or is_text(value),
    "files": lambda value: is_list(value, is_text, is_count, is_text),
}


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() == _FIELDS.keys()
        and all(is_one(entry[name]) for name, is_one in _FIELDS.items())
        and entry["failed"] <= entry["rows_in"]
        and len({name for name, *_ in entry["columns"]}) == len(entry["columns"])
    )


def _has_its_files(entry: dict[str, Any]) -> bool:
    """Whether a part's files are those that it may have, and has to have."""
    path, aside = entry["path"], entry["aside"]
    names = [name for name, _, _ in entry["files"]]
    needed = {path} if aside is None else {path, aside}
    if entry["failed"]:  # what it takes to try them again
        made = set() if entry["shape"] == "table" else {f"{path}.made"}
        needed |= {f"{path}.failed", *made}
    return (
        _is_name(path, tuple(entry["number"]))
        and aside in (None, f"{path}.aside")
        and len(set(names)) == len(names)
        and needed <= set(names) <= set(files_of(path))
        and all(_DIGEST.fullmatch(digest) for _, _, digest in entry["files"])
    )


def _is_name(path: str, number: tuple[int, ...]) -> bool:
    """Whether a part has its chunk's name, or that of the one whose beginning it is.

    Of a chunk that is cut while a worker is at it (work_stealing.py), what is done keeps its name.
    """
    name, _, worker = path.rpartition(".")
    names = [part_name(number[:end]) for end in range(1, len(number) + 1) if not any(number[end:])]
    return name in names and re.fullmatch("[0-9]{1,20}", worker) is not None


def _type(text: str) -> Any:
    """Return the type that `pack` made text of; None where it is no such text."""
    try:
        found = unpack(text)
        return found if pack(found) == text else None
    except Exception:  # noqa: BLE001  registered types read their own parameters: anything may come
        return None
