"""Parquet footers: the schema, and where the data of columns are.

Field numbers: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from parapply.formats.parquet.elements import CHILDREN as _CHILDREN
from parapply.formats.parquet.elements import Leaf
from parapply.formats.parquet.thrift import (
    BINARY,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    Items,
    Struct,
    decode,
    encode,
)

MAGIC = b"PAR1"
_TAIL = 8  # bytes after the footer: its length, and the magic

_SCHEMA, _ROWS, _GROUPS, _WRITER, _ORDERS, _ENCRYPTION = 2, 3, 4, 6, 7, 8
_COLUMNS = 1  # of a row group
_FILE, _META, _CRYPTO = 1, 3, 8  # of a chunk
_TYPE, _PATH, _CODEC, _UNPACKED, _PACKED = 1, 3, 4, 6, 7  # of its meta data, as all that follow
_DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE, _STATISTICS = 9, 10, 11, 12
_BLOOM, _BLOOM_LENGTH = 14, 15
_PLACES = (_DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE)
COUNTS = frozenset({3, 4})  # of statistics: missing and distinct values
_ORDERED = frozenset({3, 4, 5, 6, 7, 8})  # and extremes, if the file declares the order
_ARROW = "parquet-cpp-arrow"

CODECS = {"none": 0, "snappy": 1, "gzip": 2, "brotli": 4, "zstd": 6, "lz4": 7}


class Footer:
    """A file's footer as a Thrift struct; it begins at byte `start`."""

    def __init__(self, struct: Struct, start: int) -> None:
        self.struct, self.start = struct, start

    @classmethod
    def read(cls, file: BinaryIO) -> Footer | None:
        """Return a file's footer; None if encrypted, or there is none; raises ThriftError."""
        data, start = _end_of(file)
        struct = decode(data) if data else {_ENCRYPTION: (STRUCT, {})}
        return None if _ENCRYPTION in struct else cls(struct, start)

    @classmethod
    def head_of(cls, file: BinaryIO) -> Footer | None:
        """Return a footer without its groups, even if encrypted; else as `read`."""
        data, start = _end_of(file)
        return cls(decode(data, _SCHEMA), start) if data else None

    @property
    def writer(self) -> str:
        """The program that wrote the file, by its own account; "" if not given."""
        _, name = self.struct.get(_WRITER, (0, b""))
        return str(name, "utf-8", "replace")

    @property
    def statistics(self) -> frozenset[int] | None:
        """Which fields of statistics remain valid under another writer's name; None: all.

        Some writers had wrong extremes, or another sort order, so readers go by the writer's name,
        or by the sort order that the file declares.
        """
        if self.writer.startswith(_ARROW):
            return None
        return _ORDERED if _ORDERS in self.struct else COUNTS

    def columns(self) -> list[list[Struct]]:
        """Return the schema elements of each top-level column, the column's own first."""
        elements = iter(self.struct[_SCHEMA][1].items)
        _, count = next(elements).get(_CHILDREN, (0, 0))
        return [list(_tree(elements)) for _ in range(count)]

    def with_columns(self, columns: Sequence[Sequence[Struct]]) -> Footer:
        """Return the footer with other elements for the same leaves."""
        root = self.struct[_SCHEMA][1].items[0]
        root = {**root, _CHILDREN: (I32, len(columns))}
        items = [root, *(element for column in columns for element in column)]
        return Footer({**self.struct, _SCHEMA: (LIST, Items(STRUCT, items))}, self.start)

    def groups(self) -> list[list[ColumnChunk]]:
        """Return the chunks of each row group, in the order of the schema's leaves."""
        if _GROUPS not in self.struct:
            return []
        groups = self.struct[_GROUPS][1].items
        return [[ColumnChunk(one) for one in group[_COLUMNS][1].items] for group in groups]

    def with_groups(self, groups: Sequence[tuple[int, Sequence[ColumnChunk]]]) -> bytes:
        """Return the end of a file with these row groups, each (rows, chunks)."""
        struct = dict(self.struct)
        struct[_ROWS] = I64, sum(rows for rows, _ in groups)
        made = [_group(place, rows, chunks) for place, (rows, chunks) in enumerate(groups)]
        struct[_GROUPS] = LIST, Items(STRUCT, made)
        data = encode(struct)
        return data + len(data).to_bytes(4, "little") + MAGIC


