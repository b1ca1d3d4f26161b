"""What a row function is given. The oracle is a dict, or a pandas Series, of the same values."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from collections import ChainMap
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd
import pandas.testing as pdt
import pytest

from parapply.functions.rows import Row, RowColumns, no_column
from parapply.model.errors import AmbiguousColumnError

VALUES = {"a": [1, 2], "two words": ["x", None], "n": [0.5, 1.5], "keys": [7, 8]}


@pytest.fixture
def asked():
    return []


@pytest.fixture
def rows(asked):
    def make(place):
        name = list(VALUES)[place]
        asked.append(name)
        return VALUES[name]

    columns = RowColumns(tuple(VALUES), make)
    return [Row(columns, position) for position in range(2)]


@pytest.fixture
def row(rows):
    return rows[1]


def test_a_value_is_looked_up_by_name(row):
    assert (row["a"], row["two words"], row.n) == (2, None, 1.5)


def test_a_whole_number_is_a_position(row):
    assert (row[0], row[-2]) == (2, 1.5)


def test_get_has_a_default(row):
    assert (row.get("a"), row.get("absent"), row.get("absent", 3)) == (2, None, 3)


def test_a_row_becomes_a_dict(row):
    expected = {"a": 2, "two words": None, "n": 1.5, "keys": 8}
    assert dict(row) == {**row} == row.to_dict() == expected
    assert dict(row.items()) == expected


def test_a_row_is_a_mapping_of_its_names(row):
    assert list(row) == list(VALUES)
    assert len(row) == 4
    assert list(row.values()) == [2, None, 1.5, 8]
    assert "a" in row
    assert "absent" not in row


def test_a_row_is_shown_with_its_values(row):
    assert repr(row) == "Row({'a': 2, 'two words': None, 'n': 1.5, 'keys': 8})"


def test_rows_are_equal_when_their_values_are(rows):
    one, two = rows
    assert one != two
    assert one == dict(one)
    assert two == {"a": 2, "two words": None, "n": 1.5, "keys": 8}


def test_only_columns_that_are_looked_at_are_made(row, asked):
    assert row["a"] == row.a == row.get("a")
    assert asked == ["a"]


def test_setting_a_value_changes_this_row_only(rows):
    one, two = rows
    two["a"], two["new"] = 9, "n"
    assert (two["a"], two["new"], two["n"]) == (9, "n", 1.5)
    assert one["a"] == 1
    assert "new" not in one
    assert list(two) == [*VALUES, "new"]


def test_what_else_a_series_can_do_is_done_by_one(row):
    assert row.isna().sum() == 1
    expected = pd.Series({"a": 2, "two words": None, "n": 1.5, "keys": 8})
    pdt.assert_series_equal(row.to_series(), expected)


@pytest.mark.parametrize("name", ["absent", "aa", "Two Words"])
def test_an_unknown_name_is_a_key_error_that_says_what_there_is(row, name):
    with pytest.raises(KeyError, match="no column"):
        row[name]


def test_an_unknown_attribute_is_an_attribute_error_that_says_what_there_is(row):
    with pytest.raises(AttributeError, match="no column 'absent'"):
        row.absent  # noqa: B018


def test_a_position_beyond_the_end_is_an_error(row):
    with pytest.raises(IndexError):
        row[4]


def test_hasattr_and_copying_do_not_go_round_in_circles(row):
    assert not hasattr(row, "__absent__")
    assert copy.copy(row)["a"] == 2
    assert dict(copy.deepcopy(row)) == dict(row)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nn", "no column 'nn'; did you mean 'n'?"),
        ("zzzzzz", "no column 'zzzzzz'; there are: a, two words, n, keys"),
    ],
)
def test_the_nearest_name_is_suggested(name, words):
    assert no_column(name, tuple(VALUES)) == words


def test_a_long_list_of_names_is_cut():
    names = tuple(f"column{i}" for i in range(50))
    assert no_column("zzz", names).endswith("column11, ...")


@pytest.fixture
def twins():
    """A row of columns two of which have one name."""
    return Row(RowColumns(("a", "b", "a"), [[1], [2], [3]].__getitem__), 0)


def test_columns_of_one_name_are_told_apart_by_position(twins):
    assert twins[0] == twins[-3] == 1
    assert twins[2] == twins[-1] == 3
    assert list(twins.values()) == [1, 2, 3]


@pytest.mark.parametrize(
    "name_it",
    [
        lambda row: row["a"], lambda row: row.a, lambda row: row.get("a", 5), dict,
        lambda row: {**row}, lambda row: row.to_dict(), lambda row: dict(row.items()),
        lambda row: row | {}, lambda row: row == {"a": 1, "b": 2},
        lambda row: row.__setitem__("a", 1),
    ],
)  # fmt: skip
def test_a_name_that_two_columns_have_names_neither(twins, name_it):
    with pytest.raises(AmbiguousColumnError, match="'a' is there twice, as columns 1 and 3: row"):
        name_it(twins)


def test_what_names_none_of_two_columns_is_done(twins):
    assert (twins["b"], twins.b, len(twins), list(twins)) == (2, 2, 3, ["a", "b", "a"])
    assert "a" in twins
    assert repr(twins) == "Row({'a': 1, 'b': 2, 'a': 3})"
    assert twins == pickle.loads(pickle.dumps(twins))
    twins["b"], twins[2], twins["c"] = 7, 8, 9
    assert list(twins.values()) == [1, 7, 8, 9]
    assert twins.sum() == 25


def test_a_position_beyond_the_last_is_an_error(twins, row):
    for each in (twins, row):
        with pytest.raises(IndexError):
            each[17]


def test_a_row_that_was_written_to_has_positions_too(row):
    row["new"] = 9
    assert (row[0], row[-1], list(row.values())) == (2, 9, [2, None, 1.5, 8, 9])


def test_a_row_is_matched_as_a_dict_is(row):
    match row:
        case {"a": 1}:
            pytest.fail("a is 2")
        case {"absent": _}:
            pytest.fail("there is none")
        case {"a": 2, "n": float(n), **rest}:
            assert (n, rest) == (1.5, {"two words": None, "keys": 8})
        case _:
            pytest.fail("it has these keys")


def test_a_row_is_a_mapping_and_no_sequence(row):
    assert isinstance(row, Mapping)
    assert issubclass(Row, Mapping)
    assert not isinstance(row, Sequence)
    match row:
        case [*_]:
            pytest.fail("a dict is no sequence")


@pytest.mark.parametrize(
    "do",
    [
        lambda d: d.keys() & {"a", "x"},
        lambda d: d.keys() >= {"n"},
        lambda d: d.keys() == VALUES.keys(),
        lambda d: ("a", 2) in d.items(),
        lambda d: d.items() - {("a", 2)},
        lambda d: 1.5 in d.values(),
        lambda d: (len(d.keys()), len(d.values()), len(d.items())),
        lambda d: d | {"a": 0, "z": 1},
        lambda d: {"a": 0, "z": 1} | d,
        lambda d: ChainMap({}, d)["n"],
        lambda d: json.dumps(dict(d)),
        lambda d: "{a}/{n}".format(**d),
        lambda d: "{a}".format_map(d),
        lambda d: MappingProxyType(dict(d)) == d,
        lambda d: d == 3,
        lambda d: d != {},
        lambda d: dict(d, z=3),
        lambda d: list(d.items()),
        lambda d: operator.itemgetter("a", "n")(d),
    ],
)
def test_a_row_does_what_its_dict_does(row, do):
    assert do(row) == do({"a": 2, "two words": None, "n": 1.5, "keys": 8})


def test_a_row_has_no_hash_as_a_dict_has_none(row):
    with pytest.raises(TypeError):
        hash(row)


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        *(lambda r, p=p: pickle.loads(pickle.dumps(r, p)) for p in range(6)),
    ],
)
def test_a_copy_is_a_row_of_its_own(rows, copied):
    one, two = rows
    two["new"] = [1]
    for row in (one, two):
        made = copied(row)
        assert type(made) is Row
        assert (made, list(made), made.a, made[0]) == (row, list(row), row.a, row[0])
        made["a"], made["more"] = "changed", 1
        assert row["a"] in (1, 2)
        assert "more" not in row


def test_a_deep_copy_shares_no_value(row):
    row["new"] = [1]
    copy.deepcopy(row)["new"].append(2)
    assert copy.copy(row)["new"] is row["new"]
    assert row["new"] == [1]


def test_a_pickled_row_has_its_own_values_alone():
    columns = RowColumns(("a", "b"), lambda place: list(range(100_000)))
    assert len(pickle.dumps(Row(columns, 7))) < 200


def test_a_job_tells_columns_of_one_name_apart(written, succeed):
    path = written("in.csv", "a,b,a\n1,2,x\n3,4,y\n")
    found = succeed("-e", "[str(v) for v in (row[0], row[2], *row.values())]", "--only", path)
    assert found.splitlines()[2] == b'"[""3"", ""y"", ""3"", ""4"", ""y""]"'
