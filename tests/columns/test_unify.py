"""One type for a column over all parts, whatever order they come in."""

from __future__ import annotations

import datetime as dt
import decimal
from functools import reduce
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parapply.columns.fit import fit
from parapply.columns.unify import is_settled, unify
from parapply.columns.values.convert import MixedTypesError, UnsupportedValueError, to_array
from parapply.model.errors import ResultError

PLAIN = [
    pa.null(), pa.bool_(), pa.int8(), pa.int64(), pa.uint8(), pa.uint64(), pa.float32(),
    pa.float64(), pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.date32(),
    pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us", "UTC"),
    pa.timestamp("ms", "Europe/Berlin"), pa.timestamp("ns", "+02:00"), pa.time64("us"),
    pa.time32("s"), pa.duration("us"), pa.duration("ns"),
    pa.decimal128(38, 2), pa.decimal128(38, 5), pa.decimal256(76, 3),
    pa.dictionary(pa.int32(), pa.string()),
]  # fmt: skip
NESTED = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: (
        st.builds(pa.list_, inner)
        | st.builds(
            lambda types: pa.struct(list(types.items())),
            st.dictionaries(st.sampled_from("abc"), inner, min_size=1),
        )
    ),
    max_leaves=4,
)

NUMBERS = st.sampled_from(
    [
        None,
        0,
        1,
        -5,
        2**53 + 1,
        2**63,
        2**70,
        10**80,
        10**400,
        0.5,
        1.0,
        decimal.Decimal("1.10"),
        decimal.Decimal(7),
        decimal.Decimal("1e-30"),
        decimal.Decimal("NaN"),
        decimal.Decimal(10**25),
    ]
)
KINDS = (
    NUMBERS,
    st.sampled_from([None, "a", True, b"x", dt.date(2024, 5, 1), dt.datetime(2024, 5, 1, 12)]),
    st.lists(NUMBERS, max_size=2),
    st.dictionaries(st.sampled_from("abc"), NUMBERS | st.just("x"), max_size=2),
)
COLUMNS = st.one_of(st.lists(kind, min_size=1, max_size=6) for kind in KINDS)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (pa.null(), pa.string(), pa.string()),
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.int8(), pa.int64(), pa.int64()),
        (pa.uint8(), pa.uint64(), pa.uint64()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.decimal128(38, 2), pa.float64(), pa.float64()),
        (pa.string(), pa.large_string(), pa.string()),
        (pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us")),
        (pa.timestamp("s", "UTC"), pa.timestamp("s", "Asia/Tokyo"), pa.timestamp("s", "UTC")),
        (pa.timestamp("us", "+02:00"), pa.timestamp("ns", "+02:00"), pa.timestamp("ns", "+02:00")),
        (pa.timestamp("us", "+02:00"), pa.timestamp("us", "+01:00"), pa.timestamp("us", "UTC")),
        (pa.duration("us"), pa.duration("ns"), pa.duration("ns")),
        (pa.time32("ms"), pa.time64("ns"), pa.time64("ns")),
        (pa.decimal128(21, 2), pa.decimal128(24, 5), pa.decimal128(24, 5)),
        (pa.decimal128(10, 2), pa.decimal128(10, 6), pa.decimal128(14, 6)),
        (pa.decimal128(38, 30), pa.decimal128(38, 0), pa.decimal256(68, 30)),
        (pa.int64(), pa.decimal128(10, 2), pa.decimal128(21, 2)),
        (pa.int64(), pa.uint64(), pa.decimal128(20, 0)),
        (pa.list_(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (pa.list_(pa.null()), pa.list_(pa.string()), pa.list_(pa.string())),
        (
            pa.struct({"a": pa.int64()}),
            pa.struct({"b": pa.string(), "a": pa.float64()}),
            pa.struct({"a": pa.float64(), "b": pa.string()}),
        ),
    ],
    ids=str,
)
def test_what_fits_together(one, other, both):
    assert unify(one, other) == both


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.int64(), pa.string()),
        (pa.int64(), pa.bool_()),
        (pa.string(), pa.binary()),
        (pa.date32(), pa.timestamp("us")),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.decimal256(76, 60), pa.decimal256(76, 0)),
        (pa.list_(pa.int64()), pa.int64()),
        (pa.struct({"a": pa.int64()}), pa.struct({"a": pa.string()})),
    ],
    ids=str,
)
def test_what_does_not(one, other):
    assert unify(one, other) is None
    assert unify(other, one) is None


