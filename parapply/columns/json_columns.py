"""Columns of JSON: values that no one Arrow type holds, each as its own JSON text.

They are of Arrow's own JSON type over strings, so that whoever gets the column knows what it is:
Parquet calls it JSON, DuckDB and polars read it as that, others as text. A function is given what
`json.loads` makes of each value. What JSON Lines write of them is the text itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from parapply.columns.values.builders import texts
from parapply.model.deferred_imports import at, json, pa
from parapply.model.errors import UnseenError

_SPREAD = re.compile(r"\s*[\r\n]\s*")  # in JSON no string has a line end: it is between tokens


def json_type() -> Any:
    """Return the type."""
    return pa.json_()


def is_json(type_: Any) -> bool:
    """Whether a type is JSON, over text of any width; told by its name, without Arrow."""
    return type(type_).__name__ == "JsonType"


def is_varied(type_: Any) -> bool:
    """Whether values are lists or objects, or may be."""
    known = type_ is not None and not isinstance(type_, str)  # those that have names are not
    return bool(known and (is_json(type_) or at.is_nested(type_)))


def of_texts(column: Any) -> Any:
    """Return an array of JSON texts as a column of JSON."""
    return pa.ExtensionArray.from_storage(pa.json_(), column)


def of_values(values: Sequence[Any]) -> Any:
    """Return Python values, of whatever kinds together, as a column of JSON; None is missing.

    Raises UnsupportedValueError for what no column can hold.
    """
    from parapply.columns.values.nested import dumps  # few jobs need what it imports

    return of_texts(texts(dumps(values)))


def checked(column: Any) -> Any:
    """Return an array of text as a column of JSON; raises pyarrow.ArrowInvalid where it is none."""
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
    """Return the same, each on one line."""
    found = texts_of(array)
    written = found.to_pylist()
    if not any(text is not None and ("\n" in text or "\r" in text) for text in written):
        return found
    return texts([None if text is None else _SPREAD.sub(" ", text) for text in written])


def values_of(array: Any) -> list[Any]:
    """Return what `json.loads` makes of each value; raises UnseenError for what is no JSON."""
    found = []
    for position, text in enumerate(texts_of(array).to_pylist()):
        try:
            found.append(None if text is None else json.loads(text))
        except (ValueError, RecursionError) as error:
            raise UnseenError(position, f"no JSON, as its column's type says: {error}") from error
    return found
