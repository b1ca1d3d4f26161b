"""Which rows make a chunk: all of them, once, in order, within limits."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import parapply
from parapply import Job
from parapply.engine import plan
from parapply.engine.plan import CHUNK_ROWS, FRAME_ROWS, bounds, chunks, fixed_bounds
from parapply.formats.common import blocks
from parapply.formats.common.groups import GroupIndex
from parapply.formats.csv import source
from parapply.model.errors import InputError, UsageError

ROWS = st.integers(0, 200_000)
WORKERS = st.integers(1, 64)


@pytest.fixture
def run(tmp_path):
    """Run a job on a CSV text, serially; return the output's bytes."""

    def run_on(data: bytes, **options) -> bytes:
        path, output = tmp_path / "in.csv", tmp_path / "out.csv"
        path.write_bytes(data)
        parapply.run(Job(inputs=path, output=output, backend="serial", **options))
        return output.read_bytes()

    return run_on


def assert_covers(ranges, rows):
    assert all(start < stop for start, stop in ranges)
    assert all(one[1] == two[0] for one, two in pairwise(ranges))
    edges = [edge for pair in ranges for edge in pair]
    assert (min(edges, default=0), max(edges, default=0)) == (0, rows)


@given(ROWS, WORKERS, st.integers(1, 5000))
def test_bounds_cover_all_rows_once_in_order(rows, workers, most):
    assert_covers(list(bounds(rows, workers, most)), rows)


