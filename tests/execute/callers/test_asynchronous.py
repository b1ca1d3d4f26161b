"""Functions that wait: async ones, many at once on a loop; rates; hundreds of threads."""

from __future__ import annotations

import itertools
import time

import pytest

BACKENDS = [("--backend", "serial"), ("--backend", "threads"), ("--start-method", "fork")]
every_backend = pytest.mark.parametrize("backend", BACKENDS, ids=lambda given: given[1])
FEW = ("-j", "2", "--chunk-size", "10")

FUNCTIONS = """
from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from parapply import worker

if TYPE_CHECKING:
    import pandas


async def later(row):
    worker.count("inside")
    await asyncio.sleep(0.001 * (40 - row.number))  # the last are done first
    return worker.row * 10 + row.number % 10


async def value_later(value):
    await asyncio.sleep(0.001)
    return value + 1 if isinstance(value, int) else value + "!"


async def odd(row):
    await asyncio.sleep(0)
    return row.number % 2


async def some(row):
    return [row.number] * (row.number % 3)


async def fail_at_the_end(row):
    await asyncio.sleep(0.001 * (40 - row.number))
    if row.number in (5, 7, 11):
        raise ValueError(f"no {row.number}")
    return row.number


tries = {}


async def third_time(row):
    tries[row.number] = tries.get(row.number, 0) + 1
    if tries[row.number] < 3:
        raise OSError("busy")
    return tries[row.number]


async def one_too_slow(row):
    await asyncio.sleep(10 if row.number == 7 else 0)
    return row.number


async def one_that_blocks(row):
    if row.number == 7:
        time.sleep(20)
    await asyncio.sleep(0)
    return row.number


async def own_timeout(row):
    raise TimeoutError("the server said so")


async def halt(row):
    await asyncio.sleep(0.001 * (40 - row.number))
    if row.number in (13, 15, 31):
        worker.stop()
    return row.number


class Session:
    def __init__(self):
        self.loop = None

    async def __call__(self, row):
        loop = asyncio.get_running_loop()
        assert self.loop in (None, loop)
        self.loop = loop
        assert worker.state.made
        return row.number

    async def close(self):
        assert self.loop in (None, asyncio.get_running_loop())
        worker.count("closed")


async def setup():
    await asyncio.sleep(0)
    worker.state.made = True


async def at_once(row):
    async with worker.limit("inside", 3):
        worker.count("calls")
        await asyncio.sleep(0.001)
    return row.number


async def die(row):
    await asyncio.sleep(0)
    if row.number == 7:
        import os
        os._exit(3)
    return row.number


def when(row):
    return time.monotonic()


async def when_async(row):
    return time.monotonic()


def rest(row):
    time.sleep(0.05)
    return row.number


async def of_chunk(df: pandas.DataFrame):
    return df
"""


@pytest.fixture
def table(written):
    written("f.py", FUNCTIONS)
    lines = [f"name{number},{number}" for number in range(40)]
    return written("table.csv", "\n".join(["name,number", *lines, ""]))


@pytest.fixture
def job(parapply, table):
    def work(function, *arguments, code=0):
        done = parapply(f"f.py:{function}", "--only", *FEW, *arguments, "table.csv")
        assert done.returncode == code, done.stderr
        return done.stdout.decode().splitlines()[1:], done.stderr

    return work


ALL = list(map(str, range(40)))


@every_backend
def test_results_are_in_the_order_of_the_rows(job, backend):
    expected = [str((number + 1) * 10 + number % 10) for number in range(40)]
    assert job("later", *backend) == (expected, "")
    assert job("later", "--concurrency", "1", *backend) == (expected, "")


def test_all_ways_to_take_results_work(job):
    rows = [f"name{number}!,{number + 1}" for number in range(40)]
    assert job("value_later", "-c", "name,number")[0] == rows
    assert job("odd", "--into", "x", "--concurrency", "7")[0] == ["0", "1"] * 20
    assert job("some", "--explode")[0] == [str(n) for n in range(40) for _ in range(n % 3)]


