"""Folders of files whose names hold columns: `sales/year=2024/month=01/part-0.parquet`.

Each file is a source of its own; what its folders say is added to it as columns of one value.
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
    """Return what the folders of a path, relative to the dataset's, say: (name, value) pairs."""
    pairs = (folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder)
    return tuple(
        (_decoded(name), None if value == _MISSING else _decoded(value)) for name, _, value in pairs
    )


def _decoded(text: str) -> str:
    from urllib.parse import unquote  # costs milliseconds

    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:  # so it was never encoded
        return text


def types_of(keys: Sequence[_Keys], reading: Reading) -> dict[str, Any]:
    """Return each key's type over all files: what is asked for, else that of a CSV column of it.

    Nothing is missing but what Hive says is: a folder `country=NA` is Namibia's.
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
    """A column that has the same value, None where it is missing, in all rows of a file."""

    name: str
    value: str | None
    type: Any

    hidden = False

    @property
    def field(self) -> Field:
        """The column."""
        return Field(self.name, self.type)

    def extended(self, schema: pa.Schema) -> pa.Schema:
        """Return the file's schema with the column."""
        return schema.append(pa.field(self.name, self.type))

    def values(self, rows: Sequence[int]) -> pa.Array:
        """Return the value for so many rows."""
        return _repeated(from_text(_texts([self.value]), self.type), len(rows))

    def verbatim(self, rows: Sequence[int]) -> pa.Array:
        """Return what stands in the folder's name for so many rows."""
        return _repeated(_texts([self.value]), len(rows))

    def checked(self, path: str) -> Constant:
        """Return the column; raises InputError where the value is not of its type."""
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

        What is written otherwise is the same value: `02` and `2`, `1.50` and `1.5`.
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
        """Return where other values stand first."""
        is_same = self._likeness(array.type)
        return [
            kernels.index(array if value.is_valid else array.is_null(), sought).as_py()
            for value in array.unique()
            if not is_same(value)
            for sought in [value if value.is_valid else True]
        ]

    def _likeness(self, type_: Any) -> Callable[[Any], bool]:
        """Return what tells whether a value of a type is this one."""
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
