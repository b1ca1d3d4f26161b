"""Parts, in order, into the output, while the workers still work. In the parent.

A column's type is known for certain only when every part has come. So that the output need not
wait for that, it is written as the parts so far say; when a later one says otherwise (an integer
column turns out to hold fractions, a dict brings a new key) the output is begun anew, and parts
that look different now are written again by the workers. What cannot be begun anew (standard
output) waits until nothing can change, unless it is `prompt`: then the first part decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from typing import Any

from parapply.calls.items import Refit, Seal
from parapply.columns.types import is_settled, unify
from parapply.columns.words import clash, named
from parapply.errors import ResultError
from parapply.failures.errors_file import Errors
from parapply.formats import Arrangement, Field, Keep, New, Target, arrange
from parapply.job import Chunk, Outcome, ResultColumn
from parapply.outputs.output import Output
from parapply.outputs.sinks import FileSink, FolderSink

_Number = tuple[int, ...]


class Columns:
    """The made columns over all parts so far: names in order of appearance, one type each."""

    def __init__(self, forced: Collection[str] = ()) -> None:
        self.forced = forced  # columns of a type that was asked for
        self.shape = "none"
        self.found: dict[str, ResultColumn] = {}

    @property
    def types(self) -> dict[str, Any]:
        """Name and type of each column."""
        return {name: column.type for name, column in self.found.items()}

    @property
    def settled(self) -> bool:
        """Whether no further part can change anything."""
        if self.shape == "filter":
            return True
        # A scalar has one column (or those of --into): a dict that comes later is an error.
        return self.shape == "scalar" and all(
            name in self.forced or is_settled(column.type) for name, column in self.found.items()
        )

    def add(self, part: Outcome) -> None:
        """Take a part's columns in; raises ResultError where they do not fit the others."""
        if part.shape == "none":
            return
        if self.shape not in ("none", part.shape):
            one = next(iter(self.found.values())).first if self.found else "an earlier row"
            other = part.columns[0].first if part.columns else "a later one"
            raise ResultError(
                f"{one} returned {_SHAPES[self.shape]}, {other} {_SHAPES[part.shape]}: "
                "return the same kind for every row"
            )
        self.shape = part.shape
        for column in part.columns:
            known = self.found.get(column.name)
            self.found[column.name] = column if known is None else _both(known, column)


