"""Blocks of CSV text from a stream, each ending where a record ends. Runs in the parent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from parapply.formats.common.blocks import READ_BYTES, Stop, filled, pauses, wait
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.quotes import LF
from parapply.formats.csv.records import Records, find_records, is_closed
from parapply.model.errors import InputError

MOST_BYTES = READ_BYTES // 2
STREAM_BYTES = 1 << 20  # fixed, as the first block determines a stream's types


def cut_blocks(
    file: BinaryIO, text: bytes, dialect: Dialect, size: int, *, prompt: bool = False
) -> Iterator[Records]:
    """Yield records of `text` and what follows in `file`, about `size` bytes at a time.

    Blocks do not depend on how the stream arrives unless `prompt`: then whole records do not wait
    long for those that follow.
    """
    pause = pauses(prompt)
    wanted, patience = size, next(pause)
    while True:
        text, stop = filled(file, text, wanted, patience)
        if stop is Stop.ENDED:
            if text:
                yield find_records(text, dialect)
            return
        records = find_records(text, dialect)
        count = len(records) - (stop is Stop.FULL or not _is_whole(records, dialect))
        if count > 0:
            done = records.cut(0, count)
            yield done
            text, wanted, patience = text[len(done.text) :], size, next(pause)
        elif stop is Stop.PAUSED:
            wait(file)
        elif len(text) > MOST_BYTES:
            raise InputError(f"a row is longer than {len(text) >> 20} MiB; is a quote missing?")
        else:
            wanted *= 2  # one record fills the block: read on


def _is_whole(records: Records, dialect: Dialect) -> bool:
    """Whether the last record cannot continue in text that has not arrived yet."""
    ended = len(records) and records.stops[-1] < records.ends[-1] and records.text[-1] == LF
    return bool(ended) and is_closed(records, dialect)
