"""Columns of JSON, for values that no one Arrow type holds.

They have Arrow's JSON type over strings: Parquet calls it JSON, DuckDB and polars read that, others
text. Functions are given parsed values; JSON Lines get the text itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from parapply.columns.values.builders import texts
from parapply.model.deferred_imports import at, json, pa
from parapply.model.errors import UnseenError

_SPREAD = re.compile(r"\s*[\r\n]\s*")  # always between tokens: JSON strings have no line ends


def is_json(type_: Any) -> bool:
    """Whether a type is JSON, over text of any width; needs no import of Arrow."""
    return type(type_).__name__ == "JsonType"


def is_varied(type_: Any) -> bool:
    """Whether values are, or may be, lists or objects."""
    known = type_ is not None and not isinstance(type_, str)  # types given as names are flat
    return bool(known and (is_json(type_) or at.is_nested(type_)))


def of_texts(column: Any) -> Any:
    """Return JSON texts as a column of JSON."""
    return pa.ExtensionArray.from_storage(pa.json_(), column)


def of_values(values: Sequence[Any]) -> Any:
    """Return Python values of mixed types as a column of JSON; raises UnsupportedValueError."""
    from parapply.columns.values.nested import dumps  # few jobs need what it imports

    return of_texts(texts(dumps(values)))


def checked(column: Any) -> Any:
    """Return text as a column of JSON; raises pyarrow.ArrowInvalid where it is invalid."""
    found = of_texts(column.cast(pa.string()))
    try:
        values_of(found)
    except UnseenError as error:
        raise pa.ArrowInvalid(str(error)) from error
    return found


def texts_of(array: Any) -> Any:
    """Return the JSON texts of a column of JSON."""
    return array.storage.cast(pa.string())


def lines_of(array: Any) -> Any:
    """Return the JSON texts of a column of JSON, each on one line."""
    found = texts_of(array)
    written = found.to_pylist()
    if not any(text is not None and ("\n" in text or "\r" in text) for text in written):
        return found
    return texts([None if text is None else _SPREAD.sub(" ", text) for text in written])


def values_of(array: Any) -> list[Any]:
    """Return the parsed values; raises UnseenError for invalid JSON."""
    found = []
    for position, text in enumerate(texts_of(array).to_pylist()):
        try:
            found.append(None if text is None else json.loads(text))
        except (ValueError, RecursionError) as error:
            raise UnseenError(position, f"no JSON, as its column's type says: {error}") from error
    return found
