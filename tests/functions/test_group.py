"""What a group function is given without a frame."""

from __future__ import annotations

import pytest

from parapply import Group
from parapply.functions.load import frame_kind
from parapply.functions.rows import RowColumns
from parapply.functions.used_columns import columns_used

LISTS = [[1, 2, 3, 4], ["a", None, "c", "d"]]


@pytest.fixture
def group():
    return Group(RowColumns(("n", "text"), LISTS.__getitem__), 1, 3, "key")


def test_columns_are_lists_of_the_groups_rows_by_name_and_attribute(group):
    assert group["n"] == group.n == group[0] == [2, 3]
    assert group.get("text") == [None, "c"]
    assert group.get("none", 7) == 7
    assert dict(group) == {"n": [2, 3], "text": [None, "c"]}


def test_it_knows_its_key_its_length_and_its_rows(group):
    assert (group.key, len(group), list(group), "n" in group) == ("key", 2, ["n", "text"], True)
    assert [row.text for row in group.rows] == [None, "c"]
    assert repr(group) == "Group(key='key', rows=2, columns=['n', 'text'])"


def test_its_lists_are_its_own(group):
    group.n.append(9)
    assert group.n == [2, 3]


def test_a_column_that_is_not_there_is_named(group):
    with pytest.raises(AttributeError, match="no column 'nn'; did you mean 'n'"):
        _ = group.nn
    with pytest.raises(KeyError, match="no column 'nn'"):
        group["nn"]


def of_group(group: Group):
    return sum(group["n"]) / len(group) + len(group.text) * (group.key == 1)


def with_rows(group: Group):
    return [row.n for row in group.rows]


def handed_on(group: Group):
    return of_group(group)


def test_the_columns_that_it_looks_at_are_known_from_its_code():
    assert frame_kind(of_group) == "lists"
    assert columns_used(of_group, ("n", "text", "other"), Group) == ("n", "text")


@pytest.mark.parametrize("function", [with_rows, handed_on])
def test_in_doubt_all_columns_are_read(function):
    assert columns_used(function, ("n", "text", "other"), Group) is None
