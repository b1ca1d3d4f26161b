"""What was made of pieces of a chunk, put together again. In the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.columns.fit import fit
from parapply.execute.call import Made
from parapply.model.deferred_imports import pa


def _in_all(pieces: Sequence[Made]) -> dict[str, tuple[int, ...]]:
    """Return which columns are the input's in all pieces, and of which of the input's they are."""
    known = {
        name: tuple(p for p in places if all(p in made.given.get(name, ()) for made in pieces))
        for name, places in pieces[0].given.items()
    }
    return {name: places for name, places in known.items() if places}


_TWO_KINDS = "the function returned a DataFrame for some rows and something else for others"


def _stack(columns: list[Any], type_: Any) -> pa.Array:
    """Put columns below each other; a number stands for so many missing values."""
    return pa.concat_arrays(
        [
            pa.nulls(column, type_) if isinstance(column, int) else fit(column, type_)
            for column in columns
        ]
    )


def _size(table: dict[str, pa.Array]) -> int:
    return len(next(iter(table.values()), ()))
