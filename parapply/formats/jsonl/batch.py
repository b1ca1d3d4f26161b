"""The rows of one chunk of JSON lines, in a worker."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pyarrow as pa

from parapply.columns.json_columns import is_json, is_varied
from parapply.formats.common.record_locator import RecordLocator
from parapply.formats.common.typed import Typed, with_misfits
from parapply.formats.jsonl.columns import JsonMisfitError, as_json, build, cast
from parapply.formats.jsonl.kinds import keys_of, kind_of
from parapply.formats.jsonl.lines import LineError, Lines
from parapply.formats.jsonl.parse import examine, members, parse, parse_literal, values_of, without
from parapply.formats.jsonl.repeated_keys import Twice, doubled, doubled_in, doubled_on
from parapply.formats.nouns import Field, Fields
from parapply.model.errors import BadRowsError, InputError
from parapply.model.records import record, replace


@record
class JsonlLocator(RecordLocator):
    """Names lines in messages, and has what it takes to read their values."""

    fields: Fields
    forced: Collection[str]  # columns whose type --dtype gives
    nulls: Collection[str]  # texts of missing values

    def mistake(self, error: LineError) -> InputError:
        return InputError(f"{self.where(error.row)} {error.why}")


class JsonlBatch(Typed):
    """Lines and, once asked for, their columns as Arrow arrays."""

    def __init__(self, lines: Lines, place: JsonlLocator, twice: Twice | None = None) -> None:
        self.lines, self.place = lines, place
        self.rows, self._is_lent = len(lines), False
        self._objects: list[dict[str, Any]] | None = None
        self._own: list[dict[str, Any]] | None = None  # never given to a function
        self._literal: list[dict[str, Any]] | None = None
        self._members: dict[int, dict[str, str]] = {}  # JSON texts, by row
        self._built: dict[int, pa.Array] = {}
        self.keys = {field.name for field in place.fields}  # all keys of the lines, or more
        self.twice = twice  # keys that lines may have twice; None: not checked yet

    def check(self, text: bytes) -> None:
        """Check every line of a text that no survey has seen; raises InputError."""
        self.keys.update(keys_of(self.objects))
        self.twice = doubled(text, self.objects)

    @property
    def objects(self) -> list[dict[str, Any]]:
        if self._objects is None:
            try:
                self._objects = parse(self.lines.texts())
            except LineError as error:
                raise self.place.mistake(error) from error
        return self._objects

    def pick(self, rows: Sequence[int]) -> JsonlBatch:
        first, count = (rows[0], len(rows)) if rows else (0, 0)
        run = list(rows) == list(range(first, first + count))
        return self._of(self.lines.cut(first, count) if run else self.lines.only(rows), rows)

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        self._objects, why = examine(self.lines)
        self.keys.update(keys_of(self._objects))
        if self.twice is None:
            self.twice = doubled_in(self.lines.texts())
        bad = {row: f"{self.place.where(row)} {text}" for row, text in why.items()}
        return with_misfits(self, (*positions, *filter(self._is_cast, seen)), bad)

    def without(self, rows: Collection[int]) -> JsonlBatch:
        left = [row for row in range(self.rows) if row not in rows]
        return self._of(self.lines.without(rows), left)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> JsonlBatch:
        lines = self.lines.only(rows)
        every = [
            "{}" if row in ragged or row in blank else text
            for row, text in zip(rows, lines.every, strict=True)
        ]
        return self._of(replace(lines, every=every), rows)

    def _of(self, lines: Lines, rows: Sequence[int]) -> JsonlBatch:
        batch = JsonlBatch(lines, self.place.pick(rows), self.twice)
        batch.keys = self.keys
        return batch

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Nothing to prepare: whole lines are parsed, whatever is asked for."""

    def check_complete(self) -> None:
        known = {field.name for field in self.place.fields}
        if self.keys <= known:
            return
        for row, keys in enumerate(self.objects):
            for key in keys:
                if key not in known:
                    raise InputError(
                        f"{self.place.where(row)} has the key "
                        f"{key!r}, which the first rows had not, so that there is no column for "
                        "it; choose columns (--select, or -c for a chunk function), read a file, "
                        "or write --to jsonl with a row function"
                    )

    def check_single(self, name: str, rows: Iterable[int] | None = None) -> None:
        """Raise BadRowsError where one of these rows (None: of all) has a key twice."""
        if self.twice is not None and name in self.twice.own:
            self._check_twice(name, "the key is there twice", 0, rows)

    def _check_inside(self, name: str) -> None:
        """The same for keys of nested objects, before these become Arrow structs."""
        if self.twice is not None and name in self.twice.inside:
            self._check_twice(name, "a key is there twice in an object", 1)

    def _check_twice(
        self, name: str, what: str, of: int, rows: Iterable[int] | None = None
    ) -> None:
        bad, texts = {}, self.lines.texts()
        for row in range(self.rows) if rows is None else rows:
            twice = doubled_on(texts[row])
            if twice is not None and name in twice[of]:
                bad[row] = (
                    f"{self.place.where(row)}, column {name!r}: {what}, and only one would count; "
                    f"mend the line, --drop {name}, or write JSON Lines with a function that does "
                    "not look at it"
                )
        if bad:
            raise BadRowsError(bad)

    def columns(self, positions: Sequence[int]) -> list[pa.Array]:
        for position in positions:
            if position not in self._built:
                self.check_single(self._name(position))
                self._built[position] = self._column(self.place.fields[position])
        return [self._built[position] for position in positions]

    def values(self, position: int) -> list[Any]:
        if self._is_cast(position):
            return super().values(position)
        self._is_lent = True
        self.check_single(self._name(position))
        return without(values_of(self.objects, self._name(position)), self.place.nulls)

    def _is_cast(self, position: int) -> bool:
        """Whether values are converted to the type of --dtype."""
        field = self.place.fields[position]
        return field.name in self.place.forced and not is_json(field.type)

    def _name(self, position: int) -> str:
        return self.place.fields[position].name

    def held(self, position: int) -> list[Any] | None:
        return None if self._is_cast(position) else self.values(position)

    def ready(self, positions: Sequence[int]) -> None:
        """Nothing to prepare: whole lines are parsed, whatever is asked for."""

    def verbatim(self, positions: Sequence[int]) -> list[pa.Array]:
        names = [self._name(position) for position in positions]
        for name in names:
            self.check_single(name)
        return [self._made(build, self._spelled(name), pa.string(), name) for name in names]

    def _column(self, field: Field) -> pa.Array:
        varied = field.type is None or is_varied(field.type)
        objects = self._unchanged() if varied else self.objects
        values = without(values_of(objects, field.name), self.place.nulls)
        type_ = kind_of(values).type if field.type is None else field.type
        if is_json(type_):
            written = [self._text(*item, field.name) for item in enumerate(values)]
            return self._made(as_json, written, type_, field.name)
        self._check_inside(field.name)
        if field.name in self.place.forced:
            values = without(self._spelled(field.name), self.place.nulls)
            texts = self._made(build, values, pa.string(), field.name)
            return self._made(cast, texts, type_, field.name)
        return self._made(build, values, type_, field.name)

    def _unchanged(self) -> list[dict[str, Any]]:
        """Return freshly parsed lines: functions may change the lists and dicts they were given."""
        if not self._is_lent:
            return self.objects
        if self._own is None:
            self._own = parse(self.lines.texts())
        return self._own

    def _made(self, make: Any, values: Any, type_: Any, name: str) -> pa.Array:
        """Make an array; raises BadRowsError with the rows whose values do not fit."""
        try:
            return make(values, type_)
        except JsonMisfitError:
            pass
        bad = {}
        for row in range(self.rows):
            try:
                make(values[row : row + 1], type_)
            except JsonMisfitError as error:
                shown = _shown(self.objects[row].get(name))
                remedy = f"; --dtype {name}=str takes any value" if error.strict else ""
                bad[row] = f"{self.place.where(row)}, column {name!r}: {shown} {error}{remedy}"
        raise BadRowsError(bad)

    def _spelled(self, name: str) -> list[str | None]:
        """Return the text of a column's values as it stands."""
        if self._literal is None:
            self._literal = parse_literal(self.lines.texts())
        values = values_of(self._literal, name)
        if {*map(type, values)} <= {str, type(None)}:
            return values
        return [self._spelling(*item, name) for item in enumerate(values)]

    def _spelling(self, row: int, value: Any, name: str) -> str | None:
        if value is None or type(value) is str:
            return value
        if type(value) is bool:
            return "true" if value else "false"
        return self._text(row, value, name)

    def _text(self, row: int, value: Any, name: str) -> str | None:
        """Return a value's text on its line, None for a missing one."""
        if value is None:
            return None
        if row not in self._members:
            line = self.lines.texts()[row]
            self._members[row] = {key: line[value:stop] for key, _, value, stop in members(line)}
        return self._members[row][name]


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = "[" * 60
    return text if len(text) <= 60 else text[:57] + "..."
