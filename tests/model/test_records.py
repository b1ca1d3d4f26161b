"""Records are like frozen dataclasses with slots, but for who sees to it that they stay as made."""

from __future__ import annotations

import dataclasses
import inspect
import pickle

import pytest

from parapply.model.records import field, fields, record, replace


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
    assert [known.name for known in fields(one)] == ["x", "y", "names"]
    assert replace(one, y=2) == Point(1, 2)
    assert one == Point(1) and one != Point(2) and one != other and one != (1, 0)
    assert hash(one) == hash(Point(1))
    assert pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(one)).names == ["a"]
    assert Point(1).names is not Point(1).names


@record
class Place(Point):
    """A point with one member more."""

    z: int = 5


@record
class Checked:
    """It looks at what it is given."""

    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("below nothing")


def test_a_record_may_have_the_members_of_another():
    assert Place(1, z=2) == Place(1, 0, [], 2) != Place(1)
    assert repr(Place(1)) == "Place(x=1, y=0, names=[], z=5)"
    assert isinstance(Place(1), Point) and Place(1) != Point(1)
    assert replace(Place(1), y=3) == Place(1, 3)


def test_a_record_is_made_of_all_its_members_and_nothing_else():
    with pytest.raises(TypeError, match=r"Point\(\) is missing the argument 'x'"):
        Point(y=1)
    with pytest.raises(TypeError, match=r"Point\(\) got an unexpected argument 'w'"):
        Point(1, w=2)
    with pytest.raises(TypeError, match=r"Point\(\) has twice the argument 'x'"):
        Point(1, x=2)
    with pytest.raises(TypeError, match=r"Point\(\) takes 3 positional arguments but 4 were"):
        Point(1, 2, [], 4)
    with pytest.raises(TypeError, match=r"Named\(\) takes 0 positional arguments but 1 were"):
        Named(1)
    with pytest.raises(TypeError, match="unexpected argument 'w'"):
        replace(Point(1), w=1)


def test_a_record_is_checked_however_it_is_made():
    with pytest.raises(ValueError, match="below nothing"):
        Checked(-1)
    with pytest.raises(ValueError, match="below nothing"):
        replace(Checked(1), x=-1)


def test_help_shows_the_members():
    assert str(inspect.signature(Point)) == "(x, y=0, names=<made for each>)"
    assert str(inspect.signature(Named)) == "(*, x=1)"
    assert list(inspect.signature(Place).parameters) == ["x", "y", "names", "z"]


def test_a_record_has_no_other_members():
    with pytest.raises(AttributeError):
        Point(1).z = 3
    with pytest.raises(TypeError):
        Named(2)
    assert Named(x=2).x == 2
    assert not hasattr(Point(1), "__dict__")
