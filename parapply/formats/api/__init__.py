"""The Protocols of a format's reader and writer; a format has one of them or both."""

from parapply.formats.api.reader import (
    Batch,
    CachedSource,
    CountedSource,
    FormatReader,
    GroupedBatch,
    GroupedSource,
    Index,
    NotSeekableError,
    QuickSource,
    Source,
    StreamReader,
    TextSource,
)
from parapply.formats.api.writer import FormatWriter, Joiner, KeepsTables, Target

__all__ = [
    "Batch",
    "CachedSource",
    "CountedSource",
    "FormatReader",
    "FormatWriter",
    "GroupedBatch",
    "GroupedSource",
    "Index",
    "Joiner",
    "KeepsTables",
    "NotSeekableError",
    "QuickSource",
    "Source",
    "StreamReader",
    "Target",
    "TextSource",
]
