"""What threads and the serial backend do otherwise than processes."""

from __future__ import annotations

import threading

import pytest

from tests.backends.sessions import opened, results
from tests.backends.tasks import late_or_busy, square


def test_units_of_the_serial_backend_are_seen_from_its_beat():
    seen = []
    with opened(("serial", None)) as session:
        list(session.run(square, iter([1]), beat=lambda: seen.append(session.units())))
    assert seen == [1]


def test_threads_take_what_cannot_be_pickled():
    with opened(("threads", None)) as session:
        run = session.run(lambda lock, progress: lock.locked(), iter([threading.Lock()]))
        assert results(run) == [False]


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
