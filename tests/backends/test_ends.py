"""How worker processes end: with their session, their parent, their forkserver."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial

import pytest

from tests import ROOT
from tests.backends.sessions import every_method, is_alive, processes, results
from tests.backends.tasks import note_exit, pid, rest, square_slowly


@every_method
def test_a_worker_that_died_idle_does_not_delay_the_end(method):
    with processes(method) as session:
        victim = results(session.run(pid, iter([1])))[0]
        os.kill(victim, signal.SIGKILL)
        time.sleep(0.1)
        before = time.monotonic()
    assert time.monotonic() - before < 2


def test_the_death_of_the_forkserver_leaves_no_orphan():
    from multiprocessing import forkserver

    started = set()

    def kill_server():
        if not started and session.units() == 0:
            started.update(worker.pid for worker in session._team._workers)
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)

    with processes("forkserver") as session:
        dones = list(session.run(square_slowly, iter(range(40)), beat=kill_server))
        assert sorted(done.item for done in dones) == list(range(40))
        until = time.monotonic() + 5
        while any(map(is_alive, started)) and time.monotonic() < until:
            time.sleep(0.01)
        assert not any(map(is_alive, started))


@every_method
def test_workers_leave_in_peace_when_all_is_done(method, tmp_path):
    with processes(method, start=partial(note_exit, str(tmp_path))) as session:
        pids = set(results(session.run(pid, iter(range(4)))))
    assert {int(path.name) for path in tmp_path.iterdir()} >= pids


@every_method
def test_children_of_the_caller_are_left_alone(method):
    own = multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,))
    own.start()
    try:
        with processes(method) as session:
            next(session.run(rest, iter([0, 30, 30])))
        assert own.is_alive()
    finally:
        own.kill()
        own.join()


@every_method
def test_an_end_leaves_no_thread_behind(method):
    before = threading.active_count()
    with processes(method) as session:
        next(session.run(rest, iter([0, 30, 30])))
        time.sleep(0.1)
    assert threading.active_count() == before


@every_method
@pytest.mark.parametrize("idle", [True, False])
def test_workers_end_when_their_parent_is_killed(method, idle, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(textwrap.dedent(PARENT.format(root=str(ROOT))))
    command = [sys.executable, str(script), method, "" if idle else "busy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 4
    deadline = time.monotonic() + 1.5
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_alive, pids))


PARENT = """
    import sys, threading, time
    sys.path.insert(0, {root!r})
    from tests.backends.sessions import processes, results
    from tests.backends.tasks import pid, rest

    def config(method, busy, pids, both, printed):
        with processes(method) as session:
            while len(found := set(results(session.run(pid, iter(range(4)))))) < 2:
                pass
            pids += found
            both.wait()
            printed.wait()
            list(session.run(rest, iter([30] * 4 if busy else [])))
            time.sleep(30)

    if __name__ == "__main__":
        pids, both, printed = [], threading.Barrier(3), threading.Event()
        for _ in range(2):
            args = (sys.argv[1], sys.argv[2], pids, both, printed)
            threading.Thread(target=config, args=args).start()
        both.wait()
        printed.set()
        time.sleep(0.3)
        print(*pids, flush=True)
        time.sleep(30)
"""
