"""What every registered backend promises: one suite, run over their table."""

from __future__ import annotations

import contextlib
import itertools
import time

import pytest

from parapply.backends import registry as backends
from parapply.backends.api import Done
from parapply.model.errors import UsageError, WorkerError
from tests.backends.sessions import every_kind, every_pool, opened, results
from tests.backends.tasks import (
    fail,
    fail_to_start,
    interrupt,
    leave,
    pid,
    report_and_rest,
    rest,
    square,
    square_slowly,
    until_relieved,
)


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
