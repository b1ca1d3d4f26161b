"""Parquet: the entry `PARQUET` of the table of formats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from parapply.formats.api import Source, Target
from parapply.formats.common.added_source import AddedSource
from parapply.formats.common.group_target import TableTarget
from parapply.formats.nouns import Reading, Writing
from parapply.formats.parquet.column_copy.plan import plan_of
from parapply.formats.parquet.elements import Layout
from parapply.formats.parquet.footer import CODECS
from parapply.formats.parquet.layout import layout_of, open_writer
from parapply.formats.parquet.source import ParquetSource, opened
from parapply.formats.parquet.target import CopyingTarget
from parapply.model.errors import UsageError


class _Parquet:
    def source(self, path: str, name: str, reading: Reading) -> ParquetSource:
        return opened(path, name, reading)

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        codec = writing.compression or "snappy"
        if codec not in CODECS:
            raise UsageError(f"--compression {codec}: Parquet has {', '.join(CODECS)}")
        files = _files(sources)
        layout = layout_of(files) if files else Layout({}, frozenset())
        copied = None
        if len(files) == 1 and writing.keeps_rows:
            copied = plan_of(files[0], writing.compression, layout)
        names = tuple(sources[0].columns)
        writer = partial(open_writer, compression=codec, layout=layout)
        same_rows = writing.keeps_rows and len(sources) == 1
        told = names, sources[0].schema, writer, ".parquet", writing.keeps_all, same_rows
        if copied is None:
            return TableTarget(*told)
        return CopyingTarget(*told, copied=copied, codec=codec, layout=layout)


PARQUET = _Parquet()


def _files(sources: Sequence[Source]) -> list[ParquetSource]:
    """Return the sources as files, without added columns; [] if some have another format."""
    inner: list[object] = [one.inner if isinstance(one, AddedSource) else one for one in sources]
    files = [one for one in inner if isinstance(one, ParquetSource)]
    return files if len(files) == len(sources) else []
