"""Columns of one name: a name that several columns have names none of them.

Tables go through in which nobody names one of those. To take the first of them, or the last, would
be a wrong value without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from parapply.model.errors import AmbiguousColumnError

RENAME = 'rename one (--no-headers --skip-rows 1 calls columns of a CSV file "0", "1", ...)'
_SHOWN = 6  # positions, of columns that may be thousands


def check_single(
    names: Iterable[str], columns: Sequence[str], prefix: str = "", way: str = RENAME
) -> None:
    """Raise AmbiguousColumnError for the first of `names` that several of the columns have.

    The message begins with `prefix`, and ends with the way out of it.
    """
    for name in names:
        if columns.count(name) > 1:
            raise AmbiguousColumnError(f"{prefix}{_told(name, columns)}: {way}")


def check_unique(columns: Sequence[str], prefix: str = "", way: str = RENAME) -> None:
    """Raise AmbiguousColumnError where any two columns have one name."""
    if len(set(columns)) < len(columns):  # hardly ever, and tables may be wide
        check_single(columns, columns, prefix, way)


def _told(name: str, columns: Sequence[str]) -> str:
    places = [place for place, other in enumerate(columns, 1) if other == name]
    often = "twice" if len(places) == 2 else f"{len(places)} times"
    return f"column {name!r} is there {often}, as columns {_listed(places)}"


def _listed(places: Sequence[int]) -> str:
    words = [str(place) for place in places]
    if len(words) > _SHOWN:
        words[_SHOWN - 1 :] = [f"{len(words) - _SHOWN + 1} more"]
    return f"{', '.join(words[:-1])} and {words[-1]}"
