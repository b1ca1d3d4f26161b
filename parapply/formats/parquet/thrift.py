"""Thrift's compact protocol, in which Parquet footers are written, read without a schema.

Structs keep unknown fields, so that nothing is lost when they are written again.
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any, NamedTuple

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
_FIXED = {BYTE: 1, DOUBLE: 8, UUID: 16}  # bytes

Struct = dict[int, tuple[int, Any]]  # a field's number -> its kind and value


class Items(NamedTuple):
    """A list or set: the kind of its items, and the items."""

    kind: int
    items: list[Any]


class Pairs(NamedTuple):
    """A map: the kinds of keys and values, and the pairs."""

    kinds: tuple[int, int]
    items: list[tuple[Any, Any]]


class ThriftError(ValueError):
    """The bytes are no valid struct."""


def decode(data: bytes, last: int = 1 << 15) -> Struct:
    """Return the struct at the start of `data`, up to its field `last`; raises ThriftError."""
    try:
        return _Reader(data).struct(last)
    except IndexError:
        raise ThriftError("a struct without an end") from None


def encode(struct: Struct) -> bytes:
    """Return a struct's bytes, its fields in the order of the dict."""
    writer = _Writer()
    writer.struct(struct)
    return bytes(writer.data)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self, last: int = 1 << 15) -> Struct:
        found: Struct = {}
        number = 0
        while head := self._byte():
            kind, ahead = head & 15, head >> 4
            number = number + ahead if ahead else self._integer()
            if number > last:
                break
            found[number] = kind, kind == TRUE if kind <= FALSE else self._value(kind)
        return found

    def _value(self, kind: int) -> Any:
        if I16 <= kind <= I64:
            return self._integer()
        if kind == BINARY:
            return self._bytes(self._unsigned())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            return self._items()
        if kind in _FIXED:
            return self._bytes(_FIXED[kind])
        if kind in (TRUE, FALSE):  # among the items of a list
            return self._byte() == TRUE
        if kind == MAP:
            return self._pairs()
        raise ThriftError(f"no kind has the number {kind}")

    def _items(self) -> Items:
        head = self._byte()
        kind, count = head & 15, head >> 4
        if count == 15:
            count = self._unsigned()
        return Items(kind, [self._value(kind) for _ in range(count)])

    def _pairs(self) -> Pairs:
        count = self._unsigned()
        kinds = self._byte() if count else 0
        key, value = kinds >> 4, kinds & 15
        return Pairs((key, value), [(self._value(key), self._value(value)) for _ in range(count)])

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise IndexError
        return self._data[self._at - count : self._at]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) > 127:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def struct(self, struct: Struct) -> None:
        before = 0
        for number, (kind, value) in struct.items():
            ahead = number - before
            if 0 < ahead < 16:
                self.data.append(ahead << 4 | kind)
            else:
                self.data.append(kind)
                self._integer(number)
            before = number
            if kind > FALSE:  # else the kind is the value
                self._value(kind, value)
        self.data.append(0)

    def _value(self, kind: int, value: Any) -> None:
        if I16 <= kind <= I64:
            self._integer(value)
        elif kind == STRUCT:
            self.struct(value)
        elif kind in (LIST, SET):
            self._items(value)
        elif kind == MAP:
            self._pairs(value)
        elif kind in (TRUE, FALSE):
            self.data.append(TRUE if value else FALSE)
        else:
            if kind == BINARY:
                self._unsigned(len(value))
            self.data += value

    def _items(self, value: Items) -> None:
        count = len(value.items)
        self.data.append(min(count, 15) << 4 | value.kind)
        if count >= 15:
            self._unsigned(count)
        for item in value.items:
            self._value(value.kind, item)

    def _pairs(self, value: Pairs) -> None:
        self._unsigned(len(value.items))
        if value.items:
            self.data.append(value.kinds[0] << 4 | value.kinds[1])
        for pair in value.items:
            for kind, item in zip(value.kinds, pair, strict=True):
                self._value(kind, item)

    def _unsigned(self, value: int) -> None:
        while value > 127:
            self.data.append(value & 127 | 128)
            value >>= 7
        self.data.append(value)

    def _integer(self, value: int) -> None:
        self._unsigned(value << 1 if value >= 0 else (-value << 1) - 1)
