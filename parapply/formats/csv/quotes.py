"""Where CSV text is within quotes, also with stray ones; found by numpy over all bytes at once.

A quote opens a quoted text only at the start of a field, and a doubled one within it is a
character, as for pandas (tokenizer.c) and Arrow. So of a run of quotes only two things matter:
whether its length is odd, and what precedes it. After a delimiter or line end it opens or closes;
elsewhere it closes, or is text (`5" pipe`). An escape before it makes its first quote text.
"""

from __future__ import annotations

from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.positions import outside, positions
from parapply.model.deferred_imports import Array, np

LF, CR = 10, 13


def find_quotes(text: bytes, data: Array, dialect: Dialect) -> Array | None:
    """Return where quotes stand; None where there are none."""
    if dialect.quote is None or bytes([dialect.quote]) not in text:
        return None
    return positions(data, dialect.quote)


def are_orderly(data: Array, quotes: Array, delimiter: int) -> bool:
    """Whether each quote opens a field, closes one, or is one of a doubled pair."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    bounds = _bounds(delimiter)
    bounds[data[quotes[0]]] = True
    before = data[opening[opening > 0] - 1]
    after = data[closing[closing < len(data) - 1] + 1]
    return bool(bounds[before].all() and bounds[after].all())


def find_escaped(text: bytes, data: Array, dialect: Dialect) -> Array | None:
    """Return the positions that follow an odd number of escapes; None without escapes."""
    if dialect.escape is None or bytes([dialect.escape]) not in text:
        return None
    first, lengths = _runs(escapes := positions(data, dialect.escape))
    found: Array = (escapes[first] + lengths)[lengths % 2 == 1]
    return found


def turns(
    data: Array, quotes: Array, dialect: Dialect, escaped: Array | None = None, *,
    inside: bool = False,
) -> Array:  # fmt: skip
    """Return the quotes that open and close quoted texts, alternating.

    `data` begins at a record's start or, if `inside`, at a line start within a quoted text. It ends
    anywhere but between two quotes. `escaped` quotes are text.
    """
    first, lengths = _runs(quotes)
    runs = quotes[first]
    toggles = (runs == 0) | _bounds(dialect.delimiter)[data[runs - 1]]
    if escaped is not None:
        text = among(escaped, runs)
        lengths = lengths - text
        toggles &= ~text & (dialect.within | ~among(escaped, runs - 1))
    odd = lengths % 2 == 1
    runs, toggles = runs[odd], toggles[odd]
    count = np.cumsum(toggles) + inside
    since = np.maximum.accumulate(np.where(toggles, 0, count))  # other closing ones restart it
    after = (count - since) % 2
    before = np.append(int(inside), after[:-1])
    turning: Array = runs[before[: len(after)] != after]
    return turning


def among(found: Array, places: Array) -> Array:
    """Return a mask of the `places` that are in `found`; both in order."""
    if not len(found):
        return np.zeros(len(places), np.bool_)
    nearest = np.minimum(np.searchsorted(found, places), len(found) - 1)
    same: Array = found[nearest] == places
    return same


def _runs(places: Array) -> tuple[Array, Array]:
    """Return which of `places` begin a run of neighbours, and each run's length."""
    first = np.flatnonzero(np.diff(places, prepend=-2) > 1)
    return first, np.diff(first, append=len(places))


def _bounds(delimiter: int) -> Array:
    bounds = np.zeros(256, np.bool_)
    bounds[[delimiter, LF, CR]] = True
    return bounds


class Marks:
    """The opening and closing quotes of a text (None: it has none), and its escaped positions."""

    def __init__(self, text: bytes, dialect: Dialect, *, orderly: bool = False) -> None:
        self.text, self.data, self.within = text, np.frombuffer(text, np.uint8), dialect.within
        self.blanks = dialect.blanks and dialect.single
        self.escaped = find_escaped(text, self.data, dialect)
        self.quotes = find_quotes(text, self.data, dialect)
        self.orderly = orderly or (
            self.escaped is None
            and (self.quotes is None or are_orderly(self.data, self.quotes, dialect.delimiter))
        )
        if self.quotes is not None and not self.orderly:
            self.quotes = turns(self.data, self.quotes, dialect, self.escaped)

    def outside(self, places: Array, shift: int = 0) -> Array:
        """Return those of `places`, each `shift` after its byte, that are outside of quotes."""
        if self.escaped is not None and not self.within:
            places = places[~among(self.escaped, places - shift)]
        return places if self.quotes is None else outside(places, self.quotes)

    def is_cut(self) -> bool:
        """Whether the text ends within quotes, or with an escape."""
        odd = self.quotes is not None and len(self.quotes) % 2 == 1
        if self.escaped is None or self.within or not len(self.escaped):
            return odd
        return odd or bool(self.escaped[-1] >= len(self.data) - 1)
