"""--timeout: whom it ends, whom it leaves alone, and what time counts."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from parapply import apply
from parapply.backends.registry import BACKENDS
from parapply.execute.time_limit import RING, Alarm, RowTimeoutError
from parapply.runtime import rates
from parapply.runtime.lapses import Lapses
from tests.processes import wait_for

C = ctypes.CDLL(None, use_errno=True)
ANYWHERE = pytest.mark.parametrize("backend", BACKENDS)
BY_SIGNAL = pytest.mark.parametrize("backend", ["processes", "serial"])


def results(function, rows, timeout, backend="processes", **settings):
    settings = {"start_method": "fork", **settings} if backend == "processes" else settings
    """What a function gives for rows of numbers, one worker; None where it took too long."""
    import pandas as pd

    table = pd.DataFrame({"number": range(rows)})
    made = apply(
        table, function, into="made", workers=1, timeout=timeout, on_error="null", backend=backend,
        **settings,
    )  # fmt: skip
    return [None if pd.isna(value) else int(value) for value in made["made"]]


# Whom it ends, and whom it leaves alone


@BY_SIGNAL
def test_each_row_that_waits_in_c_for_too_long_is_ended(backend):
    def waits(row):
        return C.sleep(5) if row["number"] < 3 else 7

    assert results(waits, 4, "150ms", backend) == [None, None, None, 7]


@BY_SIGNAL
def test_a_wait_in_c_of_a_row_that_is_in_time_is_left_alone(backend):
    def waits(row):
        if row["number"] % 2 == 0:
            return C.sleep(5)
        return C.usleep(150_000)  # -1: interrupted

    assert results(waits, 4, "300ms", backend) == [None, 0, None, 0]


@BY_SIGNAL
def test_what_is_sent_to_a_row_that_ends_just_then_does_not_reach_the_next_one(backend):
    def waits(row):
        if row["number"] % 2:
            return C.usleep(5_000)
        time.sleep(0.0195 + row["number"] % 20 / 10_000)  # about as long as it may
        return 0

    assert -1 not in results(waits, 100, "20ms", backend)


def test_what_a_function_blocks_does_not_reach_the_next_row():
    seen = []

    def blocks(row):
        if row["number"] == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, [RING])
            time.sleep(0.15)
            return 0
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [RING])
        seen.append(row["number"])
        return C.usleep(20_000)

    assert results(blocks, 3, "100ms", "serial") == [None, 0, 0]
    assert seen == [1, 2]


@ANYWHERE
def test_a_row_that_comes_back_too_late_has_failed(backend):
    def swallows(row):
        began = time.monotonic()
        while row["number"] == 1 and time.monotonic() - began < 0.4:
            try:
                time.sleep(0.01)
            except BaseException:  # noqa: BLE001
                continue
        return row["number"]

    assert results(swallows, 3, "200ms", backend) == [0, None, 2]


def test_an_async_row_that_never_awaits_and_is_too_late_has_failed():
    async def holds_up(row):
        time.sleep(0.4 if row["number"] == 1 else 0)
        return row["number"]

    assert results(holds_up, 3, "200ms", concurrency=1) == [0, None, 2]


@BY_SIGNAL
def test_a_function_has_its_own_alarms(backend):
    def alarmed(row):
        rung = []
        before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        time.sleep(0.06)
        signal.signal(signal.SIGALRM, before)
        return len(rung)

    assert results(alarmed, 4, "5s", backend) == [1] * 4


def test_a_function_that_resets_all_signals_is_ended_with_its_worker():
    def resets(row):
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if number != signal.SIGCHLD and signal.getsignal(number) is not None:
                signal.signal(number, signal.SIG_DFL)
        time.sleep(60 if row["number"] == 1 else 0)
        return row["number"]

    assert results(resets, 3, "100ms") == [0, None, 2]


def test_a_row_that_forks_ends_in_both_processes():
    def forks(row):
        if (child := os.fork()) == 0:
            return 1  # the worker's loop ends it: it is no worker
        return os.waitpid(child, 0)[1] and 1

    assert results(forks, 3, "2s") == [1, 1, 1]


@pytest.mark.parametrize("kind", [RowTimeoutError, ValueError])
def test_nothing_is_left_when_a_chunk_has_ended(kind):
    before = signal.getsignal(RING)
    with pytest.raises(kind), Alarm(0.05) as alarm:
        alarm.run(lambda *_: _raise(kind), 0, SimpleNamespace(within=lambda _: None))
    assert signal.getsignal(RING) == before
    assert C.usleep(100_000) == 0


def _raise(kind):
    if kind is RowTimeoutError:
        C.sleep(5)
    raise kind


@pytest.mark.parametrize("backend", ["serial", "threads"])
def test_a_time_limit_leaves_no_thread_behind(backend):
    before = set(threading.enumerate())  # threads that other tests gave up may still be there
    assert results(lambda row: row["number"], 3, "5s", backend) == [0, 1, 2]
    assert set(threading.enumerate()) <= before


# What time counts

SLOW = """
import os, signal, time
from pathlib import Path

