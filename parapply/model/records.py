"""Records: classes like frozen dataclasses with slots, made in a fortieth of the time.

A start of the command makes some fifty of them. A dataclass compiles each of its methods, which
costs 40 ms in all, and 19 where it is `__init__` alone; here nothing is compiled (2 ms). A record
takes some 2 us more to build for it, and a run builds hundreds, never one for each row. That
nothing assigns to a record's members is left to the type checker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, dataclass_transform, overload

__all__ = ["field", "fields", "members", "record", "replace"]

_Class = TypeVar("_Class", bound=type)
_Record = TypeVar("_Record")
_NOTHING: Any = type("_Nothing", (), {"__repr__": lambda self: "<made for each>"})()


class Field:
    """A member: its name, and what it is where nothing is given (`_NOTHING`: it has to be)."""

    __slots__ = ("compare", "default", "factory", "name")

    def __init__(self, default: Any, factory: Callable[[], Any] | None, *, compare: bool) -> None:
        self.name, self.default, self.factory, self.compare = "", default, factory, compare

    @property
    def is_optional(self) -> bool:
        """Whether a record can be made without saying what this is."""
        return self.factory is not None or self.default is not _NOTHING


def field(
    *, default: Any = _NOTHING, default_factory: Callable[[], Any] | None = None,
    compare: bool = True,
) -> Any:  # fmt: skip
    """Say more of a member than its default, as `dataclasses.field` does."""
    return Field(default, default_factory, compare=compare)


@overload
def record(cls: _Class) -> _Class: ...
@overload
def record(*, kw_only: bool = ..., frozen: bool = ...) -> Callable[[_Class], _Class]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: Any = None, *, kw_only: bool = False, frozen: bool = True) -> Any:
    """Make a record of a class, whose annotations are its members, as those of a dataclass.

    Records are equal where their class and all members are; they are hashed by their members.
    `frozen` is for the type checker.
    """
    return partial(_made, kw_only=kw_only) if cls is None else _made(cls, kw_only=kw_only)


def members(one: object) -> dict[str, Any]:
    """Return the members of a record by name."""
    return {name: getattr(one, name) for name in _known(one)}


def replace(old: _Record, **members: Any) -> _Record:
    """Return a record like another but for some members."""
    kept = {name: getattr(old, name) for name in _known(old) if name not in members}
    return type(old)(**kept, **members)


def fields(known: Any) -> tuple[Field, ...]:
    """Return what there is to know about each member of a record or its class, in order."""
    return tuple(_known(known).values())


def _known(known: Any) -> Mapping[str, Field]:
    found: Mapping[str, Field] = known.__record_fields__
    return found


def _made(cls: type, *, kw_only: bool) -> type:
    """Return the class anew: slots have to be there before it is one."""
    own = dict(cls.__dict__)
    names = tuple(own.get("__annotations__", ()))
    found = {name: known for base in reversed(cls.__mro__[1:]) for name, known in _of(base).items()}
    for name in names:
        value = own.pop(name, _NOTHING)
        found[name] = value if isinstance(value, Field) else Field(value, None, compare=True)
        found[name].name = name
    own |= {"__slots__": names, "__record_fields__": found}
    own["__init__"] = _init(cls.__name__, found, kw_only=kw_only)
    for name, method in (("__repr__", _shown), ("__eq__", _is_equal), ("__hash__", _hash)):
        own.setdefault(name, method)
    for name in ("__dict__", "__weakref__"):
        own.pop(name, None)
    own["__signature__"] = _Signature(kw_only=kw_only)
    made: Any = type(cls)(cls.__name__, cls.__bases__, own)
    return made  # type: ignore[no-any-return]


def _of(base: type) -> Mapping[str, Field]:
    own: Mapping[str, Field] = base.__dict__.get("__record_fields__", {})
    return own


def _init(name: str, known: Mapping[str, Field], *, kw_only: bool) -> Callable[..., None]:
    most, count = 0 if kw_only else len(known), len(known)
    names, own = tuple(known), tuple(known.values())

    def __init__(self: Any, /, *values: Any, **members: Any) -> None:  # noqa: N807
        given = len(values)
        if given > most:
            raise TypeError(f"{name}() takes {most} positional arguments but {given} were given")
        for member, value in zip(names, values, strict=False):
            setattr(self, member, value)
        for place in range(given, count):
            member, one = names[place], own[place]
            if member in members:
                value = members.pop(member)
            else:
                value = one.default if one.factory is None else one.factory()
                if value is _NOTHING:
                    raise TypeError(f"{name}() is missing the argument {member!r}")
            setattr(self, member, value)
        if members:
            wrong = next(iter(members))
            what = "has twice the" if wrong in known else "got an unexpected"
            raise TypeError(f"{name}() {what} argument {wrong!r}")
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    return __init__


class _Signature:
    """What `help()` says of a record's arguments, made when it is asked."""

    def __init__(self, *, kw_only: bool) -> None:
        self._kw_only = kw_only

    def __get__(self, _: Any, cls: type) -> Any:
        from inspect import Parameter, Signature

        kind = Parameter.KEYWORD_ONLY if self._kw_only else Parameter.POSITIONAL_OR_KEYWORD
        return Signature(
            [
                Parameter(name, kind, default=one.default if one.is_optional else Parameter.empty)
                for name, one in _known(cls).items()
            ]
        )


def _members(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name, one in _known(self).items() if one.compare)


def _shown(self: Any) -> str:
    known = (f"{name}={getattr(self, name)!r}" for name in _known(self))
    return f"{type(self).__qualname__}({', '.join(known)})"


def _is_equal(self: Any, other: Any) -> Any:
    same = type(self) is type(other)
    return _members(self) == _members(other) if same else NotImplemented


def _hash(self: Any) -> int:
    return hash(_members(self))
