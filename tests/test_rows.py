"""What a row function is given. The oracle is a dict, or a pandas Series, of the same values."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
import pytest

from parapply.calls.rows import Columns, Row, no_column

VALUES = {"a": [1, 2], "two words": ["x", None], "n": [0.5, 1.5], "keys": [7, 8]}


@pytest.fixture
def asked():
    return []


@pytest.fixture
def rows(asked):
    def make(name):
        if name not in VALUES:
            raise KeyError(no_column(name, tuple(VALUES)))
        asked.append(name)
        return VALUES[name]

    columns = Columns(tuple(VALUES), make)
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
    import copy

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
    lists = {"a": [1], "b": [2], 2: [3]}
    return Row(Columns(("a", "b", "a"), lists.__getitem__), 0)


def test_columns_of_one_name_are_told_apart_by_position(twins):
    assert twins["a"] == twins.a == twins[0] == twins[-3] == 1
    assert twins[2] == twins[-1] == 3
    assert list(twins.values()) == [1, 2, 3]
    assert list(twins.items()) == [("a", 1), ("b", 2), ("a", 3)]
    assert dict(twins) == twins.to_dict() == {"a": 1, "b": 2}
    pdt.assert_series_equal(twins.to_series(), pd.Series([1, 2, 3], index=["a", "b", "a"]))
    assert twins.sum() == 6


def test_a_position_beyond_the_last_is_an_error(twins, row):
    for each in (twins, row):
        with pytest.raises(IndexError):
            each[17]


def test_a_row_that_was_written_to_has_positions_too(row):
    row["new"] = 9
    assert (row[0], row[-1], list(row.values())) == (2, 9, [2, None, 1.5, 8, 9])


def test_a_job_tells_columns_of_one_name_apart(written, succeed):
    path = written("in.csv", "a,b,a\n1,2,x\n3,4,y\n")
    found = succeed("-e", "[str(v) for v in (row['a'], row[2], *row.values())]", "--only", path)
    assert found.splitlines()[2] == b'"[""3"", ""y"", ""3"", ""4"", ""y""]"'
