"""CSV output: workers write parts in their final form, which are joined by copying bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from parapply.columns import kernels as pc
from parapply.columns.arrays import take as picked
from parapply.columns.arrays import text_data
from parapply.columns.made_column import as_array
from parapply.formats.api import Batch
from parapply.formats.common.added_columns import AddedBatch, as_made
from parapply.formats.common.encodable import check_name, checked
from parapply.formats.common.text_parts import TextJoiner
from parapply.formats.common.text_target import TextTarget
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.escapes import quoted_text, requoted, worded
from parapply.formats.csv.header import without_said
from parapply.formats.csv.records import find_records, split_fields
from parapply.formats.csv.small.batch import SmallBatch
from parapply.formats.csv.source import CsvSource
from parapply.formats.csv.splice import header, splice
from parapply.formats.nouns import Arrangement, Keep, New, Writing
from parapply.model.deferred_imports import at, lazy, pa
from parapply.model.errors import OutputError
from parapply.model.records import field, record, replace
from parapply.storage.part import Part

if TYPE_CHECKING:
    from parapply.formats.csv import text
else:
    text = lazy("parapply.formats.csv.text")


@record
class CsvTarget(TextTarget):
    """Writes records like the source's if that is CSV of the same dialect."""

    dialect: Dialect
    names: tuple[bytes, ...] | None  # the input's columns, as they stand in a header, if any
    before: bytes = b""
    after: bytes = b""  # follows the header if there are no rows
    line_end: bytes = b"\n"
    alike: bool = False  # the input's records can be copied as they are
    ended: bool = True  # the header has a line end even if no row follows
    writing: Writing = field(default_factory=Writing)
    reads_typed: bool = False  # numbers or booleans are spelled otherwise than in the input

    has_twins = True

    @property
    def kind(self) -> str:
        return ".tsv" if self.dialect.delimiter == ord("\t") else ".csv"

    @property
    def quick(self) -> bool:
        return self.alike

    @classmethod
    def like(cls, source: CsvSource, writing: Writing, added: Sequence[str] = ()) -> CsvTarget:
        """Return the target that writes as `source` is written, with columns `added` to it."""
        head, names = source.head, None
        if head.fields is not None:
            names = (*head.fields, *(quoted_text(name, head.dialect) for name in added))
        text = head.before, head.after, head.line_end
        return cls(head.dialect, names, *text, True, head.ended, writing)

    def with_dialect(self, dialect: Dialect) -> CsvTarget:
        """Return a target that writes all fields anew, in another dialect."""
        names = self.names and tuple(requoted(name, self.dialect, dialect) for name in self.names)
        return replace(
            self, dialect=dialect, names=names, before=without_said(self.before), after=b"",
            alike=False,
        )  # fmt: skip

    def as_a_tool_does(self, dialect: Dialect) -> CsvTarget:
        """Return a target that writes everything by a named dialect."""
        known, target = self.dialect, self.with_dialect(dialect)
        typed = (known.decimal, known.true) != (dialect.decimal, dialect.true)
        form = {"before": dialect.mark, "line_end": dialect.line_end}
        return replace(target, reads_typed=typed, **form)

    def write(
        self, part: Part, arrangement: Arrangement, batch: Batch, made: Mapping[str, Any],
        take: Any, last: bool, known: Any = None,
    ) -> None:  # fmt: skip
        if isinstance(batch, AddedBatch):
            read = batch.columns if self.reads_typed else batch.verbatim
            arrangement, made = as_made(arrangement, batch, made, take, read)
            batch = batch.inner
        if isinstance(batch, SmallBatch):
            through = self._goes_through(batch)
            lines = batch.part(arrangement, made, take, self.line_end, last) if through else None
            if lines is not None:
                part.write(self._checked(lines, arrangement))
                return
            batch = batch.whole
        where = partial(_where, batch, take)
        with worded(where):
            ready = {n: self._fields(n, as_array(c), where) for n, c in made.items()}
            buffers = self._buffers(arrangement, batch, ready, take, last)
            part.write(self._checked(buffers, arrangement))

    def _goes_through(self, batch: CsvBatch | SmallBatch) -> bool:
        """Whether its records can be copied: files of one job may have several dialects."""
        return self.alike and batch.place.dialect == self.dialect

    def _buffers(
        self, arrangement: Arrangement, batch: Batch, ready: dict[str, Any], take: Any, last: bool
    ) -> list[Any]:
        keeps = any(isinstance(column, Keep) for column in arrangement)
        if isinstance(batch, CsvBatch) and self._goes_through(batch) and keeps:
            return splice(
                batch.records, self.dialect, batch.place.width, arrangement, ready,
                take, self.line_end, last,
            )  # fmt: skip
        if self.writing.keeps_all:
            batch.check_complete()
        positions = [column.position for column in arrangement if isinstance(column, Keep)]
        kept = [
            text.fields(array if take is None else picked(array, take), self.dialect)
            for array in self._kept(batch, positions)
        ]
        return self._lines(arrangement, dict(zip(positions, kept, strict=True)), ready)

    def _kept(self, batch: Batch, positions: Sequence[int]) -> list[pa.Array]:
        """Return input columns as text, or as values that this dialect spells otherwise."""
        if not isinstance(batch, CsvBatch):
            return batch.columns(positions) if self.reads_typed else batch.verbatim(positions)
        told = self.dialect.nulls is not None
        found = batch.texts(positions) if told else batch.verbatim(positions)
        if not self.reads_typed:
            return found
        old, new = (chr(dialect.decimal) for dialect in (batch.place.dialect, self.dialect))
        for place, position in enumerate(positions):
            type_ = batch.place.fields[position].type
            if type_ is not None and at.is_boolean(type_):
                found[place] = batch.columns([position])[0]
            elif type_ is not None and at.is_floating(type_) and old != new:
                found[place] = pc.replace_substring(found[place], old, new)
        return found

    def text(self, columns: Sequence[tuple[str, pa.Array]], rows: int) -> Sequence[Any]:
        made = {name: self._fields(name, array, _of_table) for name, array in columns}
        arrangement = tuple(New(name) for name in made)
        with worded(_of_table):
            return self._checked(self._lines(arrangement, {}, made), arrangement)

    def joiner(self) -> TextJoiner:
        return TextJoiner(self.writing, self.head, self.after)

    def _checked(self, lines: Sequence[Any], arrangement: Arrangement) -> Sequence[Any]:
        def locate(data: bytes, place: int) -> tuple[int, str]:
            records = find_records(data, self.dialect)
            row = max(0, int(records.starts.searchsorted(place, "right")) - 1)
            before = split_fields(data[int(records.starts[row]) : place], self.dialect)
            return row, self._name(arrangement[min(len(before), len(arrangement)) - 1])

        return checked(lines, self.encoding, locate)

    def _name(self, column: Keep | New) -> str:
        if isinstance(column, New):
            return column.name
        if self.names is None:
            return str(column.position)
        return self.names[column.position].decode("utf-8", "replace")

    def _fields(self, name: str, array: pa.Array, where: Callable[[int], str]) -> pa.Array:
        with worded(where, name):
            return text.fields(array, self.dialect)

    def head(self, arrangement: Arrangement) -> tuple[bytes, bytes]:
        """Return the header, and apart from it a line end that only a following row calls for."""
        if not arrangement:
            raise OutputError("rows without a column: CSV has no place for them")
        if self.names is None:
            return self.before, b""
        for column in arrangement:
            check_name(self._name(column), self.encoding)
        with worded(lambda position: "the header"):
            record = self.before + header(self.names, arrangement, self.dialect)
        return (record + self.line_end, b"") if self.ended else (record, self.line_end)

    def _lines(
        self, arrangement: Arrangement, kept: dict[int, pa.Array], made: dict[str, pa.Array]
    ) -> list[Any]:
        columns = [
            kept[column.position] if isinstance(column, Keep) else made[column.name]
            for column in arrangement
        ]
        if not columns or not len(columns[0]):
            return []
        return [text_data(text.lines(columns, self.dialect, self.line_end.decode()))]


def _where(batch: Batch, take: Any, position: int) -> str:
    place = position if take is None else int(take[position])
    return batch.place.where(place) if isinstance(batch, CsvBatch) else f"row {place + 1}"


def _of_table(position: int) -> str:
    return f"row {position + 1} of a DataFrame that the function returned"
