"""Types by their names: what a column is, said without Arrow, for the types that most columns are.

Others are what they are, a pyarrow.DataType. So are all types inside of other ones.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from parapply.lazily import pa

NAMES = ("null", "bool", "int64", "double", "string")


def name_of(type_: Any) -> Any:
    """Return the name of a type that has one here, and another as it is."""
    name = str(type_)
    return name if name in NAMES else type_


def type_of(type_: Any) -> Any:
    """Return the pyarrow.DataType of a name, and such a type itself."""
    return _types()[type_] if isinstance(type_, str) else type_


def joined(one: str, other: str) -> str | None:
    """Return the type that holds the values of both, or None where there is none: types.unify."""
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    return "double" if {one, other} == {"int64", "double"} else None


@cache
def _types() -> dict[str, Any]:
    made = pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.binary()
    return {str(type_): type_ for type_ in made}
