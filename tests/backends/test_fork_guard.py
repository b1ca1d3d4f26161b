"""Processes are forked in other threads only while the thread of the run is at rest."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest

from parapply.backends.fork_guard import ForkGuard
from parapply.backends.processes import Processes

PATIENCE_S = 10


@pytest.fixture
def forker():
    """Fork in a thread: returns what tells that it has begun, and what lets it end."""
    threads = []

    def start(stillness):
        began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

        def work():
            with stillness.fork():
                began.set()
                may_end.wait(PATIENCE_S)
            ended.set()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return began, may_end, ended

    yield start
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_a_fork_waits_until_the_owner_rests(forker):
    stillness = ForkGuard()
    began, may_end, ended = forker(stillness)
    assert not began.wait(0.05)
    may_end.set()
    with stillness.rest():
        assert ended.wait(PATIENCE_S)


def test_the_owner_does_not_go_on_before_a_fork_has_ended(forker):
    stillness, order = ForkGuard(), []
    began, may_end, _ = forker(stillness)
    with stillness.rest():
        assert began.wait(PATIENCE_S)
        threading.Timer(0.05, lambda: (order.append("forked"), may_end.set())).start()
    order.append("went on")
    assert order == ["forked", "went on"]


def test_forks_do_not_overlap(forker):
    stillness = ForkGuard()
    first, second = forker(stillness), forker(stillness)
    with stillness.rest():
        while not (first[0].is_set() or second[0].is_set()):
            time.sleep(0.001)
        one, other = (first, second) if first[0].is_set() else (second, first)
        assert not other[0].wait(0.05)
        one[1].set()
        assert other[0].wait(PATIENCE_S)
        other[1].set()


def test_an_owner_that_never_rests_gives_way(forker):
    stillness = ForkGuard()
    _, may_end, ended = forker(stillness)
    may_end.set()
    deadline = time.monotonic() + PATIENCE_S
    while not ended.is_set() and time.monotonic() < deadline:
        stillness.give_way()
    assert ended.is_set()


def test_the_owner_forks_when_it_likes():
    with ForkGuard().fork():
        pass


def test_workers_are_replaced_while_the_run_rests(monkeypatch):
    from parapply.backends.api import PoolConfig
    from parapply.backends.limits import Limits

    known, seen = ForkGuard.fork, []

    @contextmanager
    def noted(self):
        with known(self):
            seen.append((threading.get_ident() == self._owner, self._busy))
            yield

    monkeypatch.setattr(ForkGuard, "fork", noted)
    config = PoolConfig(2, lambda: None, "fork", 1, Limits(), lambda: None, 5.0, lambda: None)
    with Processes().open(config) as session:
        results = [done.result for done in session.run(_twice, iter(range(9)))]
    assert sorted(results) == [2 * number for number in range(9)]
    replaced = [busy for owner, busy in seen if not owner]
    assert len(replaced) >= 5
    assert not any(replaced)


def _twice(item, pace):
    del pace
    return item * 2
