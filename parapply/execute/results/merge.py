"""What the function made of rows that failed before, put among what it made then. In the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from parapply.columns.arrays import take
from parapply.columns.fit import fit
from parapply.columns.type_words import clash
from parapply.columns.unify import unify
from parapply.execute.call import Made
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import ResultError


def merged(
    old: Made, new: Made, again: Sequence[int], rows: int, where: Callable[[int], str]
) -> Made:
    """Put what was made of some rows, run `again`, among what was made of the others before.

    `again` has positions among the batch's `rows`; raises ResultError where the two do not fit.
    """
    failures = {again[position]: failure for position, failure in new.failures.items()}
    before = np.arange(rows) if old.take is None else old.take
    stays = np.flatnonzero(~np.isin(before, again))
    after = np.asarray(again, np.int64)
    after = after if new.take is None else after[new.take]
    order = np.argsort(np.concatenate([before[stays], after]), kind="stable")
    places = np.concatenate([before[stays], after])[order]
    shapes = {old.shape, new.shape} - {"none"}
    if len(shapes) > 1:
        raise ResultError(f"{where(again[0])}: what the function returned is of another kind now")
    columns = {}
    for name in {**old.columns, **new.columns}:
        parts = [_column(old, name, len(before)), _column(new, name, len(after))]
        type_ = unify(parts[0].type, parts[1].type)
        if type_ is None:
            one, other = clash(parts[0].type, parts[1].type)
            raise ResultError(
                f"column {name!r}: {where(again[0])} gave {other} now, and the others gave {one} "
                "before; one column holds one type"
            )
        one, two = (fit(part, type_) for part in parts)
        columns[name] = take(pa.concat_arrays([take(one, stays), two]), order)
    same = len(places) == rows and bool((places == np.arange(rows)).all())
    shape = next(iter(shapes), "none")
    kept = None if same and shape != "filter" else places
    given = old.given
    if len(after):
        given = {n: old.given[n] for n in old.given if old.given[n] == new.given.get(n)}
    return Made(shape, columns, kept, failures=failures, given=given)


def _column(made: Made, name: str, rows: int) -> pa.Array:
    return made.columns[name] if name in made.columns else pa.nulls(rows)
