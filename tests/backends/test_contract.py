"""The contract of the backends: every one of them, with every start method, through one suite."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from parapply.backends import registry as backends
from parapply.backends.api import Crew, Done
from parapply.model.errors import UsageError, WorkerError
from tests import ROOT

METHODS = ["fork", "forkserver", "spawn"]
KINDS = [("serial", None), ("threads", None), *(("processes", method) for method in METHODS)]
POOLS = KINDS[1:]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(filter(None, kind)))
every_pool = pytest.mark.parametrize("kind", POOLS, ids=lambda kind: "-".join(filter(None, kind)))
every_method = pytest.mark.parametrize("method", METHODS)


def nothing() -> None:
    pass


def opened(kind, *, workers=2, start=nothing, **settings):
    name, method = kind
    return backends.load(name).open(Crew(workers, start, method, **settings))


def processes(method, **settings):
    return opened(("processes", method), **settings)


def results(dones):
    return sorted(done.result for done in dones)


def children() -> set[int]:
    """Every child of this process that is or was a worker: not the helpers of multiprocessing."""
    return {child.pid for child in multiprocessing.active_children()}


@pytest.fixture(autouse=True)
def no_worker_is_left():
    yield
    assert not children()


# Tasks; at module level, as forkserver and spawn import them.


def square(number, progress):
    progress(1)
    return number * number


def square_slowly(number, progress):
    time.sleep(0.02)
    return number * number


def fail(number, progress):
    raise KeyError(number)


def leave(number, progress):
    raise SystemExit(5)


def interrupt(number, progress):
    raise KeyboardInterrupt


def rest(seconds, progress):
    time.sleep(seconds)
    return seconds


def report_and_rest(seconds, progress):
    progress(3)
    progress(4)
    time.sleep(seconds)


def pid(number, progress):
    time.sleep(0.1)
    return os.getpid()


def name(number, progress):
    return multiprocessing.current_process().name


def handlers(number, progress):
    return [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] + [
        len(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    ]


def exit_on_three(number, progress):
    time.sleep(0.01)
    if number == 3:
        os._exit(7)
    return number


def killed_on_three(number, progress):
    time.sleep(0.01)
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed_with_a_child_left(number, progress):
    """The child keeps open what tells the Pool of the death of its parent."""
    if number == 3:
        if os.fork() == 0:
            time.sleep(3)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def kill_the_others(pids, progress):
    for other in pids - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError):  # when it is run again in another pool
            os.kill(other, signal.SIGKILL)
    time.sleep(0.3)
    return "done"


def always_exit(number, progress):
    os._exit(1)


def unpicklable(number, progress):
    return lambda: number


class StubbornError(Exception):
    """Pickles, but cannot be unpickled: python/cpython#79492."""

    def __init__(self, one, two):
        super().__init__(one)


class LockedError(Exception):
    def __init__(self):
        super().__init__("locked")
        self.lock = threading.Lock()


class Ghost:
    def __reduce__(self):
        return ghost, ()


def ghost():
    raise RuntimeError("never comes back")


def raise_stubborn(number, progress):
    raise StubbornError(1, 2)


def raise_locked(number, progress):
    raise LockedError


def return_ghost(number, progress):
    return Ghost()


def fail_to_start() -> None:
    raise LookupError("no start")


def exit_at_start() -> None:
    os._exit(9)


def note_exit(folder: str) -> None:
    from multiprocessing import util

    util.Finalize(None, Path(folder, str(os.getpid())).touch, exitpriority=1)


# What holds for all of them.


@every_kind
def test_every_item_gives_its_result(kind):
    with opened(kind) as session:
        assert results(session.run(square, iter(range(50)))) == [n * n for n in range(50)]


@every_kind
def test_no_items_give_no_results(kind):
    with opened(kind) as session:
        assert list(session.run(square, iter(()))) == []


@every_kind
def test_a_done_carries_its_item(kind):
    with opened(kind) as session:
        assert list(session.run(square, iter([3]))) == [Done(3, 9)]


@every_kind
def test_a_session_runs_again_with_another_task(kind):
    with opened(kind) as session:
        list(session.run(square_slowly, iter(range(5))))
        assert results(session.run(square, iter(range(5)))) == [0, 1, 4, 9, 16]


@every_kind
def test_items_are_asked_for_again_after_they_were_exhausted(kind):
    todo = [1]
    with opened(kind) as session:
        seen = []
        for done in session.run(square, Popping(todo)):
            seen.append(done.result)
            if done.item < 4:
                todo.append(done.item + 1)
    assert seen == [1, 4, 9, 16]