class Assembler:
    """Takes parts in any order; writes them in order. `redo` is given parts to write anew."""

    def __init__(
        self,
        output: Output,
        target: Target,
        fields: Sequence[Field],
        keep: Sequence[int],
        columns: Columns,
        redo: Callable[[Refit | Seal], None],
        errors: Errors | None = None,
        *,
        prompt: bool = False,
        keeps: bool = False,
    ) -> None:
        self.output, self.target, self.fields, self.keep = output, target, fields, keep
        self.columns, self.redo, self.prompt = columns, redo, prompt
        self.errors, self.keeps = errors, keeps  # keeps: parts outlive the run
        self.sink: FileSink | FolderSink = FileSink(output, target)
        if output.is_folder:
            self.sink = FolderSink(output, target, redo)
        self.rows_in = self.rows_out = 0
        self.ended = False  # worker.stop(): the parts that came in order are all that is wanted
        self.rows_written = 0  # rows of the input whose results are in the output
        self._arrived: dict[_Number, tuple[Chunk, Outcome]] = {}
        self._next: _Number = (0,)
        self._split: set[_Number] = set()
        self._parts: dict[_Number, tuple[Chunk, Outcome]] = {}  # in order, none missing
        self._unwritten: list[_Number] = []
        self._redoing: set[_Number] = set()
        self._types: dict[str, Any] | None = None  # of the output as it was begun

    def add(self, chunk: Chunk, part: Outcome) -> None:
        """Take a part in, and write what can be written."""
        if part.number in self._redoing:
            self._redoing.discard(part.number)
            self._parts[part.number] = chunk, part
        else:
            self._arrived[part.number] = chunk, part
        self._take_in_order()
        self._write()

    def sealed(self, seal: Seal) -> None:
        """Hear that a file of a folder is complete."""
        assert isinstance(self.sink, FolderSink)
        self.sink.sealed(seal)

    def split(self, number: _Number) -> None:
        """Expect the two halves of a part instead of it."""
        self._split.add(number)
        if number == self._next:
            self._next = (*number, 0)

    def finish(self, default: dict[str, Any]) -> tuple[str, ...]:
        """Write what is left, all parts having come; return the output's column names.

        `default` are the made columns where no part said which there are.
        """
        if self.columns.shape == "none":
            self.columns.shape = "scalar"
            self.columns.found = {
                name: ResultColumn(name, type_, "") for name, type_ in default.items()
            }
        self._write(final=True)
        return self.names

    @property
    def waiting(self) -> bool:
        """Whether parts are being written anew."""
        return bool(self._redoing) or self.sink.waiting

    def close(self) -> None:
        """Complete the output; the caller publishes it."""
        self.sink.close()

    def __enter__(self) -> Assembler:
        return self

    def __exit__(self, *exception: object) -> None:
        self.sink.abandon()

    @property
    def names(self) -> tuple[str, ...]:
        """The output's columns."""
        return tuple(self._name(column) for column in self._arrangement())

    def _take_in_order(self) -> None:
        while self._next in self._arrived and not self.ended:
            number, (chunk, part) = self._next, self._arrived.pop(self._next)
            self._parts[number] = chunk, part
            self._unwritten.append(number)
            self.columns.add(part)
            if part.aside is not None and self.errors is not None:
                self.errors.append(part.aside, keeps=self.keeps)
            self.rows_in += part.rows_in
            self.rows_out += part.rows_out
            self.ended = part.stopped
            self._next = _following(number)
            while self._next in self._split:
                self._next = (*self._next, 0)

    def _write(self, *, final: bool = False) -> None:
        whole = self.columns.types
        if self._types is not None and self._types != whole:
            self._start_over(whole)
        if self._types is None:
            if not self._may_begin(final):
                return
            self._begin(whole)
        self._ask_for_refits(whole)
        ready = 0
        while ready < len(self._unwritten) and self._unwritten[ready] not in self._redoing:
            self._append(self._parts[self._unwritten[ready]][1])
            ready += 1
        del self._unwritten[:ready]

    def _may_begin(self, final: bool) -> bool:
        if final or self.columns.settled:
            return True
        known = self.columns.shape != "none"
        return known and (self.output.restartable or self.prompt)

    def _begin(self, whole: dict[str, Any]) -> None:
        self._types = whole
        arrangement = self._arrangement()
        types = [
            self.fields[column.position].type if isinstance(column, Keep) else whole[column.name]
            for column in arrangement
        ]
        self.sink.begin(arrangement, types)

    def _start_over(self, whole: dict[str, Any]) -> None:
        """Forget what was written, because columns are not what they seemed."""
        if self.output.restartable:
            self._types, self.rows_written = None, 0
            self._unwritten = list(self._parts)
            return
        begun = self._types or {}
        name = next(name for name in whole if begun.get(name) != whole[name])
        before = named(begun[name]) if name in begun else "nothing"
        raise ResultError(
            f"{self.output.name}: column {name!r} was begun as {before} and is "
            f"{named(whole[name])} from {self.columns.found[name].first} on; say "
            f"--dtype {name}=TYPE, or write a file with -o"
        )

    def _ask_for_refits(self, whole: dict[str, Any]) -> None:
        for chunk, part in map(self._parts.__getitem__, self._unwritten):
            types = {column.name: column.type for column in part.columns}
            if part.number in self._redoing or not self.target.needs_refit(types, whole):
                continue
            self._redoing.add(part.number)
            path = f"{part.path}+"
            self.redo(Refit(chunk, part, tuple(whole.items()), path))

    def _append(self, part: Outcome) -> None:
        self.sink.append(part)
        self.rows_written += part.rows_in
        if not self.output.restartable:
            del self._parts[part.number]  # of an endless stream nothing may be left
        if not (
            self.keeps
            or self.output.is_folder
            or (self.output.restartable and not self.columns.settled)
        ):
            os.unlink(part.path)

    def _arrangement(self) -> Arrangement:
        if self.columns.shape == "table":
            return tuple(New(name) for name in self.columns.found)
        names = [self.fields[position].name for position in self.keep]
        return arrange(self.keep, names, list(self.columns.found))

    def _name(self, column: Keep | New) -> str:
        return self.fields[column.position].name if isinstance(column, Keep) else column.name


_SHAPES = {"scalar": "one value", "fields": "a dict", "table": "a DataFrame", "filter": "a filter"}


def _following(number: _Number) -> _Number:
    """The number of the part after this one; after the second of two halves, their parent's."""
    while len(number) > 1 and number[-1] == 1:
        number = number[:-1]
    return (*number[:-1], number[-1] + 1)


def _both(known: ResultColumn, column: ResultColumn) -> ResultColumn:
    type_ = unify(known.type, column.type)
    if type_ is None:
        one, other = clash(known.type, column.type)
        raise ResultError(
            f"column {known.name!r}: {known.first} gave {one}, {column.first} gave {other}; "
            "one column holds one type: return str for both, say"
        )
    first = column.first if type_ != known.type else known.first
    return ResultColumn(known.name, type_, first)