@given(ROWS, WORKERS, st.integers(1, 5000))
def test_no_chunk_is_above_the_limit(rows, workers, most):
    least = max(1, min(256, rows // (16 * workers)))
    sizes = [stop - start for start, stop in bounds(rows, workers, most)]
    assert max(sizes, default=0) <= max(most, least)


@given(ROWS, WORKERS)
def test_chunks_become_smaller_toward_the_end(rows, workers):
    sizes = [stop - start for start, stop in bounds(rows, workers, CHUNK_ROWS)]
    assert all(one >= two for one, two in pairwise(sizes[:-1]))


@given(st.integers(1000, 200_000), WORKERS)
def test_no_worker_gets_more_than_its_share_at_once(rows, workers):
    sizes = [stop - start for start, stop in bounds(rows, workers, rows)]
    assert max(sizes) <= max(rows / workers, 1)
    assert len(sizes) >= workers


@given(ROWS, WORKERS, st.integers(1, 5000), st.integers(1, 999))
def test_snapped_bounds_cover_all_rows_too(rows, workers, most, step):
    def snap(row):
        return min(round(row / step) * step, rows)

    assert_covers(list(bounds(rows, workers, most, snap)), rows)


@given(st.integers(0, 3000), st.integers(1, 4000))
def test_fixed_bounds_have_the_size_asked_for(rows, size):
    ranges = list(fixed_bounds(rows, size))
    assert_covers(ranges, rows)
    assert all(stop - start == size for start, stop in ranges[:-1])


@given(st.lists(st.integers(1, 400_000), max_size=5), WORKERS)
def test_chunks_of_row_groups_hold_their_rows_once(groups, workers):
    index = GroupIndex(tuple(groups), sum(groups) * 100)
    made = list(chunks(index, 0, workers, None, last=True))
    assert_covers([(chunk.first_row, chunk.first_row + chunk.rows) for chunk in made], index.rows)
    held = [span for chunk in made for span in chunk.span]
    assert sum(stop - start for _, start, stop in held) == index.rows
    assert held == sorted(held)
    for chunk in made:
        assert sum(stop - start for _, start, stop in chunk.span) == chunk.rows


@given(st.lists(st.integers(1, CHUNK_ROWS), min_size=1, max_size=5), WORKERS)
def test_a_small_row_group_is_cut_only_where_workers_would_wait(groups, workers):
    index = GroupIndex(tuple(groups), sum(groups) * 10)
    for row in range(0, index.rows, 997):
        edges = {sum(groups[:place]) for place in range(len(groups) + 1)}
        assert index.snap(row, CHUNK_ROWS) in edges


@pytest.mark.parametrize("group", [20_000, CHUNK_ROWS, 100_000, FRAME_ROWS, FRAME_ROWS + 1])
@pytest.mark.parametrize("whole", [False, True])
def test_a_chunk_is_a_row_group_where_it_may_be_as_large(group, whole):
    index = GroupIndex((group,) * 40, 40 * group * 50)
    made = list(chunks(index, 0, 2, None, last=True, whole=whole))
    cut = [chunk for chunk in made[: len(made) // 2] if chunk.first_row % group]
    assert bool(cut) == (group > (FRAME_ROWS if whole else CHUNK_ROWS))
    assert max(chunk.rows for chunk in made) <= 2 * (FRAME_ROWS if whole else CHUNK_ROWS)


@pytest.mark.parametrize("whole", [False, True])
def test_many_small_sources_are_cut_near_the_end_only(whole):
    sizes = [20] * 1000
    cut = [
        len(list(chunks(GroupIndex((rows,), rows * 9), place, 2, None, last=place == 999,
                        whole=whole, after=sum(sizes[place + 1 :]))))
        for place, rows in enumerate(sizes)
    ]  # fmt: skip
    assert set(cut[:990]) == {1}
    assert cut[-1] > 1


@given(st.integers(1, 5000), WORKERS, st.integers(1, 5000), st.integers(0, 10_000))
def test_bounds_before_other_sources_cover_all_rows_too(rows, workers, most, after):
    ranges = list(bounds(rows, workers, most, after=after))
    assert_covers(ranges, rows)
    assert len(ranges) <= len(list(bounds(rows, workers, most)))


def test_chunks_are_bounded_in_bytes():
    index = GroupIndex((1 << 18,), 1 << 38)
    assert max(chunk.rows for chunk in chunks(index, 0, 1, None, last=True)) <= 8


@pytest.mark.parametrize(("last", "expected"), [(True, [False, False, True]), (False, [False] * 3)])
def test_only_the_last_chunk_of_the_last_source_is_the_last(last, expected):
    made = chunks(GroupIndex((30,), 100), 1, 2, 10, last=last)
    assert [chunk.last for chunk in made] == expected


def test_no_rows_make_no_chunks():
    assert list(chunks(GroupIndex((), 0), 0, 2, None, last=True)) == []
    assert list(chunks(GroupIndex((0, 0), 0), 0, 2, 10, last=True)) == []


def test_a_plan_is_the_same_each_time():
    index = GroupIndex((100_000, 3, 70_000), 1 << 30)
    assert list(chunks(index, 0, 7, None, last=True)) == list(chunks(index, 0, 7, None, last=True))


def test_a_wide_table_is_cut_into_few_chunks():
    def sizes(columns):
        index = GroupIndex((200,), 12_000_000)
        return [one.rows for one in chunks(index, 0, 2, None, last=True, columns=columns)]

    assert sizes(1) == [67, 45, 30, 20, 13, 9, 6, 6, 4]  # a third of what is left, down to six
    assert sizes(10_000) == [67, 45, 30, 25, 25, 8]


@pytest.mark.parametrize("columns", [5, 10_000])
def test_a_few_rows_are_spread_over_the_workers(columns):
    made = list(chunks(GroupIndex((20,), 20 * columns), 0, 2, None, last=True, columns=columns))
    assert len(made) >= 6
    assert max(chunk.rows for chunk in made[-4:]) <= 3


@pytest.mark.parametrize("chunk_size", [None, 50_000, 10**9])
def test_no_chunk_reads_more_text_than_the_limit(run, monkeypatch, chunk_size):
    monkeypatch.setattr(plan, "MOST_BYTES", 1 << 16)
    monkeypatch.setattr(blocks, "READ_BYTES", 1 << 17)
    monkeypatch.setattr(source, "BLOCK_BYTES", 1 << 14)
    data = b"a,b\n" + b"12,345\n" * 50_000 + b'1,"' + b"x\n" * 30_000 + b'"\n' + b"1,2\n" * 9
    found = run(data, expression="1", into="c", chunk_size=chunk_size)
    assert found.replace(b",1\n", b"\n").replace(b",c\n", b"\n") == data


def test_a_chunk_function_cannot_be_given_too_much(run, monkeypatch):
    monkeypatch.setattr(plan, "WHOLE_BYTES", 1 << 20)
    data = b"a,b\n" + b"12,345\n" * 200_000
    with pytest.raises(UsageError, match="--chunk-size 1000000: 200000 rows are 1 MB of text"):
        run(data, expression="df", chunk_size=1_000_000)


def test_a_row_that_is_too_long_is_an_error(run, monkeypatch):
    monkeypatch.setattr(blocks, "READ_BYTES", 1 << 20)
    monkeypatch.setattr(source, "BLOCK_BYTES", 1 << 14)
    with pytest.raises(InputError, match=r"in.csv: a row in bytes 4 to \d+ is longer than"):
        run(b'a,b\n1,"' + b"\n" * (1 << 21), expression="1")