class Popping:
    def __init__(self, todo):
        self.todo = todo

    def __iter__(self):
        return self

    def __next__(self):
        if not self.todo:
            raise StopIteration
        return self.todo.pop()


@every_kind
def test_few_items_are_in_flight(kind):
    asked = itertools.count()
    with opened(kind) as session:
        for seen, _ in enumerate(session.run(square, (next(asked) for _ in range(40)))):
            assert next(asked) - 2 * seen - 2 <= 2 * 2 + 1  # each look counts one, too


@every_kind
@pytest.mark.parametrize(
    ("task", "error"), [(fail, KeyError), (leave, SystemExit), (interrupt, KeyboardInterrupt)]
)
def test_what_the_task_raises_is_raised(kind, task, error):
    with pytest.raises(error), opened(kind) as session:
        list(session.run(task, iter(range(10))))


@every_kind
def test_a_session_goes_on_after_an_exception(kind):
    with opened(kind) as session:
        with pytest.raises(KeyError):
            list(session.run(fail, iter(range(10))))
        assert results(session.run(square, iter(range(9)))) == [n * n for n in range(9)]


@every_kind
def test_a_failing_start_is_raised_by_the_run(kind):
    with opened(kind, start=fail_to_start) as session, pytest.raises(LookupError, match="no start"):
        list(session.run(square, iter(range(10))))


@every_pool
def test_units_report_progress_of_the_running_items(kind):
    seen = []
    with opened(kind) as session:
        list(session.run(pid, iter(range(4))))  # both workers are there
        beat = lambda: seen.append(session.units())  # noqa: E731
        list(session.run(report_and_rest, iter([0.4, 0.4]), beat=beat))
        assert max(seen) == 14
        assert session.units() == 0
    assert 3 <= len(seen) <= 9  # about ten times a second


def test_units_of_the_serial_backend_are_seen_from_its_beat():
    seen = []
    with opened(("serial", None)) as session:
        list(session.run(square, iter([1]), beat=lambda: seen.append(session.units())))
    assert seen == [1]


@every_pool
def test_leaving_early_is_prompt(kind):
    with opened(kind) as session:
        run = session.run(rest, iter([0, 30, 30, 30, 30]))
        assert next(run).result == 0
        before = time.monotonic()
    assert time.monotonic() - before < 1.5


@every_pool
def test_an_exception_in_the_context_ends_it_promptly(kind):
    before = time.monotonic()
    with contextlib.suppress(ZeroDivisionError), opened(kind) as session:
        next(session.run(rest, iter([0, 30, 30, 30, 30])))
        before = time.monotonic()
        raise ZeroDivisionError
    assert time.monotonic() - before < 1.5


@every_pool
def test_results_of_a_run_that_was_left_are_not_those_of_the_next(kind):
    with opened(kind) as session:
        next(session.run(square_slowly, iter(range(2, 50))))
        assert results(session.run(square, iter([100, 200]))) == [10000, 40000]


@every_pool
def test_a_run_cannot_be_continued_after_another_began(kind):
    with opened(kind) as session:
        old = session.run(square, iter(range(50)))
        next(old)
        list(session.run(square, iter([1])))
        with pytest.raises(WorkerError, match="another"):
            list(old)


def test_an_unknown_backend_is_a_usage_error():
    with pytest.raises(UsageError, match="quantum"):
        backends.load("quantum")


def test_threads_take_what_cannot_be_pickled():
    with opened(("threads", None)) as session:
        run = session.run(lambda lock, progress: lock.locked(), iter([threading.Lock()]))
        assert results(run) == [False]


# What holds for processes.


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
def test_a_worker_that_died_idle_does_not_delay_the_end(method):
    with processes(method) as session:
        victim = results(session.run(pid, iter([1])))[0]
        os.kill(victim, signal.SIGKILL)
        time.sleep(0.1)
        before = time.monotonic()
    assert time.monotonic() - before < 2


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


# Workers that are replaced after some items


def fork_a_child(number, progress):
    """The child keeps open what tells the Pool that its parent has left."""
    if os.fork() == 0:
        time.sleep(3)
        os._exit(0)
    return number


def pid_at_once(number, progress):
    return os.getpid()


def linger() -> None:
    from multiprocessing import util

    util.Finalize(None, time.sleep, (600,), exitpriority=1)


def crash_at_exit() -> None:
    from multiprocessing import util

    util.Finalize(None, os.kill, (os.getpid(), signal.SIGKILL), exitpriority=1)


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


# Relief


def until_relieved(number, progress):
    """Count to ten seconds, or as far as it is wanted."""
    for count in range(1000 if number == 0 else 1):
        time.sleep(0.01)
        progress(1)
        if progress.relieved:
            return number, count + 1
    return number, None


