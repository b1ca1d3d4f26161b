"""What a function returned for rows, as columns: the table "the function returns / becomes".

A list of results has one shape: "scalar" (one column), "fields" (dicts, Series, namedtuples: a
column for each key) or "none" (nothing but None, which goes with either).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parapply.columns import json_columns
from parapply.columns.arrays import take
from parapply.columns.list_column import ListColumn, listed
from parapply.columns.values.builders import (
    MixedTypesError,
    UnsupportedValueError,
)
from parapply.columns.values.plain import TwinKeysError, is_frame
from parapply.execute.results.shape import Where, _first_twins, _shown
from parapply.formats.common.pandas_schema import retyped
from parapply.model.deferred_imports import lazy, np, pa
from parapply.model.errors import ResultError

if TYPE_CHECKING:
    from parapply.columns.values import convert, spelling
else:  # not for the numbers and texts that a run on a few rows makes
    convert, spelling = (
        lazy("parapply.columns.values.convert"),
        lazy("parapply.columns.values.spelling"),
    )


def build_columns(
    columns: dict[str, list[Any]], where: Where, types: Mapping[str, Any], *, as_text: bool
) -> dict[str, pa.Array]:
    """Return each column as an array, of its type in `types` where it has one there.

    `as_text`: lists and dicts are JSON, each by itself. Raises ResultError that names rows and
    values.
    """
    return {
        name: _built(name, values, where, types, as_text=as_text)
        for name, values in columns.items()
    }


def list_columns(
    columns: dict[str, list[Any]], where: Where, types: Mapping[str, Any], *, as_text: bool
) -> dict[str, pa.Array | ListColumn]:
    """Do as `build_columns`, but leave as lists what need not be an array."""
    found = {name: listed(values) for name, values in columns.items() if name not in types}
    known = {name: column for name, column in found.items() if column is not None}
    others = {name: values for name, values in columns.items() if name not in known}
    built = build_columns(others, where, types, as_text=as_text)
    return {name: known[name] if name in known else built[name] for name in columns}


def _built(
    name: str, values: list[Any], where: Where, types: Mapping[str, Any], *, as_text: bool
) -> pa.Array:
    try:
        if name in types:
            return _forced(name, values, where, types)
        return _array(name, values, where, as_text=as_text)
    except TwinKeysError as error:
        place = where(
            _first_twins(values, lambda value: spelling.text(value) and convert.to_array([value]))
        )
        raise ResultError(f"column {name!r}: {place} gave {error}") from None


def _forced(name: str, values: list[Any], where: Where, types: Mapping[str, Any]) -> pa.Array:
    """Make each value what was asked for by itself, whatever others there are in the chunk."""
    if json_columns.is_json(types[name]):
        return _array(name, values, where, json_columns.of_values)
    frames = any(map(is_frame, set(map(type, values))))  # an error whatever the type
    is_text = pa.types.is_string(types[name]) or pa.types.is_dictionary(types[name])
    if is_text and not frames:
        values = [spelling.text(value) for value in values]
    kinds = convert.by_kind(values, numbers=pa.types.is_floating(types[name]))
    pieces = [
        _piece(name, [values[position] for position in positions], positions, where, types)
        for positions in kinds
    ]
    if len(pieces) == 1:
        return pieces[0]
    order = np.argsort([position for positions in kinds for position in positions])
    return take(pa.concat_arrays(pieces), order)


def _piece(
    name: str, values: list[Any], positions: list[int], where: Where, types: Mapping[str, Any]
) -> pa.Array:
    def place(position: int) -> str:
        return where(positions[position])

    return force(name, _array(name, values, place), types, place)


def force(name: str, array: pa.Array, types: Mapping[str, Any], where: Where) -> pa.Array:
    """Return a column as the type that was asked for; raises ResultError for what is not of it."""
    from parapply.columns.fit import fit

    type_ = types.get(name, array.type)
    if pa.types.is_floating(array.type) and not pa.types.is_floating(type_):
        array = _without_nan(array)
    if pa.types.is_string(type_) and not pa.types.is_string(array.type):
        array = _spelled(array)
    try:
        return fit(array, type_)
    except pa.ArrowNotImplementedError as error:
        from parapply.columns.type_words import named

        raise ResultError(
            f"column {name!r}: {named(array.type)} cannot be made {type_} as --dtype says"
        ) from error
    except (pa.ArrowInvalid, ResultError):
        pass
    for position in range(len(array)):
        try:
            fit(array.slice(position, 1), type_)
        except (pa.ArrowInvalid, ResultError):
            shown = _shown(array[position].as_py())
            raise ResultError(
                f"column {name!r}: {where(position)} gave {shown}, which is not {type_} "
                f"as --dtype says"
            ) from None
    raise AssertionError("a column that cannot be cast has a value that cannot be")


def _without_nan(array: pa.Array) -> pa.Array:
    """NaN is missing in a column of another type than float."""
    import pyarrow.compute as pc

    return pc.if_else(pc.is_nan(array), pa.nulls(len(array), array.type), array)


def _spelled(array: pa.Array) -> pa.Array:
    """The text that CSV has of it: Arrow's cast makes a count of a duration, `true` of True."""
    import pyarrow.compute as pc

    from parapply.columns.text.strings import strings

    return pc.if_else(array.is_valid(), strings(array), pa.nulls(len(array), pa.string()))


def force_table(table: pa.Table, types: Mapping[str, Any], where: Where) -> pa.Table:
    """Return a table with the types that were asked for."""
    for place, name in enumerate(table.column_names):
        if name in types:
            array = force(name, table.column(place).combine_chunks(), types, where)
            field = retyped(table.schema.field(place), array.type)
            table = table.set_column(place, field, array)
    return table


def _array(
    name: str,
    values: list[Any],
    where: Where,
    make: Callable[[list[Any]], pa.Array] | None = None,
    *,
    as_text: bool = False,
) -> pa.Array:
    try:
        if as_text and convert.are_nested(values):
            return json_columns.of_values(values)
        return (make or convert.to_array)(values)
    except MixedTypesError as error:
        raise ResultError(f"column {name!r}: {_mixed(name, values, error, where)}") from None
    except UnsupportedValueError as error:
        position = error.position
        raise ResultError(f"column {name!r}: {where(position)} gave {error.why}") from None


def _mixed(name: str, values: list[Any], error: MixedTypesError, where: Where) -> str:
    one, other = map(_shown, error.kinds)
    first, second = _shown(values[error.first]), _shown(values[error.second])
    if error.first == error.second:
        return (
            f"{where(error.first)} gave {first}, with {one} and {other} inside; what is inside a "
            f"column of lists or dicts has one type too: return str for both, or say --dtype "
            f"{name}=json"
        )
    inside = "" if (one, other) == (first, second) else f", with {one} and {other} inside"
    return (
        f"{where(error.first)} gave {first}, {where(error.second)} gave {second}{inside}; "
        f"one column holds one type: return str for both, say, or --dtype {name}=json"
    )
