"""The columns of a part, in the output's order: kept ones of its batch, and made ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parapply.columns.arrays import take as picked
from parapply.formats.api import Batch
from parapply.formats.nouns import Arrangement, Keep


def arranged(
    names: Sequence[str], arrangement: Arrangement, batch: Batch, made: Mapping[str, Any], take: Any
) -> list[tuple[str, Any]]:
    """Return names and arrays of the columns of a part; `names` are those of the input's columns.

    `made` and `take` as in Target.write.
    """
    kept = [column.position for column in arrangement if isinstance(column, Keep)]
    have = dict(zip(kept, batch.columns(kept), strict=True))
    if take is not None:
        have = {position: picked(array, take) for position, array in have.items()}
    return [
        (names[column.position], have[column.position])
        if isinstance(column, Keep)
        else (column.name, made[column.name])
        for column in arrangement
    ]
