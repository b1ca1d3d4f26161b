"""Errors for duplicate column names, raised only if one is used: either column might be meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from parapply.model.errors import AmbiguousColumnError

RENAME = 'rename one (--no-headers --skip-rows 1 calls columns of a CSV file "0", "1", ...)'
_SHOWN = 6  # positions, of possibly thousands


def check_single(
    names: Iterable[str], columns: Sequence[str], prefix: str = "", way: str = RENAME
) -> None:
    """Raise AmbiguousColumnError, "{prefix}...: {way}", for the first of `names` that is twice."""
    for name in names:
        if columns.count(name) > 1:
            raise AmbiguousColumnError(f"{prefix}{_described(name, columns)}: {way}")


def check_unique(columns: Sequence[str], prefix: str = "", way: str = RENAME) -> None:
    """Raise AmbiguousColumnError where any two columns have the same name."""
    if len(set(columns)) < len(columns):  # fast for wide tables
        check_single(columns, columns, prefix, way)


def _described(name: str, columns: Sequence[str]) -> str:
    places = [str(place) for place, other in enumerate(columns, 1) if other == name]
    often = "twice" if len(places) == 2 else f"{len(places)} times"
    if len(places) > _SHOWN:
        places[_SHOWN - 1 :] = [f"{len(places) - _SHOWN + 1} more"]
    listed = f"{', '.join(places[:-1])} and {places[-1]}"
    return f"column {name!r} is there {often}, as columns {listed}"
