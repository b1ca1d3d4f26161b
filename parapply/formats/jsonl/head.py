"""The head of JSON lines, and a stream's blocks, which do not depend on how it arrives (parent)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO, cast

from parapply.columns.values.builders import encodes
from parapply.formats.common.blocks import Pause, Stop, after_lines, filled, grown, pauses, wait
from parapply.formats.jsonl import array
from parapply.formats.jsonl.kinds import keys_of
from parapply.formats.jsonl.lines import LineError
from parapply.formats.jsonl.parse import sound
from parapply.formats.nouns import Reading
from parapply.model.errors import InputError
from parapply.model.records import record

HEAD_BYTES = 1 << 20  # also of a stream's blocks, the first of which determines its types
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_LINE_END = re.compile(rb"\n")
_HINT = "; JSON Lines has one object a line: `jq -c {}` makes that of {}"


@record
class JsonlHead:
    """What the first block says."""

    columns: tuple[str, ...]
    before: bytes  # also the beginning of the output: a BOM, blank lines
    line_end: bytes
    objects: list[dict[str, Any]]
    start: int  # of the first line, in bytes of the file


def read_head(file: BinaryIO, name: str, reading: Reading) -> tuple[JsonlHead, Iterator[bytes]]:
    """Return the head, and the blocks of lines after `before`; raises InputError for other text."""
    text, skipped = after_lines(file, reading.skip_rows, _LINE_END)
    file, text = _as_lines(file, text, name)
    pause = pauses(reading.prompt)
    block, rest, stop = _read_block(file, text, HEAD_BYTES, next(pause))
    lead = len(_BOM) if block.startswith(_BOM) else 0
    body = block[lead:].lstrip(_SPACE)
    lead = max(lead, block.rfind(b"\n", 0, len(block) - len(body)) + 1) if body else len(block)
    before, text = block[:lead], block[lead:]
    line_end = b"\r\n" if text.partition(b"\n")[0].endswith(b"\r") else b"\n"
    objects = _objects(text, name, lenient=reading.lenient)
    head = JsonlHead(check_keys(keys_of(objects), name), before, line_end, objects, skipped + lead)
    later = iter(()) if stop is Stop.ENDED else cut_blocks(file, rest, HEAD_BYTES, next(pause))
    return head, chain([text] if text else [], later)


def is_array(file: BinaryIO, reading: Reading) -> bool:
    """Whether a file holds one array instead of lines; seeks back to its start."""
    text, _ = after_lines(file, reading.skip_rows, _LINE_END)
    found = _as_lines(file, text, "")[0] is not file
    file.seek(0)
    return found


def _as_lines(file: BinaryIO, text: bytes, name: str) -> tuple[BinaryIO, bytes]:
    """Return a file and its first text; an array's elements become lines."""
    text = grown(file, text, lambda text: array.begins(text) != -1)
    start = array.begins(text)
    if start is None or start == -1:
        return file, text
    return cast(BinaryIO, array.Elements(file, text[start:], name)), b""


def cut_blocks(file: BinaryIO, text: bytes, size: int, pause: Pause | None) -> Iterator[bytes]:
    """Yield `text` and what is in `file`, about `size` bytes at a time, cut after newlines."""
    stop = Stop.FULL
    while stop is not Stop.ENDED:
        block, text, stop = _read_block(file, text, size, pause)
        if block:
            yield block


def check_keys(keys: list[str], name: str) -> tuple[str, ...]:
    """Return the keys as columns; raises InputError for one that is not valid Unicode."""
    for key in keys:
        if not encodes(key):
            raise InputError(f"{name}: the key {key!r} is not valid Unicode")
    return tuple(keys)


def _read_block(
    file: BinaryIO, text: bytes, size: int, pause: Pause | None
) -> tuple[bytes, bytes, Stop]:
    """Read on after `text`; return a block of lines, the text after it, and why reading stopped.

    A full block is followed by a line that is not blank, so that no block has blank lines only,
    unless the whole input does not fill one.
    """
    while True:
        text, stop = filled(file, text, size, pause)
        if stop is Stop.ENDED:
            return text, b"", stop
        lines = text[: text.rfind(b"\n") + 1]
        blank = len(lines) - len(lines.rstrip(_SPACE))
        if stop is Stop.PAUSED and blank < len(lines):
            return lines, text[len(lines) :], stop
        if stop is Stop.PAUSED:
            wait(file)
        elif end := text.rfind(b"\n", 0, len(lines) - blank) + 1:
            return text[:end], text[end:], stop
        else:
            size *= 2  # one line fills the block


def _objects(text: bytes, name: str, *, lenient: bool) -> list[dict[str, Any]]:
    """Return the first block's objects; raises InputError unless there is at least one."""
    try:
        return (lenient and sound(text, lenient=True)) or sound(text, lenient=False)
    except LineError as error:
        hint = "" if error.row else _hint(text.partition(b"\n")[0].strip())
        raise InputError(f"{name}: row {error.row + 1} {error.why}{hint}") from error


def _hint(line: bytes) -> str:
    """Return advice on other forms of JSON, recognized by the first line."""
    if line.startswith(b"["):
        return _HINT.format("'.[]'", "arrays")
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        if line.startswith(b"{") and error.pos >= len(line.decode()):
            return _HINT.format(".", "objects on several lines")
    except (ValueError, RecursionError):
        pass
    return ""
