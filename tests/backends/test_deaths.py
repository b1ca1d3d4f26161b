"""Worker processes that die, are killed or stopped, busy and idle; and how they start."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
import time

import pytest

from parapply.backends.api import Done
from parapply.model.errors import WorkerError
from tests.backends.sessions import every_method, opened, processes, results
from tests.backends.tasks import (
    always_exit,
    exit_at_start,
    exit_on_three,
    fork_and_go_on,
    handlers,
    kill_the_others,
    killed_on_three,
    killed_with_a_child_left,
    name,
    pid,
    send_much,
    square,
    stop,
)


@every_method
def test_workers_have_names_and_signals_of_their_own(method):
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with processes(method) as session:
            names = set(results(session.run(name, iter(range(20)))))
            (done,) = session.run(handlers, iter([0]))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert names <= {"parapply-0", "parapply-1"}
    assert done.result == [signal.SIG_IGN, signal.SIG_DFL, signal.SIG_DFL, 0]


@every_method
@pytest.mark.parametrize(
    ("task", "how"),
    [
        (exit_on_three, "exited with code 7"),
        (killed_on_three, "was killed by SIGKILL"),
        (killed_with_a_child_left, "was killed by SIGKILL"),
    ],
)
def test_a_death_inside_an_item_loses_that_item_alone(method, task, how):
    with processes(method) as session:
        dones = {done.item: done for done in session.run(task, iter(range(10)))}
    assert dones.pop(3) == Done(3, None, how)
    assert {item: done.result for item, done in dones.items()} == {n: n for n in dones}
    assert len(dones) == 9


@every_method
def test_more_deaths_than_there_are_slots(method):
    count = 20 if method == "fork" else 5
    with processes(method, workers=1) as session:
        dones = list(session.run(always_exit, iter(range(count))))
    assert [done.lost for done in dones] == ["exited with code 1"] * count


@every_method
@pytest.mark.parametrize("victims", [1, 2])
def test_the_death_of_idle_workers_loses_nothing(method, victims):
    with processes(method) as session:
        pids = sorted(set(results(session.run(pid, iter(range(4))))))
        for victim in pids[:victims]:
            os.kill(victim, signal.SIGKILL)
        assert results(session.run(square, iter(range(20)))) == [n * n for n in range(20)]


@every_method
def test_idle_workers_may_be_killed_again_and_again(method):
    with processes(method) as session:
        for _ in range(10 if method == "fork" else 3):
            assert results(session.run(square, iter(range(6)))) == [n * n for n in range(6)]
            for worker in session._team._workers[:1]:
                worker.kill()


@every_method
def test_an_idle_worker_may_be_killed_while_another_works(method):
    with processes(method) as session:
        pids = set(results(session.run(pid, iter(range(4)))))
        assert list(session.run(kill_the_others, iter([pids]))) == [Done(pids, "done")]


@every_method
def test_workers_that_die_as_they_start_are_not_replaced_for_ever(method):
    with pytest.raises(WorkerError, match=r"die as they start.*exited with code 9"):  # noqa: SIM117
        with processes(method, start=exit_at_start) as session:
            list(session.run(square, iter(range(10))))


def test_workers_that_die_as_they_start_while_nobody_looks_are_few(tmp_path):
    def start():
        (tmp_path / str(os.getpid())).touch()
        os._exit(9)

    with processes("fork", start=start):
        time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) <= 8


@every_method
def test_a_child_that_the_task_forks_is_no_worker(method):
    with processes(method) as session:
        assert results(session.run(fork_and_go_on, iter(range(20)))) == list(range(20))


def test_workers_may_be_killed_while_they_send():
    killed = set()

    def kill_one():
        for worker in list(session._team._workers):
            if worker.pid is not None and worker.pid not in killed and len(killed) < 4:
                killed.add(worker.pid)
                os.kill(worker.pid, signal.SIGKILL)
                return

    with processes("fork") as session:
        dones = list(session.run(send_much, iter(range(12)), beat=kill_one))
    assert sorted(done.item for done in dones) == list(range(12))
    assert {len(done.result) for done in dones if done.lost is None} <= {4 << 20}


@every_method
def test_a_stopped_worker_is_late(method):
    with processes(method) as session:
        dones = {done.item: done for done in session.run(stop, iter(range(6)))}
    assert dones.pop(3) == Done(3, None, "was killed by SIGKILL", 0, late=True)
    assert sorted(dones) == [0, 1, 2, 4, 5]


def test_workers_that_cannot_be_started_later_are_an_error(monkeypatch):
    fork, forks = os.fork, itertools.count()

    def few():
        if next(forks) > 5:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return fork()

    monkeypatch.setattr(os, "fork", few)
    with pytest.raises(WorkerError, match="processes and threads are allowed"):  # noqa: SIM117
        with processes("fork", max_tasks=1) as session:
            list(session.run(square, iter(range(40))))


def test_the_start_method_is_fork_while_there_is_one_thread(monkeypatch):
    from parapply.backends.launch import safest_method

    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert safest_method() == "fork"
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert safest_method() == "forkserver"


def test_results_do_not_wake_who_keeps_the_workers(monkeypatch):
    """That is a third of what a chunk costs the parent, and each time all workers are asked."""
    rounds, known = [], multiprocessing.pool.Pool._maintain_pool

    def noting(*arguments):
        rounds.append(1)
        return known(*arguments)

    monkeypatch.setattr(multiprocessing.pool.Pool, "_maintain_pool", staticmethod(noting))
    with opened(("processes", "fork")) as session:
        done = results(session.run(square, iter(range(200))))
    assert sorted(done) == [number * number for number in range(200)]
    assert len(rounds) < 100  # 400 otherwise; some are when nobody has anything to do
