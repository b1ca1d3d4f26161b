"""CSV output: parts are written by workers in their final form, and joined by copying bytes."""

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
    """How records are written: like the source's where that is CSV of the same dialect."""

    dialect: Dialect
    names: tuple[bytes, ...] | None  # the input's columns, as they stand in a header, if any
    before: bytes = b""
    after: bytes = b""  # stands after the header where there are no rows
    line_end: bytes = b"\n"
    alike: bool = False  # records of the input can go through as they are
    ended: bool = True  # the header has a line end even where no row follows
    writing: Writing = field(default_factory=Writing)
    reads_typed: bool = False  # numbers or truth are written otherwise than the input has them

    has_twins = True

    @property
    def kind(self) -> str:
        """By the delimiter."""
        return ".tsv" if self.dialect.delimiter == ord("\t") else ".csv"

    @property
    def quick(self) -> bool:
        """Whether lines go through."""
        return self.alike

    @classmethod
    def like(cls, source: CsvSource, writing: Writing, added: Sequence[str] = ()) -> CsvTarget:
        """Return the target that writes as `source` is written; some columns may be added to it."""
        head = source.head
        names = (
            None
            if head.fields is None
            else (*head.fields, *(quoted_text(name, head.dialect) for name in added))
        )
        return cls(
            head.dialect, names, head.before, head.after, head.line_end, True, head.ended,
            writing,
        )  # fmt: skip

    def with_dialect(self, dialect: Dialect) -> CsvTarget:
        """Return a target whose fields are written anew, in another dialect."""
        names = self.names and tuple(requoted(name, self.dialect, dialect) for name in self.names)
        return replace(
            self, dialect=dialect, names=names, before=without_said(self.before), after=b"",
            alike=False,
        )  # fmt: skip

    def as_a_tool_does(self, dialect: Dialect) -> CsvTarget:
        """Return a target that writes all as a named dialect has it."""
        known = self.dialect
        typed = (known.decimal, known.true) != (dialect.decimal, dialect.true)
        return replace(
            self.with_dialect(dialect), before=dialect.mark, line_end=dialect.line_end,
            reads_typed=typed,
        )  # fmt: skip

    def write(
        self, part: Part, arrangement: Arrangement, batch: Batch, made: Mapping[str, Any],
        take: Any, last: bool, known: Any = None,
    ) -> None:  # fmt: skip
        """Write a part; see formats.Target."""
        del known
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
        """Whether its records can be written as they stand: not each file may have one dialect."""
        return self.alike and batch.place.dialect == self.dialect

    def _buffers(
        self,
        arrangement: Arrangement,
        batch: Batch,
        ready: dict[str, pa.Array],
        take: Any,
        last: bool,
    ) -> list[Any]:
        if isinstance(batch, CsvBatch) and self._goes_through(batch) and _keeps_any(arrangement):
            return splice(
                batch.records, self.dialect, batch.place.width, arrangement, ready,
                take, self.line_end, last,
            )  # fmt: skip
        if self.writing.keeps_all:
            batch.check_complete()
        positions = [column.position for column in arrangement if isinstance(column, Keep)]
        kept = [_picked(array, take) for array in self._kept(batch, positions)]
        kept = [text.fields(array, self.dialect) for array in kept]
        return self._lines(arrangement, dict(zip(positions, kept, strict=True)), ready)

    def _kept(self, batch: Batch, positions: Sequence[int]) -> list[pa.Array]:
        """Return columns of the input as text, or as what is written as this dialect has it."""
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
        """Return the lines of a DataFrame's rows."""
        del rows
        made = {name: self._fields(name, array, _of_table) for name, array in columns}
        arrangement = tuple(New(name) for name in made)
        with worded(_of_table):
            return self._checked(self._lines(arrangement, {}, made), arrangement)

    def joiner(self) -> TextJoiner:
        """Return what concatenates the parts after a header."""
        return TextJoiner(self.writing, self.head, self.after)

    def _checked(self, lines: Sequence[Any], arrangement: Arrangement) -> Sequence[Any]:
        """Return a part's text; raises UnencodableError."""

        def locate(data: bytes, place: int) -> tuple[int, str]:
            records = find_records(data, self.dialect)
            row = max(0, int(records.starts.searchsorted(place, "right")) - 1)
            before = split_fields(data[int(records.starts[row]) : place], self.dialect)
            column = arrangement[min(len(before), len(arrangement)) - 1]
            if isinstance(column, New):
                return row, column.name
            return row, self._name(column.position)

        return checked(lines, self.encoding, locate)

    def _name(self, position: int) -> str:
        """Return the name of a column of the input."""
        if self.names is None:
            return str(position)
        return self.names[position].decode("utf-8", "replace")

    def _fields(self, name: str, array: pa.Array, where: Callable[[int], str]) -> pa.Array:
        with worded(where, name):
            return text.fields(array, self.dialect)

    def head(self, arrangement: Arrangement) -> tuple[bytes, bytes]:
        """Return the header, and its line end where only a row that follows makes it have one."""
        if not arrangement:
            raise OutputError("rows without a column: CSV has no place for them")
        if self.names is None:
            return self.before, b""
        for column in arrangement:
            name = column.name if isinstance(column, New) else self._name(column.position)
            check_name(name, self.encoding)
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
        joined = text.lines(columns, self.dialect, self.line_end.decode())
        return [text_data(joined)]


def _where(batch: Batch, take: Any, position: int) -> str:
    """Name a row of a part."""
    place = position if take is None else int(take[position])
    return batch.place.where(place) if isinstance(batch, CsvBatch) else f"row {place + 1}"


def _of_table(position: int) -> str:
    return f"row {position + 1} of a DataFrame that the function returned"


def _keeps_any(arrangement: Arrangement) -> bool:
    return any(isinstance(column, Keep) for column in arrangement)


def _picked(array: pa.Array, take: Any) -> pa.Array:
    return array if take is None else picked(array, take)
