"""Records are like frozen dataclasses with slots, but for who sees to it that they stay as made."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from parapply.records import field, fields, record, replace


@record
class Point:
    """A place."""

    x: int
    y: int = 0
    names: list[str] = field(default_factory=list, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Other:
    """The same, made by the library."""

    x: int
    y: int = 0
    names: list[str] = dataclasses.field(default_factory=list, compare=False)


@record(kw_only=True)
class Named:
    """Its members are given by name."""

    x: int = 1


def test_a_record_is_like_a_dataclass():
    one, other = Point(1, names=["a"]), Other(1, names=["a"])
    assert repr(one) == repr(other).replace("Other", "Point")
    assert [known.name for known in fields(one)] == [known.name for known in fields(Other)]
    assert replace(one, y=2) == Point(1, 2)
    assert one == Point(1) and one != Point(2) and one != other and one != (1, 0)
    assert hash(one) == hash(Point(1))
    assert pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(one)).names == ["a"]
    assert Point(1).names is not Point(1).names


def test_a_record_has_no_other_members():
    with pytest.raises(AttributeError):
        Point(1).z = 3
    with pytest.raises(TypeError):
        Named(2)
    assert Named(x=2).x == 2
    assert not hasattr(Point(1), "__dict__")
