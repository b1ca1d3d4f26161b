"""Parts, in order, into the output, while the workers still work. In the parent.

A column's type is known for certain only when every part has come. So that the output need not
wait for that, it is written as the parts so far say; when a later one says otherwise (an integer
column turns out to hold fractions, a dict brings a new key) the output is begun anew, and parts
that look different now are written again by the workers. What cannot be begun anew (standard
output) waits until nothing can change, unless it is `prompt`: then the first part decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from parapply.columns.type_names import name_of
from parapply.engine.result_columns import ResultColumns
from parapply.engine.sinks import FileSink, FolderSink, Sink
from parapply.execute.rewrites import OutputTask, Rewrite
from parapply.formats.api import KeepsTables, Target
from parapply.formats.nouns import Arrangement, Field, Keep, New, arrange, under_their_names
from parapply.model.chunk import Chunk
from parapply.model.errors import ResultError
from parapply.model.outcome import Outcome, ResultColumn, given_of
from parapply.storage.atomic.output import Output

if TYPE_CHECKING:
    from parapply.engine.errors_file import ErrorsFile

_Number = tuple[int, ...]
_BEGINS = 8  # of an output: columns that change so often may do so in every part, so it waits


class Assembler:
    """Takes parts in any order; writes them in order. `redo` is given parts to write anew."""

    def __init__(
        self,
        output: Output,
        target: Target,
        fields: Sequence[Field],
        keep: Sequence[int],
        columns: ResultColumns,
        redo: Callable[[Rewrite | OutputTask], None],
        errors: ErrorsFile | None = None,
        *,
        prompt: bool = False,
        keeps: bool = False,
        sink: Sink | None = None,
    ) -> None:
        self.output, self.target, self.fields, self.keep = output, target, fields, keep
        self.columns, self.redo, self.prompt = columns, redo, prompt
        self.errors, self.keeps = errors, keeps  # keeps: parts outlive the run
        self.sink = sink or (FolderSink if output.is_folder else FileSink)(output, target, redo)
        self.rows_in = self.rows_out = self.chunks = 0
        self.ended = False  # worker.stop(): the parts that came in order are all that is wanted
        self.rows_written = 0  # rows of the input whose results are in the output
        self._arrived: dict[_Number, tuple[Chunk, Outcome]] = {}
        self._next: _Number = (0,)
        self._split: set[_Number] = set()
        self._parts: dict[_Number, tuple[Chunk, Outcome]] = {}  # in order, none missing
        self._unwritten: list[_Number] = []
        self._redoing: set[_Number] = set()
        self._types: dict[str, Any] | None = None  # of the output as it was begun
        self._plain: dict[str, Any] = {}  # and as if no column were the input's
        self._begun = 0  # how often
        self._final = False  # all parts have come
        self._leads = False  # more of a stream's first block is to come

    def add(self, chunk: Chunk, outcome: Outcome) -> None:
        """Take a part in, and write what can be written."""
        if outcome.number in self._redoing:
            self._redoing.discard(outcome.number)
            self._parts[outcome.number] = chunk, outcome
        else:
            self._arrived[outcome.number] = chunk, outcome
        self._take_in_order()
        self._write()

    def done(self, task: OutputTask) -> None:
        """Hear that a worker has done what the output needs besides parts."""
        self.sink.done(task)

    def split(self, number: _Number) -> None:
        """Expect the two halves of a part instead of it."""
        self._split.add(number)
        if number == self._next:
            self._next = (*number, 0)

    def finish(self, default: Sequence[ResultColumn]) -> tuple[str, ...]:
        """Write what is left, all parts having come; return the output's column names.

        `default` are the made columns where no part said which there are.
        """
        if self.columns.shape == "none":
            self.columns.settle(default)
        self._final = True
        self._write()
        return self.names

    @property
    def waiting(self) -> bool:
        """Whether workers are at parts that are to be written anew, or at the output."""
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
            number, (chunk, outcome) = self._next, self._arrived.pop(self._next)
            self._parts[number] = chunk, outcome
            self._unwritten.append(number)
            self._leads = chunk.leads
            self.columns.add(outcome)
            if outcome.failures.path is not None and self.errors is not None:
                self.errors.append(outcome.failures.path, keeps=self.keeps)
            self.rows_in += outcome.rows_in
            self.chunks += 1
            self.rows_out += outcome.rows_out
            self.ended = outcome.stopped
            self._next = _following(number)
            while self._next in self._split:
                self._next = (*self._next, 0)

    def _write(self) -> None:
        whole = self.columns.types
        if self._types is not None and self._types != whole:
            self._start_over(whole)
        if self._types is None and not self._may_begin():
            return
        self._ask_for_refits(whole)
        if self._types is None:
            if self._final and self._redoing and not self.output.restartable:
                return  # should one of these fail, nothing is written
            self._begin(whole)
        ready = 0
        while ready < len(self._unwritten) and self._unwritten[ready] not in self._redoing:
            self._append(self._parts[self._unwritten[ready]][1])
            ready += 1
        del self._unwritten[:ready]

    def _may_begin(self) -> bool:
        if self._final or self.columns.settled:
            return True
        known = self.columns.shape != "none"
        again = self.output.restartable and self._begun < _BEGINS
        return known and (again or (self.prompt and not self._leads))

    def _begin(self, whole: dict[str, Any]) -> None:
        self._types = whole
        self._begun += 1
        arrangement = self._arrangement()
        types = [self._type(column, whole) for column in arrangement]
        self._plain = self.columns.plain
        self.sink.begin(arrangement, types)

    def _start_over(self, whole: dict[str, Any]) -> None:
        """Forget what was written, because columns are not what they seemed."""
        if self.output.restartable:
            self._types, self.rows_written = None, 0
            self._unwritten = list(self._parts)
            return
        begun, now = self._plain, self.columns.plain
        if begun == now and list(begun) == list(now) and self._goes_on(whole):
            self._types = whole  # values that the function made, below those of the input
            return
        name = next(name for name in whole if (self._types or {}).get(name) != whole[name])
        from parapply.columns.type_words import named

        before = named(begun[name]) if name in begun else "nothing"
        if begun.get(name) == now[name]:
            before = "the input's column"
        raise ResultError(
            f"{self.output.name}: column {name!r} was begun as {before} and is "
            f"{named(now[name])} from {self.columns.found[name].first} on; say "
            f"--dtype {name}=TYPE, or write a file with -o"
        )

    def _goes_on(self, whole: dict[str, Any]) -> bool:
        """Whether columns that were begun as the input's can go on as what the function made."""
        if not isinstance(self.target, KeepsTables):
            return True
        places = {n: given_of(kind) for n, kind in (self._types or {}).items() if kind != whole[n]}
        return all(
            place is not None and name_of(self.fields[place].kind) == self._plain[name]
            for name, place in places.items()
        )

    def _ask_for_refits(self, whole: dict[str, Any]) -> None:
        for chunk, outcome in map(self._parts.__getitem__, self._unwritten):
            types = {column.name: column.kind for column in outcome.returned.columns}
            if outcome.number in self._redoing or not self.target.needs_refit(types, whole):
                continue
            self._redoing.add(outcome.number)
            path = f"{outcome.part.path}+"
            self.redo(Rewrite(chunk, outcome, tuple(whole.items()), path, self.columns.shape))

    def _append(self, outcome: Outcome) -> None:
        kept = self.keeps or (self.output.restartable and not self.columns.settled)
        self.sink.append(outcome, drop=not kept)
        self.rows_written += outcome.rows_in
        if not self.output.restartable:
            del self._parts[outcome.number]  # of an endless stream nothing may be left

    def _arrangement(self) -> Arrangement:
        known = {name: column.given for name, column in self.columns.found.items()}
        given = under_their_names(known, self.fields)
        if self.columns.shape == "table":
            return tuple(Keep(given[name]) if name in given else New(name) for name in known)
        names = [self.fields[position].name for position in self.keep]
        return arrange(self.keep, names, list(self.columns.found), given)

    def _type(self, column: Keep | New, whole: dict[str, Any]) -> Any:
        kind = None if isinstance(column, Keep) else whole[column.name]
        place = column.position if isinstance(column, Keep) else given_of(kind)
        return kind if place is None else self.fields[place].kind

    def _name(self, column: Keep | New) -> str:
        return self.fields[column.position].name if isinstance(column, Keep) else column.name


def _following(number: _Number) -> _Number:
    """The number of the part after this one; after the second of two halves, their parent's."""
    while len(number) > 1 and number[-1] == 1:
        number = number[:-1]
    return (*number[:-1], number[-1] + 1)
