"""What workers share: real processes, real deaths. Nothing here knows of tables."""

from __future__ import annotations

import asyncio
import errno
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict

import pytest

from parapply import worker
from parapply.runtime import context
from parapply.runtime.context import RunInfo
from parapply.runtime.counts import tally
from parapply.runtime.local_store import LocalStore
from parapply.runtime.messages import Mailbox
from parapply.runtime.rates import parse_rate

WORKERS, TIMES = 8, 100_000
TIMEOUT_S = 60

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture
def place(tmp_path):
    return RunInfo(str(tmp_path), LocalStore(str(tmp_path)), WORKERS, handled=True)


def start(place, work, *arguments):
    """Start a process that is a worker and does this work."""

    def begin():
        context.bind(place)
        work(*arguments)

    process = multiprocessing.get_context("fork").Process(target=begin)
    process.start()
    return process


def crew(place, work, *arguments, workers=WORKERS):
    """Have this many processes do the work at once, and wait for them."""
    processes = [start(place, work, *arguments) for _ in range(workers)]
    for process in processes:
        process.join(TIMEOUT_S)
    assert [process.exitcode for process in processes] == [0] * workers


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def killed(process):
    process.join(TIMEOUT_S)
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def bound(place):
    """This process is a worker too."""
    mine = context.bind(place)
    yield mine
    context.unbind(mine)


# Locks.


def add_one(path):
    with open(path, "r+b", buffering=0) as file:
        number = int(file.read() or 0)
        file.seek(0)
        file.write(str(number + 1).encode())


def test_a_lock_around_a_file_counts_exactly(place, tmp_path):
    (path := tmp_path / "number").touch()

    def work():
        for _ in range(TIMES // WORKERS):
            with worker.lock("file"):
                add_one(path)

    crew(place, work)
    assert path.read_text() == str(TIMES)


def test_a_lock_keeps_threads_apart(place, tmp_path):
    (path := tmp_path / "number").touch()

    def work():
        mine = context.bind(place)
        for _ in range(500):
            with worker.lock("file"):
                add_one(path)
        context.unbind(mine)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert path.read_text() == "2000"


@pytest.mark.parametrize("primitive", ["lock", "limit"])
def test_what_a_killed_worker_held_is_free(place, bound, primitive):
    def held():
        return worker.lock("x") if primitive == "lock" else worker.limit("x", 1)

    def work():
        with held():
            die()

    killed(start(place, work))
    assert held().acquire(timeout=5)


def test_those_who_wait_go_on_when_the_holder_is_killed(place, bound, tmp_path):
    def hold():
        with worker.lock("x"), worker.limit("y", 1):
            (tmp_path / "holds").touch()
            time.sleep(TIMEOUT_S)

    def wait():
        with worker.lock("x"):
            worker.count("lock")
        with worker.limit("y", 1):
            worker.count("limit")

    holder = start(place, hold)
    while not (tmp_path / "holds").exists():
        time.sleep(0.01)
    waiting = [start(place, wait) for _ in range(3)]
    time.sleep(0.1)
    holder.kill()
    for process in waiting:
        process.join(5)
    assert [process.exitcode for process in waiting] == [0, 0, 0]
    assert tally(place.folder).counts == {"limit": 3, "lock": 3}
    holder.join()


def test_a_killed_waiter_does_not_hold_up_the_queue(place, bound):
    waiter = start(place, lambda: worker.limit("y", 1).acquire())
    with worker.limit("y", 2):  # places 0 and 1: one of them is what the waiter wants
        time.sleep(0.1)
        waiter.kill()
        waiter.join()
    assert worker.limit("y", 1).acquire(timeout=5)


def test_a_lock_that_would_wait_for_itself_says_so(bound):
    with worker.lock("x"), pytest.raises(RuntimeError, match="held by this worker already"):
        worker.lock("x").acquire()
    with worker.lock("x"):
        pass


def test_acquire_gives_up_in_time(place, bound):
    holder = start(place, lambda: (worker.lock("x").acquire(), time.sleep(TIMEOUT_S)))
    time.sleep(0.2)
    began = time.monotonic()
    assert not worker.lock("x").acquire(timeout=0.2)
    assert 0.2 <= time.monotonic() - began < 2
    holder.kill()
    holder.join()


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 500, "spaces and ünïcode", "\ud800"])
def test_any_text_is_a_name(bound, name):
    with worker.lock(name), worker.limit(name, 2):
        worker.event(name).set()
        worker.count(name)
    assert worker.event(name).is_set()
    assert not worker.event(name + "other").is_set()


