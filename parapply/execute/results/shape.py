"""What a function returned for rows: scalars, fields or several values, as lists. In the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parapply.columns.values.builders import (
    NOT_UNICODE,
    encodes,
)
from parapply.columns.values.maps import Map
from parapply.columns.values.plain import TwinKeysError, is_frame, is_record, members
from parapply.model.deferred_imports import lazy
from parapply.model.errors import ResultError

if TYPE_CHECKING:
    from parapply.columns.values import convert, spelling
else:  # not for the numbers and texts that a run on a few rows makes
    convert, spelling = (
        lazy("parapply.columns.values.convert"),
        lazy("parapply.columns.values.spelling"),
    )

Where = Callable[[int], str]  # a result's position -> the row, in words


def shape_columns(
    results: list[Any], into: tuple[str, ...], name: str, where: Where
) -> tuple[str, dict[str, list[Any]]]:
    """Return the shape, and for each column its values, each as long as `results`.

    Raises ResultError where results have different shapes, or not as many values as `into` names.
    """
    if len(into) > 1:
        return "scalar", _spread(results, into, where)
    types = set(map(type, results)) - {type(None)}
    keyed = {kind for kind in types if _has_keys(kind)}
    if into or not keyed:
        shape = "scalar" if types or into else "none"
        return shape, {} if shape == "none" else {into[0] if into else name: results}
    if keyed != types:
        raise _two_shapes(results, where)
    return "fields", _fields(results, where)


def _first_twins(values: Sequence[Any], read: Callable[[Any], Any]) -> int:
    """Return the position of the first value of which `read` raises TwinKeysError."""
    for position, value in enumerate(values):
        try:
            read(value)
        except TwinKeysError:
            return position
    raise AssertionError("all of them can be read")


def items(result: Any) -> list[Any]:
    """Return the items of a result that is exploded: None has none, text and a dict are one."""
    if result is None:
        return []
    single = isinstance(result, (str, bytes, Mapping)) or is_frame(type(result))
    return [result] if single or not hasattr(result, "__iter__") else list(result)


def _has_keys(kind: type) -> bool:
    if issubclass(kind, Map):
        return False  # one value: its keys are no columns
    return issubclass(kind, Mapping) or is_record(kind)  # a Row is a Mapping


def _mapping(result: Any) -> Mapping[Any, Any]:
    return result if isinstance(result, Mapping) else members(result)


def have(results: list[Any], key: str) -> bool:
    """Whether there is a dict or record for each row, and a value for the key in each of them."""
    return all(result is not None and key in _mapping(result) for result in results)


def _fields(results: list[Any], where: Where) -> dict[str, list[Any]]:
    try:
        rows: list[Any] = [
            result if result is None or type(result) is dict else _mapping(result)
            for result in results
        ]
    except TwinKeysError as error:
        first = _first_twins(results, lambda result: result is None or _mapping(result))
        raise ResultError(f"{where(first)} returned {error}") from None
    keys = list(dict.fromkeys(key for row in rows if row is not None for key in row))
    columns = {}
    for key in keys:
        if not encodes(str(key)):
            first = next(i for i, row in enumerate(rows) if row is not None and key in row)
            raise ResultError(f"{where(first)} gave a key {NOT_UNICODE}: {key!r}")
        if str(key) in columns:
            first = next(i for i, row in enumerate(rows) if row is not None and key in row)
            raise ResultError(
                f"{where(first)} gave a key {key!r}, which is another's as text: each key is a "
                "column, whose name is text"
            )
        try:
            values = [row[key] for row in rows]
        except (KeyError, TypeError):
            values = [None if row is None else row.get(key) for row in rows]
        columns[str(key)] = values
    return columns


def _spread(results: list[Any], into: tuple[str, ...], where: Where) -> dict[str, list[Any]]:
    rows: list[Sequence[Any]] = []
    missing = (None,) * len(into)
    for position, result in enumerate(results):
        if result is None:
            rows.append(missing)
            continue
        if _has_keys(type(result)) and not isinstance(result, tuple):
            try:
                fields = _mapping(result)
            except TwinKeysError as error:
                raise ResultError(f"{where(position)} returned {error}") from None
            result = [fields.get(name) for name in into]
        elif isinstance(result, (str, bytes)) or not hasattr(result, "__len__"):
            raise ResultError(
                f"{where(position)}: returned {_shown(result)}, "
                f"which is not {len(into)} values for --into {','.join(into)}"
            )
        if len(result) != len(into):
            raise ResultError(
                f"{where(position)}: returned {len(result)} values "
                f"for the {len(into)} columns of --into {','.join(into)}"
            )
        rows.append(result)
    columns = list(zip(*rows, strict=True)) or [()] * len(into)
    return {name: list(values) for name, values in zip(into, columns, strict=True)}


def _two_shapes(results: list[Any], where: Where) -> ResultError:
    firsts: dict[bool, int] = {}
    for position, result in enumerate(results):
        if result is not None:
            firsts.setdefault(_has_keys(type(result)), position)
    one, other = sorted(firsts.values())
    return ResultError(
        f"{where(one)} returned {_shown(results[one])}, {where(other)} returned "
        f"{_shown(results[other])}: return a dict for every row or for none, or make one column "
        "of both by --into NAME and --dtype NAME=json"
    )


def _shown(value: Any) -> str:
    whole = repr(value)
    cut = whole if len(whole) <= 60 else whole[:57] + "..."
    return f"{cut} ({type(value).__name__})"
