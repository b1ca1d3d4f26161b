"""CSV text from a stream, block by block, each ending where a record ends. Runs in the parent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from parapply.formats.csv.records import Dialect, Records, find_records

STREAM_BYTES = 1 << 20  # a fixed size: the types of a stream are those of its first block


def cut_blocks(file: BinaryIO, text: bytes, dialect: Dialect, size: int) -> Iterator[Records]:
    """Yield records of `text` and what follows in `file`, about `size` bytes at a time.

    How the stream comes in does not matter, only what it holds.
    """
    wanted = size
    while True:
        text, ended = _filled(file, text, wanted)
        if ended:
            if text:
                yield find_records(text, dialect)
            return
        records = find_records(text, dialect)
        if len(records) < 2:
            wanted *= 2  # one record fills the block: read on
            continue
        done = records.cut(0, len(records) - 1)
        yield done
        text, wanted = text[len(done.text) :], size


def _filled(file: BinaryIO, text: bytes, size: int) -> tuple[bytes, bool]:
    """Return `text` and what follows, of `size` bytes, and whether the stream ended before that."""
    parts, length = [text], len(text)
    while length < size:
        block = file.read(size - length)
        if not block:
            return b"".join(parts), True
        parts.append(block)
        length += len(block)
    return b"".join(parts), False


def cut_rows(blocks: Iterator[Records], dialect: Dialect, rows: int) -> Iterator[Records]:
    """Yield `rows` records at a time, and the rest."""
    left = b""
    for block in blocks:
        records = find_records(left + block.text, dialect) if left else block
        whole = len(records) // rows * rows
        for start in range(0, whole, rows):
            yield records.cut(start, rows)
        left = records.cut(whole, len(records) - whole).text if whole < len(records) else b""
    if left:
        yield find_records(left, dialect)
