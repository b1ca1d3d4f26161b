"""Hive-style folders, whose names hold columns: `sales/year=2024/month=01/part-0.parquet`.

Each file is a source of its own, with its folders' keys added as constant columns.
https://arrow.apache.org/docs/python/dataset.html (partitioning)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from parapply.columns import kernels
from parapply.columns.arrays import integers
from parapply.columns.dtypes import parse_type
from parapply.columns.from_text import from_text
from parapply.columns.inference import kind_of
from parapply.columns.type_names import type_of
from parapply.columns.type_words import named
from parapply.columns.values.convert import to_array
from parapply.formats.nouns import Field, Reading
from parapply.model.deferred_imports import at, decimal, np, pa
from parapply.model.errors import InputError, ResultError
from parapply.model.records import record

_MISSING = "__HIVE_DEFAULT_PARTITION__"
_Keys = tuple[tuple[str, str | None], ...]


def keys_of(path: str) -> _Keys:
    """Return the (name, value) pairs of a path's folders; the path is relative to the dataset's."""
    pairs = (folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder)
    return tuple(
        (_decoded(name), None if value == _MISSING else _decoded(value)) for name, _, value in pairs
    )


def _decoded(text: str) -> str:
    from urllib.parse import unquote  # costs milliseconds

    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:  # never encoded
        return text


def types_of(keys: Sequence[_Keys], reading: Reading) -> dict[str, Any]:
    """Return each key's type over all files: from --dtype, else inferred as for a CSV column.

    Only Hive's own mark is a missing value: a folder `country=NA` is Namibia's.
    """
    found: dict[str, list[str | None]] = {}
    for name, value in (pair for pairs in keys for pair in pairs):
        found.setdefault(name, []).append(value)
    return {name: _type(name, values, reading) for name, values in found.items()}


def _type(name: str, values: Sequence[str | None], reading: Reading) -> Any:
    if name in reading.dtypes:
        return parse_type(name, reading.dtypes[name])
    return pa.string() if reading.all_strings else type_of(kind_of(_texts(values)).type)


def _texts(values: Sequence[str | None]) -> pa.Array:
    return kernels.cast(to_array(values), pa.string())


@record
class Constant:
    """A column with one value, None if missing, in all rows of a file."""

    name: str
    value: str | None
    type: Any

    hidden = False

    @property
    def field(self) -> Field:
        return Field(self.name, self.type)

    def extended(self, schema: pa.Schema) -> pa.Schema:
        return schema.append(pa.field(self.name, self.type))

    def values(self, rows: Sequence[int]) -> pa.Array:
        return _repeated(from_text(_texts([self.value]), self.type), len(rows))

    def verbatim(self, rows: Sequence[int]) -> pa.Array:
        return _repeated(_texts([self.value]), len(rows))

    def checked(self, path: str) -> Constant:
        """Return the column itself; raises InputError if its value is not of its type."""
        try:
            from_text(_texts([self.value]), self.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ResultError) as error:
            raise InputError(
                f"{path}, all rows, column {self.name!r}: {self.value!r}, of the folder's name, is "
                f"not of the type {named(self.type)} that --dtype asks for; "
                f"--dtype {self.name}=str takes any value"
            ) from error
        return self

    def check_same(self, values: pa.Array, where: Callable[[int], str]) -> None:
        """Raise InputError where a column of the file has another value than the folder's name.

        Other spellings count as the same value: `02` and `2`, `1.50` and `1.5`.
        """
        array = values.storage if isinstance(values, pa.ExtensionArray) else values
        if at.is_dictionary(array.type):
            array = array.dictionary_decode()
        others = [0] if at.is_nested(array.type) and len(array) else self._others(array)
        if others:
            row = min(others)
            raise InputError(
                f"{where(row)}, column {self.name!r}: {_said(array[row].as_py())} in the file, but "
                f"{_said(self.value)} in its folder's name; mend one of them, --drop {self.name} "
                "if the function does without it, or name the files instead of the folder: then "
                "their own values count"
            )

    def _others(self, array: pa.Array) -> list[int]:
        """Return the first position of each other value."""
        is_same = self._likeness(array.type)
        return [
            kernels.index(array if value.is_valid else array.is_null(), sought).as_py()
            for value in array.unique()
            if not is_same(value)
            for sought in [value if value.is_valid else True]
        ]

    def _likeness(self, type_: Any) -> Callable[[Any], bool]:
        """Return the test whether a value of a type is this one."""
        if self.value is None:
            return lambda value: not value.is_valid or value.as_py() == ""
        try:
            wanted = from_text(_texts([self.value]), type_)[0].as_py()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ResultError):
            wanted = self.value
        number = _number(self.value)
        return lambda value: (
            value.as_py() == wanted
            or str(value) == self.value
            or (at.is_string(type_) and number is not None and _number(value.as_py()) == number)
        )


def _number(text: str | None) -> Any:
    try:
        return None if text is None else decimal.Decimal(text)
    except decimal.InvalidOperation:
        return None


def _said(value: Any) -> str:
    return "nothing" if value is None else repr(value if isinstance(value, str) else str(value))


def _repeated(one: pa.Array, count: int) -> pa.Array:
    return kernels.take(one, integers(np.zeros(count, np.int64)))
