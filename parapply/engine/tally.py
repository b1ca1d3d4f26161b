"""How many rows failed, and of what: counted in the parent, and held against --max-errors."""

from __future__ import annotations

from collections.abc import Iterable

from parapply.model.errors import RowError
from parapply.model.outcome import MANY, OTHERS, Cause
from parapply.model.quantities import limit

_ENOUGH_ROWS = 1000  # before a part of rows that still come is judged


class Tally:
    """Counts failed rows; `most` is --max-errors, `total` all rows where they are known."""

    def __init__(self, most: str | int | None, total: int | None) -> None:
        self.failed = 0
        self._most, self._share = (None, None) if most is None else limit("--max-errors", most)
        if self._share is not None and total is not None:
            self._most, self._share = int(self._share * total), None
        self._said = most
        self.over = False  # more rows have failed than may
        self._causes: dict[str, tuple[tuple[int, ...], Cause]] = {}  # and its first row's chunk

    @property
    def most(self) -> int | None:
        """The rows that may fail, where that is known."""
        return self._most

    def add(self, number: tuple[int, ...], failed: int, causes: Iterable[Cause], rows: int) -> None:
        """Count a chunk's failures; `rows` are those of all chunks so far."""
        self.failed += failed
        for cause in causes:
            if cause.text not in self._causes and len(self._causes) >= MANY:
                cause = cause._replace(text=OTHERS)
            at, known = self._causes.get(cause.text, (number, cause._replace(rows=0)))
            if number < at:
                at, known = number, cause._replace(rows=known.rows)
            self._causes[cause.text] = at, known._replace(rows=known.rows + cause.rows)
        if failed and (self._most is not None or rows >= _ENOUGH_ROWS):
            self.over = self.over or self._are_too_many(rows)

    @property
    def first(self) -> tuple[int, ...]:
        """The chunk of the first row that is known to have failed, where one has."""
        return min(at for at, _ in self._causes.values())

    def check(self, rows: int) -> None:
        """Raise RowError where too many of so many rows failed, or all and nobody said they may."""
        if self.over or self._are_too_many(rows):
            raise self.error
        if self._said is None and 0 < rows <= self.failed:
            which = "the only row" if rows == 1 else f"all {rows:,} rows"
            raise RowError(
                f"{which} failed, which --max-errors 100% allows; the first: {self._first}"
            )

    @property
    def error(self) -> RowError:
        """That too many rows failed, and the first of them."""
        return RowError(
            f"{self.failed:,} rows failed, more than --max-errors {self._said}; "
            f"the first: {self._first}"
        )

    @property
    def _first(self) -> str:
        return min(self._causes.values(), key=lambda entry: entry[0])[1].message

    def _are_too_many(self, rows: int) -> bool:
        most = int(self._share * rows) if self._share is not None else self._most
        return most is not None and self.failed > most

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The different errors, the most frequent first; at last those that are not told apart."""
        found = sorted(
            self._causes.values(),
            key=lambda entry: (entry[1].text == OTHERS, -entry[1].rows, entry[0]),
        )
        return tuple(cause for _, cause in found)