def test_what_is_no_name_or_number_is_said(bound):
    with pytest.raises(TypeError, match="a name is text"):
        worker.lock(3)
    with pytest.raises(ValueError, match="at least 1"):
        worker.limit("x", 0)
    with pytest.raises(ValueError, match="give a whole number"):
        worker.count("x", 0.5)


# Limits.


def test_a_limit_is_never_passed(place):
    def work():
        steps = []
        for _ in range(TIMES // WORKERS):
            with worker.limit("api", 4):
                steps.append((time.monotonic_ns(), 1))
                worker.count("times")
                steps.append((time.monotonic_ns(), -1))
        worker.put("steps", steps)

    crew(place, work)
    assert tally(place.folder).counts == {"times": TIMES}
    steps = sorted(step for _, steps in Mailbox(place.folder).take() for step in steps)
    assert len(steps) == 2 * TIMES
    assert max(itertools.accumulate(step for _, step in steps)) <= 4


def test_a_limit_lets_as_many_in_as_it_says(place):
    def work():
        for _ in range(4):
            with worker.limit("api", 4):
                time.sleep(0.05)

    began = time.monotonic()
    crew(place, work)  # 32 stays of 50 ms, four at a time
    assert 0.4 <= time.monotonic() - began < 0.8


# Rates.


@pytest.mark.parametrize(("rate", "turns"), [("50/s", 100), ("1000/s", 2000), ("5000/s", 10_000)])
def test_a_rate_holds_over_all_workers(place, rate, turns):
    def work():
        for _ in range(turns // WORKERS):
            worker.rate("api", rate)

    began = time.monotonic()
    crew(place, work)
    spent = time.monotonic() - began
    assert turns * parse_rate(rate) * 0.95 < spent
    if os.getloadavg()[0] < 4:  # a machine that is busy otherwise has no time for so many
        assert spent < turns * parse_rate(rate) * 1.05 + 0.1


def test_a_pause_is_not_made_up_for(bound):
    worker.rate("api", 50)
    time.sleep(0.5)
    began = time.monotonic()
    for _ in range(5):
        worker.rate("api", "50/s")
    assert time.monotonic() - began > 0.07


def test_a_worker_killed_on_its_turn_holds_nobody_up(place, bound):
    killed(start(place, lambda: (worker.rate("api", 50), die())))
    began = time.monotonic()
    worker.rate("api", 50)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("text", "interval"),
    [("20/s", 0.05), ("20", 0.05), (20, 0.05), ("0.5/s", 2), ("120/min", 0.5), ("1/5s", 5),
     ("3600/hour", 1), ("2 / second", 0.5)],
)  # fmt: skip
def test_rates_are_read(text, interval):
    assert parse_rate(text) == pytest.approx(interval)


@pytest.mark.parametrize("text", ["", "x", "0/s", "-1/s", "5/parsec", "nan", "1//s"])
def test_what_is_no_rate_is_said(text):
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


# Events.


def test_an_event_is_seen_by_all(place, bound):
    def work():
        assert worker.event("go").wait(TIMEOUT_S)

    waiting = [start(place, work) for _ in range(3)]
    assert not worker.event("go").is_set()
    assert worker.event("go").wait(0.05) is False
    worker.event("go").set()
    for process in waiting:
        process.join(5)
    assert [process.exitcode for process in waiting] == [0, 0, 0]
    worker.event("go").clear()
    assert not worker.event("go").is_set()


# Counts and gauges.


def test_counts_are_exact(place):
    def work():
        for number in range(TIMES // WORKERS):
            worker.count("all")
            if number % 2:
                worker.count("odd", 3)

    crew(place, work)
    assert tally(place.folder).counts == {"all": TIMES, "odd": TIMES // 2 * 3}


def test_a_killed_worker_keeps_what_it_counted(place):
    def work():
        for _ in range(1000):
            worker.count("x")
        die()

    killed(start(place, work))
    assert tally(place.folder).counts == {"x": 1000}


def test_there_may_be_many_counts(place, bound):
    for number in range(3000):
        worker.count(f"n{number}", number)
        worker.gauge(f"g{number}", number)
    worker.count("n7")
    found = tally(place.folder)
    assert found.counts["n7"] == 8
    assert found.counts["n2999"] == found.gauges["g2999"] == 2999
    assert len(found.counts) == len(found.gauges) == 3000


def test_of_a_gauge_the_last_value_counts(place, bound):
    worker.gauge("left", 5)
    time.sleep(0.01)
    crew(place, lambda: worker.gauge("left", 3.5), workers=1)
    assert tally(place.folder).gauges == {"left": 3.5}


def test_a_count_costs_little(bound):
    began = time.process_time()
    for _ in range(TIMES):
        worker.count("x")
    assert time.process_time() - began < 0.5


# Messages.


def test_messages_arrive_all_in_the_order_of_each_worker(place):
    def work():
        for number in range(TIMES // WORKERS):
            worker.put("number", (worker.pid, number))  # a rank is another's when one has ended

    crew(place, work)
    got = defaultdict(list)
    for name, (pid, number) in Mailbox(place.folder).take():
        assert name == "number"
        got[pid].append(number)
    assert list(got.values()) == [list(range(TIMES // WORKERS))] * WORKERS


def test_files_that_were_read_are_removed(place, bound, tmp_path):
    mailbox = Mailbox(place.folder)
    for number in range(5):
        worker.put("large", bytes(3 << 20))
        assert len(list(mailbox.take())) == 1, number
    assert len(list(tmp_path.glob("put-*"))) <= 2


def test_a_torn_message_harms_no_other(place, bound, tmp_path):
    def work():
        worker.put("whole", 1)
        worker.put("torn", b"x" * 1000)
        die()

    killed(start(place, work))
    (path,) = tmp_path.glob("put-*")
    os.truncate(path, path.stat().st_size - 10)
    worker.put("other", 2)
    mailbox = Mailbox(place.folder)
    assert sorted(mailbox.take()) == [("other", 2), ("whole", 1)]
    assert list(mailbox.take()) == []


def test_what_cannot_be_sent_is_said(bound):
    with pytest.raises(TypeError, match="cannot be sent"):
        worker.put("x", lambda: 0)


# In async functions.


def test_async_tasks_share_limits_without_holding_up_the_loop(bound):
    inside = most = 0

    async def one():
        nonlocal inside, most
        async with worker.limit("api", 3):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1
        async with worker.lock("x"):
            await worker.rate("r", 1000)
        return await worker.event("never").wait(0.01)

    async def every():
        return await asyncio.gather(*(one() for _ in range(12)))

    assert asyncio.run(every()) == [False] * 12
    assert most == 3


def test_a_lock_that_would_hold_up_the_loop_says_so(bound):
    async def wrong():
        with worker.lock("x"):
            pass

    with pytest.raises(RuntimeError, match=r"write `async with worker\.lock"):
        asyncio.run(wrong())


# Who is who.


@pytest.fixture(params=["locks", "no locks"])
def file_system(request, monkeypatch):
    """The run's folder is on a file system with locks, or without."""

    def flock(file, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    if request.param == "no locks":
        monkeypatch.setattr("fcntl.flock", flock)


def test_ranks_are_those_of_the_living(file_system, place, bound):
    assert (bound.rank, bound.name) == (0, "parapply-0")
    second = start(place, lambda: (worker.put("begun", worker.rank), time.sleep(TIMEOUT_S)))
    mailbox, came = Mailbox(place.folder), []
    while not came:
        time.sleep(0.01)
        came += mailbox.take()
    second.kill()
    second.join()
    crew(place, lambda: worker.put("rank", worker.rank), workers=1)
    assert [*came, *mailbox.take()] == [("begun", 1), ("rank", 1)]


def test_no_two_of_many_workers_have_the_same_rank(file_system, place):
    def work():
        worker.put("rank", worker.rank)
        time.sleep(0.5)  # until all are there

    crew(place, work)
    ranks = [value for _, value in Mailbox(place.folder).take()]
    assert sorted(ranks) == list(range(WORKERS))


def test_a_rank_that_was_given_back_is_the_next_ones(file_system, place):
    first, second = context.bind(place), context.bind(place)
    context.unbind(first)
    third = context.bind(place)
    ranks = first.rank, second.rank, third.rank
    context.unbind(second)
    context.unbind(third)
    assert ranks == (0, 1, 2)  # the second looked at hint 1 on
    fourth = context.bind(place)
    context.unbind(fourth)
    assert fourth.rank == 0


OUTSIDE = """
import os
from parapply import worker
assert (worker.rank, worker.name, worker.row, worker.chunk) == (0, "parapply-0", 0, "0")
assert (worker.pid, worker.workers) == (os.getpid(), 1)
worker.state.x = 1
assert worker.state.x == 1
with worker.lock("a"), worker.limit("b", 2):
    worker.count("c")
worker.rate("d", 1000)
worker.put("e", 1)
worker.stop()
try:
    worker.state.y
except AttributeError as error:
    assert "--init" in str(error)
if os.fork() == 0:
    raise SystemExit(0)
os.wait()
worker.event("f").set()  # the folder is still there
print(worker.event("f")._folder)
"""


def test_outside_a_run_a_function_can_be_tested():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", OUTSIDE], capture_output=True, timeout=TIMEOUT_S
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not os.path.exists(done.stdout.decode().strip())