def late_or_busy(number, progress):
    if number == 0:
        progress.within(0.1)
    time.sleep(0.6)
    return number


@every_pool
def test_a_worker_that_is_busy_while_others_are_idle_may_be_relieved(kind):
    seen = []

    def rest(item, units, spent_s):
        seen.append((item, units, spent_s))
        return 1000 - units if units >= 20 else 0

    with opened(kind, workers=3) as session:
        assert session.idle() == 3
        beat = lambda: session.relieve(rest, session.idle())  # noqa: E731
        found = dict(done.result for done in session.run(until_relieved, iter(range(5)), beat=beat))
        assert session.idle() == 3
    assert 20 <= found[0] < 500
    assert {found[number] for number in range(1, 5)} == {None}
    units, spent_s = max((units, spent_s) for item, units, spent_s in seen if item == 0)
    assert units >= 20 and 0.01 * units <= spent_s < 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_is_relieved_who_was_given_up():
    """The threads end by a SystemExit, which nobody but pytest minds."""
    before = set(threading.enumerate())
    with opened(("threads", None)) as session:
        dones = []
        for done in session.run(late_or_busy, iter(range(2)), beat=lambda: None):
            session.relieve(lambda *_: 1, 2)
            dones.append((done.item, done.late))
    assert dones == [(0, True), (1, False)]
    for thread in set(threading.enumerate()) - before:
        thread.join(5)


def test_serial_has_nobody_to_relieve():
    with opened(("serial", None)) as session:
        session.relieve(lambda *_: 1, 2)
        assert session.idle() == 0
        assert results(session.run(square, iter(range(3)))) == [0, 1, 4]


# Odd deaths


def close_all(number, progress):
    """Then its result cannot be sent."""
    if number == 3:
        os.closerange(3, 4096)
    return number


def fork_and_go_on(number, progress):
    """Without an end of the child: it must not become another worker."""
    if os.fork() == 0 and number % 2:
        raise SystemExit
    return number


def send_much(number, progress):
    return b"." * (4 << 20)


def stop(number, progress):
    progress.within(0.3)
    if number == 3:
        os.kill(os.getpid(), signal.SIGSTOP)
    progress.within(None)
    return number


@every_method
def test_a_worker_that_cannot_send_its_result_is_an_error(method, capfd):
    try:
        with processes(method) as session:
            dones = list(session.run(close_all, iter(range(6))))
    except WorkerError as error:
        said = str(error)
    else:  # its lifeline was gone, too, before anything read from it
        said = str({done.item: done.lost for done in dones}[3])
    assert "exited with code 1" in said


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
        assert not any(map(is_alive, started))


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


@every_method
@pytest.mark.parametrize(
    ("task", "error", "text"),
    [
        (unpicklable, WorkerError, "function cannot be sent"),
        (return_ghost, WorkerError, "cannot be read: never comes back"),
        (raise_stubborn, WorkerError, r"StubbornError\(1\)"),
        (raise_locked, WorkerError, "LockedError"),
    ],
)
def test_what_cannot_be_sent_back_is_an_error(method, task, error, text):
    with processes(method) as session, pytest.raises(error, match=text):
        list(session.run(task, iter(range(10))))


@every_method
def test_an_exception_has_the_traceback_of_the_worker_as_a_note(method):
    with processes(method) as session, pytest.raises(KeyError) as raised:
        list(session.run(fail, iter(range(10))))
    assert "raise KeyError(number)" in raised.value.__notes__[0]


@every_method
def test_a_task_or_item_that_cannot_be_pickled_is_an_error(method):
    with processes(method) as session:
        with pytest.raises(WorkerError, match=r"task cannot be sent.*in a module"):
            list(session.run(lambda number, progress: number, iter([1])))
        with pytest.raises(WorkerError, match="function cannot be sent"):
            list(session.run(square, iter([lambda: 0])))


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_start_that_cannot_be_pickled_names_the_remedies(method):
    with pytest.raises(WorkerError, match=r"--start-method fork or .* in a module") as raised:  # noqa: SIM117
        with processes(method, start=lambda: None):
            pass
    assert "\n" not in str(raised.value)


def test_fork_takes_a_start_that_cannot_be_pickled():
    with processes("fork", start=lambda: None) as session:
        assert results(session.run(square, iter([2]))) == [4]


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
    from tests.backends.test_contract import pid, processes, rest, results

    def crew(method, busy, pids, both, printed):
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
            threading.Thread(target=crew, args=args).start()
        both.wait()
        printed.set()
        time.sleep(0.3)
        print(*pids, flush=True)
        time.sleep(30)
"""


def is_alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


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
