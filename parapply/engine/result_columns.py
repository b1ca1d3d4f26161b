"""What the function made, over all parts so far: which columns, of which types. In the parent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from parapply.columns.unify import is_settled, unify_names
from parapply.model.errors import ResultError
from parapply.model.outcome import Outcome, ResultColumn
from parapply.model.records import replace


class ResultColumns:
    """The made columns over all parts so far: names in order of appearance, one type each."""

    def __init__(self, forced: Collection[str] = ()) -> None:
        self.forced = forced  # columns of a type that was asked for
        self.shape = "none"
        self.found: dict[str, ResultColumn] = {}
        self._blank: dict[str, tuple[int, ...]] | None = None  # columns of the input that None is,
        # wherever it is all that the function returned for a part's rows; None: it nowhere is

    @property
    def types(self) -> dict[str, Any]:
        """Name and type of each column, or which of the input's it is: see ResultColumn."""
        return {name: column.kind for name, column in self.found.items()}

    @property
    def plain(self) -> dict[str, Any]:
        """Name and type of each column, as if none were the input's."""
        return {name: column.type for name, column in self.found.items()}

    @property
    def settled(self) -> bool:
        """Whether no further part can change anything."""
        if self.shape == "filter":
            return True
        # A scalar has one column (or those of --into): a dict that comes later is an error.
        return self.shape == "scalar" and all(
            not column.given and (name in self.forced or is_settled(column.type))
            for name, column in self.found.items()
        )

    def add(self, outcome: Outcome) -> None:
        """Take a part's columns in; raises ResultError where they do not fit the others."""
        if outcome.returned.shape == "none":
            self._add_none(outcome)
            return
        if self.shape not in ("none", outcome.returned.shape):
            one = next(iter(self.found.values())).first if self.found else "an earlier row"
            other = outcome.returned.columns[0].first if outcome.returned.columns else "a later one"
            raise ResultError(
                f"{one} returned {_SHAPES[self.shape]}, {other} {_SHAPES[outcome.returned.shape]}: "
                "return the same kind for every row"
            )
        begun, self.shape = self.shape != "none", outcome.returned.shape
        names = {column.name for column in outcome.returned.columns}
        for name in self.found.keys() - names:
            self.found[name] = replace(self.found[name], given=())
        for column in outcome.returned.columns:
            known = self.found.get(column.name)
            if known is not None:
                self.found[column.name] = _both(known, column)
            else:
                self.found[column.name] = replace(column, given=()) if begun else column
        self._compare()

    def _add_none(self, outcome: Outcome) -> None:
        """Hear of rows for each of which the function returned None."""
        if outcome.rows_out:
            given = {column.name: column.given for column in outcome.returned.columns}
            known = given if self._blank is None else self._blank
            self._blank = {n: common(given[n], known[n]) for n in given.keys() & known.keys()}
            self._compare()

    def _compare(self) -> None:
        """See which columns None was the input's value of, too: a dict's is missing there."""
        if self._blank is None or self.shape == "table":
            return
        if self.shape == "fields":
            self._blank = {}
        for name, column in self.found.items():
            if column.given:
                given = common(column.given, self._blank.get(name, ()))
                self.found[name] = replace(column, given=given)

    def settle(self, default: Sequence[ResultColumn]) -> None:
        """Take these columns where no part said which there are."""
        self.shape, self.found = "scalar", {column.name: column for column in default}
        self._compare()


_SHAPES = {"scalar": "one value", "fields": "a dict", "table": "a DataFrame", "filter": "a filter"}


def _both(known: ResultColumn, column: ResultColumn) -> ResultColumn:
    type_ = unify_names(known.type, column.type)
    if type_ is None:
        from parapply.columns.type_words import clash

        one, other = clash(known.type, column.type)
        raise ResultError(
            f"column {known.name!r}: {known.first} gave {one}, {column.first} gave {other}; "
            f"one column holds one type: return str for both, say, or --dtype {known.name}=json"
        )
    first = column.first if type_ != known.type else known.first
    return ResultColumn(known.name, type_, first, common(known.given, column.given))


def common(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    """Return what is in both, as it is ordered in the first."""
    return tuple(place for place in one if place in other)
