"""JSON Lines output: workers write parts in their final form, which are joined by copying bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from parapply.columns import kernels as pc
from parapply.columns.arrays import text_data
from parapply.columns.scalars import text as scalar
from parapply.columns.text.json import members as made_members
from parapply.columns.text.json import values
from parapply.formats.api import Batch
from parapply.formats.common.added_columns import AddedBatch, as_made
from parapply.formats.common.encodable import checked
from parapply.formats.common.text_target import TextTarget
from parapply.formats.jsonl.batch import JsonlBatch
from parapply.formats.jsonl.edit import Edit
from parapply.formats.jsonl.lines import filled_starts
from parapply.formats.jsonl.parse import members
from parapply.formats.jsonl.source import JsonlSource
from parapply.formats.nouns import Arrangement, Keep, New, Writing
from parapply.model.records import field, record
from parapply.storage.part import Part


@record
class JsonlTarget(TextTarget):
    """Writes objects with all columns, each value by its type."""

    columns: tuple[str, ...]  # the input's
    writing: Writing = field(default_factory=Writing)
    before: bytes = b""
    line_end: str = "\n"

    kind = ".jsonl"

    def text(self, columns: Sequence[tuple[str, pa.Array]], rows: int) -> Sequence[Any]:
        texts = [(name, values(array)) for name, array in columns]
        return checked([_objects(texts, rows, self.line_end)], self.encoding, _place)

    def head(self, arrangement: Arrangement) -> tuple[bytes, bytes]:
        return self.before, b""


class JsonlSplicer(JsonlTarget):
    """Writes the input's own lines, with the function's values put into them."""

    __slots__ = ()

    reads_typed = False

    @classmethod
    def like(
        cls, source: JsonlSource, writing: Writing, columns: tuple[str, ...] = ()
    ) -> JsonlSplicer:
        """Return the target that writes as `source` is written; `columns` may be more."""
        return cls(columns or source.columns, writing, source.before, source.line_end.decode())

    def write(
        self, part: Part, arrangement: Arrangement, batch: Batch, made: Mapping[str, Any],
        take: Any, last: bool, known: Any = None,
    ) -> None:  # fmt: skip
        """Blank lines stay."""
        if isinstance(batch, AddedBatch):
            arrangement, made = as_made(arrangement, batch, made, take, batch.columns)
            batch = batch.inner
        keeps = any(isinstance(column, Keep) for column in arrangement)
        if not (keeps or made.keys() >= set(self.columns)):  # --only
            JsonlTarget.write(self, part, arrangement, batch, made, take, last)
            return
        assert isinstance(batch, JsonlBatch)
        edit = Edit.of(arrangement, self.columns)
        names = [column.name for column in arrangement if isinstance(column, New)]
        ready = {name: values(made[name]) for name in names}
        for name in names if edit.ordered else edit.names:
            batch.check_single(name, None if take is None else take.tolist())
        own = batch.lines
        if take is None:
            edited = edit.lines(own.texts(), ready, batch.keys)
            written = own.replaced(edited, self.line_end, last)
        else:
            rows, texts = take.tolist(), own.texts()
            edited = edit.lines([texts[row] for row in rows], ready, batch.keys)
            written = own.picked(edited, rows, self.line_end, last)
        part.write(checked([written.encode()], self.encoding, _place))


def _place(data: bytes, place: int) -> tuple[int, str]:
    """Return the row and the key of a byte of objects' text."""
    row = int(filled_starts(data).searchsorted(place, "right")) - 1
    start = data.rfind(b"\n", 0, place) + 1
    line = data[start:].partition(b"\n")[0].decode()
    at = len(data[start:place].decode())
    return row, next(key for key, _, _, stop in members(line) if at < stop)


def _objects(columns: Sequence[tuple[str, pa.Array]], rows: int, line_end: str) -> Any:
    if not rows:
        return b""
    inner = made_members(columns)
    if inner is None:
        return f"{{}}{line_end}".encode() * rows
    return text_data(
        pc.binary_join_element_wise(scalar("{"), inner, scalar("}" + line_end), scalar(""))
    )
