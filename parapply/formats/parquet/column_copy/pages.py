"""Pages of a Parquet file's columns, copied unchanged to the end of another file."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from parapply.formats.parquet.column_copy.plan import CopyPlan
from parapply.formats.parquet.encoded_groups import GroupChunks, OutputEnd, named
from parapply.formats.parquet.footer import ColumnChunk, Footer
from parapply.formats.parquet.thrift import Struct


class Pages:
    """The columns of a file."""

    def __init__(self, plan: CopyPlan) -> None:
        self._plan, self._file, names = plan, plan.open(), plan.schema.names
        footer = Footer.read(self._file)
        assert footer is not None
        self._statistics = footer.statistics
        self._described: dict[str, list[Struct]] = dict(zip(names, footer.columns(), strict=True))
        self._groups = [named(footer, names, group) for group in footer.groups()]

    def described(self, name: str) -> list[Struct]:
        return self._described[name]

    def copy(self, group: int, names: Collection[str], end: OutputEnd) -> GroupChunks:
        """Copy columns of a group to the output's end; return their chunks there."""
        self._plan.check()
        chunks = {name: self._groups[group][name] for name in names}
        moved: dict[int, ColumnChunk] = {}
        for start, stop, some in _runs([chunk for column in chunks.values() for chunk in column]):
            by = end.at - start
            end.copy(self._file, start, stop)
            moved |= {id(chunk): chunk.moved(by, self._statistics) for chunk in some}
        return {name: [moved[id(one)] for one in column] for name, column in chunks.items()}

    def close(self) -> None:
        self._file.close()


def _runs(chunks: list[ColumnChunk]) -> Iterator[tuple[int, int, list[ColumnChunk]]]:
    """Yield (start, stop, chunks) of chunks that are adjacent in the file."""
    run: list[ColumnChunk] = []
    for chunk in sorted(chunks, key=lambda chunk: chunk.start):
        if run and chunk.start != run[-1].stop:
            yield run[0].start, run[-1].stop, run
            run = []
        run.append(chunk)
    if run:
        yield run[0].start, run[-1].stop, run