def slow(row):
    for _ in range(4):
        time.sleep(0.1)
        Path("started").touch()
    return row["number"]

async def slow_async(row):
    import asyncio
    for _ in range(4):
        await asyncio.sleep(0.1)
        Path("started").touch()
    return row["number"]

def stops(row):
    if row["number"] == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    return row["number"]
"""


@pytest.fixture
def three(written):
    written("slow.py", SLOW)
    written("three.csv", "number\n0\n1\n2\n")


@pytest.mark.parametrize(
    ("function", "backend"),
    [("slow", "processes"), ("slow", "serial"), ("slow", "threads"), ("slow_async", "processes")],
)
def test_time_in_which_nobody_ran_does_not_count(three, started, tmp_path, function, backend):
    process = started(
        f"slow.py:{function}", "three.csv", "--only", "--timeout", "800ms", "--backend", backend,
        "-j", "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(tmp_path / "started")
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(2.5)  # longer than a row is given, and its worker after that
    os.killpg(process.pid, signal.SIGCONT)
    assert process.communicate(timeout=30) == (f"{function}\n0\n1\n2\n", "")


def test_a_worker_that_is_stopped_alone_is_ended(three, started):
    process = started(
        "slow.py:stops", "three.csv", "--only", "--timeout", "200ms", "--on-error", "skip",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    made, said = process.communicate(timeout=30)
    assert made == "stops\n0\n2\n"
    assert "TimeoutError: took longer than 0.2 s" in said


ENDS = """
import time
from parapply.backends.waiting import in_background
print("begun", flush=True)
print(in_background(lambda: [time.sleep(0.1) for _ in range(5)], wait_s=1.5))
"""


def test_what_ends_a_session_is_not_given_up_for_time_in_which_nobody_ran():
    command = [sys.executable, "-c", ENDS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.7)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=30)[0] == "True\n"


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand, for what looks at it."""
    now = SimpleNamespace(s=100.0, used_s=1.0)
    monkeypatch.setattr(time, "monotonic", lambda: now.s)
    monkeypatch.setattr(time, "process_time", lambda: now.used_s)
    return now


@pytest.mark.parametrize(
    ("passed_s", "used_s", "lapse_s"),
    [(0.05, 0.0, 0.0), (10.05, 0.0, 10.0), (10.05, 10.0, 0.0), (10.05, 4.0, 6.0), (0.09, 0.0, 0.0)],
)
def test_a_gap_between_two_looks_is_a_lapse_but_for_what_was_used(clock, passed_s, used_s, lapse_s):
    lapses = Lapses()
    clock.s, clock.used_s = clock.s + passed_s, clock.used_s + used_s
    now = lapses.look(0.05)
    assert lapses.within(0.0, now) == pytest.approx(lapse_s)


def test_a_call_that_began_after_a_lapse_gets_nothing_of_it(clock):
    lapses = Lapses()
    clock.s += 3600.0  # a laptop that slept
    began = clock.s  # before anybody looked
    clock.s += 0.02
    lapses.look(0.05)
    clock.s += 5.0
    lapses.look(5.0)
    assert clock.s - began - lapses.within(began, clock.s) == pytest.approx(5.0)


def test_turns_of_a_rate_that_were_slept_through_are_not_taken_all_at_once(
    tmp_path, clock, monkeypatch
):
    rate = rates.Rate(str(tmp_path), "r", "1/s")
    rate.wait()
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        clock.s += seconds + (60.0 if len(waited) == 1 else 0.0)  # stopped in the first one
        if len(waited) == 1:
            assert rate.reserve() == pytest.approx(clock.s, abs=0.1)  # who waited beside us

    monkeypatch.setattr(time, "sleep", sleep)
    rate.wait()
    assert waited == [pytest.approx(1.0), pytest.approx(1.0, abs=0.1)]