@every_backend
def test_the_first_row_that_fails_is_named(job, backend):
    said = job("fail_at_the_end", *backend, code=1)[1]
    assert said.startswith("parapply: error: table.csv: row 6: fail_at_the_end raised ValueError")


def test_rows_that_fail_are_set_aside(job):
    rows, said = job("fail_at_the_end", "--on-error", "skip")
    assert rows == [number for number in ALL if number not in ("5", "7", "11")]
    assert "3 of 40 rows failed and were left out" in said


def test_rows_are_tried_again(job):
    assert job("third_time", "--retries", "2")[0] == ["3"] * 40


@pytest.mark.parametrize("backend", BACKENDS[1:], ids=lambda given: given[1])
def test_a_row_has_a_time_limit(job, backend):
    rows, _ = job("one_too_slow", "--timeout", "300ms", "--on-error", "skip", *backend)
    assert rows == [number for number in ALL if number != "7"]
    assert "row 8" in job("one_too_slow", "--timeout", "300ms", code=1)[1]


def test_an_error_of_that_name_is_no_limit(job):
    said = job("own_timeout", "--timeout", "9s", code=1)[1]
    assert "raised TimeoutError: the server said so" in said


def test_a_row_that_holds_up_the_loop_is_found(job):
    began = time.monotonic()
    rows, _ = job("one_that_blocks", "--timeout", "200ms", "--on-error", "skip")
    assert rows == [number for number in ALL if number != "7"]
    assert time.monotonic() - began < 15


def test_a_row_that_no_worker_survives_is_found(job):
    said = job("die", code=1)[1]
    assert "row 8: the worker exited with code 3" in said
    assert job("die", "--on-error", "skip")[0] == [number for number in ALL if number != "7"]


@every_backend
def test_stop_ends_the_output_with_its_row(job, backend):
    assert job("halt", *backend)[0] == ALL[:14]


@every_backend
def test_one_loop_serves_a_worker_from_its_start_to_its_end(job, backend):
    rows, said = job("Session", "--init", "f.py:setup", "-v", *backend)
    assert rows == ALL
    assert "parapply: closed " in said


def test_limits_hold_for_tasks(job):
    rows, said = job("at_once", "-v")
    assert rows == ALL
    assert "parapply: calls 40" in said


def test_many_calls_wait_at_once(parapply, table, written):
    written("many.csv", "number\n" + "1\n" * 2000)
    written(
        "g.py", "import asyncio\nasync def f(row):\n    await asyncio.sleep(0.05)\n    return 1\n"
    )
    began = time.monotonic()
    done = parapply("g.py:f", "--concurrency", "200", "-j", "2", "many.csv")
    assert done.stdout.count(b"\n") == 2001
    assert time.monotonic() - began < 5  # one after the other: 100 s


def test_hundreds_of_threads_wait_at_once(job):
    began = time.monotonic()
    assert job("rest", "--backend", "threads", "-j", "200", "--chunk-size", "1")[0] == ALL
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    ("backend", "function"),
    [(BACKENDS[0], "when"), (BACKENDS[1], "when_async"), (BACKENDS[2], "when")],
)
def test_a_rate_holds_over_all_workers(job, backend, function):
    times = sorted(map(float, job(function, "--rate", "100/s", *backend)[0]))
    assert 0.38 <= times[-1] - times[0] < 0.8  # 39 pauses of 10 ms
    assert all(later - sooner < 0.2 for sooner, later in itertools.pairwise(times))


def test_a_wait_for_a_turn_is_not_the_rows(job):
    assert len(job("when", "--rate", "20/s", "--timeout", "40ms", "--head", "10")[0]) == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("f.py:when", "--concurrency", "3"), "--concurrency is for async functions"),
        (("f.py:later", "--concurrency", "0"), "give a number, at least 1"),
        (("f.py:when", "--rate", "fast"), "--rate 'fast' is not a rate: write 20/s"),
        (("f.py:of_chunk",), "of_chunk is an async function: it is given rows or values"),
    ],
)
def test_what_makes_no_sense_is_said(fail, table, options, said):
    assert said in fail(2, *options, "table.csv")
