"""Parquet: the room `PARQUET` of the table of formats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from parapply.errors import UsageError
from parapply.formats import Reading, Source, Target, Writing
from parapply.formats.added import AddedSource
from parapply.formats.group_target import TableTarget
from parapply.formats.parquet.carry import Carry, carry_of
from parapply.formats.parquet.footer import CODECS
from parapply.formats.parquet.source import ParquetSource, opened
from parapply.formats.parquet.target import CarryingTarget
from parapply.formats.parquet.writer import ParquetWriter


class _Parquet:
    def source(self, path: str, name: str, reading: Reading) -> ParquetSource:
        return opened(path, name, reading)

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        schema = getattr(sources[0], "schema", None)
        codec = writing.compression or "snappy"
        if codec not in CODECS:
            raise UsageError(f"--compression {codec}: Parquet has {', '.join(CODECS)}")
        carry = _carry(sources, writing)
        names, writer = tuple(sources[0].columns), partial(ParquetWriter, compression=codec)
        if carry is None:
            return TableTarget(names, schema, writer, ".parquet", writing.keeps_all)
        return CarryingTarget(
            names, schema, writer, ".parquet", writing.keeps_all, carry=carry, codec=codec
        )


PARQUET = _Parquet()


def _carry(sources: Sequence[Source], writing: Writing) -> Carry | None:
    """Return which columns are carried over, where rows and columns allow for it."""
    source = sources[0].inner if isinstance(sources[0], AddedSource) else sources[0]
    if len(sources) > 1 or not writing.keeps_rows or not isinstance(source, ParquetSource):
        return None
    return carry_of(source, writing.compression)
