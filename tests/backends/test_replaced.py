"""Worker processes that are replaced after some items."""

from __future__ import annotations

import pytest

from parapply.backends.api import Done
from tests.backends.sessions import every_method, processes, results
from tests.backends.tasks import (
    crash_at_exit,
    fork_a_child,
    killed_on_three,
    linger,
    nothing,
    pid_at_once,
    square,
)


@every_method
def test_a_worker_is_replaced_after_its_items(method):
    count = 60 if method == "fork" else 8
    with processes(method, max_tasks=2) as session:
        pids = results(session.run(pid_at_once, iter(range(count))))
    assert len(pids) == count
    assert max(map(pids.count, pids)) <= 2


def test_workers_that_left_do_not_use_up_the_slots():
    with processes("fork", workers=1, max_tasks=1) as session:
        session._team.deaths = list  # as if the parent were busy all the time
        assert len(set(results(session.run(pid_at_once, iter(range(60)))))) == 60
        del session._team.deaths  # it was one pool to the end


@every_method
def test_a_death_among_workers_that_leave_is_noticed(method):
    with processes(method, max_tasks=1) as session:
        dones = {done.item: done for done in session.run(killed_on_three, iter(range(8)))}
    assert dones.pop(3) == Done(3, None, "was killed by SIGKILL")
    assert {item: done.result for item, done in dones.items()} == {n: n for n in dones}


@every_method
@pytest.mark.parametrize("start", [crash_at_exit, nothing])
def test_a_worker_that_left_may_crash_or_leave_a_child(method, start):
    task = fork_a_child if start is nothing else square
    with processes(method, start=start, max_tasks=1) as session:
        dones = list(session.run(task, iter(range(8))))
    assert [done.lost for done in dones] == [None] * 8


def test_a_worker_that_does_not_get_away_is_killed():
    with processes("fork", start=linger, max_tasks=1, patience_s=0.3) as session:
        assert results(session.run(square, iter(range(6)))) == [0, 1, 4, 9, 16, 25]