def _end_of(file: BinaryIO) -> tuple[bytes, int]:
    """Return the footer's bytes and their position; b"" where there is no footer."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _TAIL))
    tail = file.read(_TAIL)
    start = end - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or start < 0:
        return b"", end
    file.seek(start)
    return file.read(end - _TAIL - start), start


class ColumnChunk:
    """Where the values of one leaf of the schema are, for the rows of one group."""

    def __init__(self, struct: Struct) -> None:
        self.struct = struct
        self.meta: Struct = struct[_META][1] if _META in struct else {}

    @property
    def readable(self) -> bool:
        """Whether it is in this file, and not encrypted."""
        return bool(self.meta) and _FILE not in self.struct and _CRYPTO not in self.struct

    @property
    def codec(self) -> int:
        """Parquet's number of its compression."""
        return int(self.meta[_CODEC][1])

    @property
    def start(self) -> int:
        """Its first byte: that of its dictionary, if it has one."""
        dictionary = self._number(_DICTIONARY_PAGE)
        data = self._number(_DATA_PAGE)
        return dictionary if 0 < dictionary < data else data

    @property
    def size(self) -> int:
        """Its compressed bytes, with page headers."""
        return self._number(_PACKED)

    @property
    def stop(self) -> int:
        return self.start + self.size

    @property
    def unpacked(self) -> int:
        return self._number(_UNPACKED)

    def moved(self, by: int, statistics: frozenset[int] | None = None) -> ColumnChunk:
        """Return the chunk as in another file, `by` bytes further on.

        Without its Bloom filter and page index, which are elsewhere in its file. `statistics`: the
        fields of these to keep; None: all.
        """
        meta = {n: f for n, f in self.meta.items() if n not in (_BLOOM, _BLOOM_LENGTH)}
        for place in _PLACES:
            if self._number(place) > 0:
                meta[place] = I64, self._number(place) + by
        if statistics is not None and _STATISTICS in meta:
            _, known = meta[_STATISTICS]
            meta[_STATISTICS] = STRUCT, {n: known[n] for n in known if n in statistics}
        return ColumnChunk({2: (I64, 0), _META: (STRUCT, meta)})  # 2: no copy of it

    def called(self, leaf: Leaf, *, ordered: bool) -> ColumnChunk:
        """Return the chunk as that of a leaf whose values have the same bytes.

        `ordered`: and the same sort order, which its extremes depend on.
        """
        path = [name.encode("utf-8", "surrogateescape") for name in leaf.path]
        told = {_TYPE: (I32, leaf.physical), _PATH: (LIST, Items(BINARY, path))}
        meta = {**self.meta, **told}
        if not ordered and _STATISTICS in meta:
            _, known = meta[_STATISTICS]
            meta[_STATISTICS] = STRUCT, {n: known[n] for n in known if n in COUNTS}
        return ColumnChunk({**self.struct, _META: (STRUCT, meta)})

    def _number(self, field: int) -> int:
        _, value = self.meta.get(field, (I64, 0))
        return int(value)


def _tree(elements: Iterator[Struct]) -> Iterator[Struct]:
    element = next(elements)
    yield element
    for _ in range(element.get(_CHILDREN, (0, 0))[1]):
        yield from _tree(elements)


def leaves(column: Sequence[Struct]) -> int:
    """Return how many chunks a column has in a row group."""
    return sum(not element.get(_CHILDREN, (0, 0))[1] for element in column)


def _group(place: int, rows: int, chunks: Sequence[ColumnChunk]) -> Struct:
    unpacked, packed = (sum(getattr(one, name) for one in chunks) for name in ("unpacked", "size"))
    group: dict[int, tuple[int, Any]] = {
        _COLUMNS: (LIST, Items(STRUCT, [chunk.struct for chunk in chunks])),
        2: (I64, unpacked),
        3: (I64, rows),
        5: (I64, min((chunk.start for chunk in chunks), default=len(MAGIC))),
        6: (I64, packed),
    }
    if place < 1 << 15:
        group[7] = I16, place
    return group