def plain(type_):
    """The type without an order of fields, which is that of their first appearance."""
    if type_ is None or not pa.types.is_nested(type_):
        return type_
    if pa.types.is_list(type_):
        return ("list", plain(type_.value_type))
    return ("struct", frozenset((field.name, plain(field.type)) for field in type_))


@given(NESTED, NESTED)
def test_the_order_of_two_parts_does_not_matter(one, other):
    assert plain(unify(one, other)) == plain(unify(other, one))


@given(st.permutations(PLAIN).map(lambda types: types[:3]) | st.tuples(NESTED, NESTED, NESTED))
@example((pa.uint64(), pa.int8(), pa.float32()))
def test_the_order_in_which_parts_are_joined_does_not_matter(types):
    one, two, three = types
    left, right = unify(one, two), unify(two, three)
    forward = None if left is None else unify(left, three)
    backward = None if right is None else unify(one, right)
    assert plain(forward) == plain(backward)


@given(NESTED, NESTED)
def test_a_settled_type_does_not_change_any_more(one, other):
    if is_settled(one):
        assert unify(one, other) in (one, None)


@given(NESTED)
def test_a_type_and_itself_are_that_type(type_):
    assert unify(type_, type_) == type_
    assert unify(pa.null(), type_) == type_


def whole_or_error(values):
    try:
        return to_array(values)
    except (MixedTypesError, UnsupportedValueError):
        return None


def parts_or_error(parts):
    arrays = [whole_or_error(part) for part in parts]
    if any(array is None for array in arrays):
        return None
    type_ = reduce(lambda a, b: None if a is None else unify(a, b), (a.type for a in arrays))
    return None if type_ is None else pa.concat_arrays([fit(array, type_) for array in arrays])


@given(COLUMNS, st.sets(st.integers(1, 5)))
@example([2**63, 0.5], {1})
@example([decimal.Decimal("1e-30"), 10**25, 1], {1, 2})
@example([10**80, 0.5], {1})
@example([decimal.Decimal("NaN"), 0.5], {1})
@example([decimal.Decimal("1e-80"), 0.5], {1})
@example([1, 2**63, decimal.Decimal("1.5")], {1, 2})
def test_parts_make_what_the_whole_makes_wherever_it_is_cut(values, cuts):
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    parts = [values[start:stop] for start, stop in pairwise(edges)]
    whole, joined = whole_or_error(values), parts_or_error(parts)
    assert (whole is None) == (joined is None)
    if whole is not None:
        joined.validate(full=True)
        assert joined.type == whole.type
        assert joined.to_pylist() == whole.to_pylist()


@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_slice_is_brought_to_a_type_like_any_array(start):
    values = [{"a": [1]}, None, {"a": None}, {"a": [2, None]}]
    type_ = pa.struct({"b": pa.string(), "a": pa.list_(pa.float64())})
    fitted = fit(pa.array(values).slice(start), type_)
    fitted.validate(full=True)
    assert fitted.to_pylist() == pa.array(values, type_).to_pylist()[start:]


def test_text_of_a_dictionary_becomes_plain_text():
    encoded = pa.array(["a", None, "b", "a"]).dictionary_encode()
    type_ = unify(encoded.type, pa.string())
    assert fit(encoded, type_).to_pylist() == ["a", None, "b", "a"]


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        ([1, None, -20], pa.decimal128(10, 2), ["1.00", None, "-20.00"]),
        ([0.1, 2.5, 1e7], pa.decimal128(10, 2), ["0.10", "2.50", "10000000.00"]),
        ([0.1, 1 / 3, 1.005, 1e-300], pa.decimal128(10, 2), ["0.10", "0.33", "1.00", "0.00"]),
        ([0.1], pa.decimal128(38, 30), ["0.100000000000000000000000000000"]),
        ([2**63], pa.decimal128(19, 0), [str(2**63)]),
    ],
    ids=str,
)
def test_numbers_become_the_decimals_that_were_asked_for(values, type_, expected):
    made = fit(to_array(values), type_)
    assert made.type == type_
    assert [value if value is None else str(value) for value in made.to_pylist()] == expected


@pytest.mark.parametrize(
    "value", [10**8, 1e300, 1e80 / 3, float("inf"), decimal.Decimal("0.125"), True, str(10**300)]
)
def test_what_is_no_such_decimal_is_refused(value):
    with pytest.raises(pa.ArrowInvalid):
        fit(to_array([value]), pa.decimal128(10, 2))


def test_a_time_beyond_nanoseconds_is_named():
    array = to_array([dt.datetime(2900, 1, 1)])
    with pytest.raises(ResultError, match="1677 to 2262"):
        fit(array, unify(array.type, pa.timestamp("ns")))
