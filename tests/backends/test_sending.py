"""What goes to worker processes and comes back: tasks, items, results, exceptions."""

from __future__ import annotations

import pytest

from parapply.model.errors import WorkerError
from tests.backends.sessions import every_method, processes, results
from tests.backends.tasks import (
    close_all,
    fail,
    raise_locked,
    raise_stubborn,
    return_ghost,
    square,
    unpicklable,
)


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
