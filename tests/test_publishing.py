"""The old output, or the new one and all that belongs to it: what fails on the way changes nothing.

System calls fail here as they would on other file systems, on full disks and for other users.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import time
from contextlib import contextmanager

import pytest

import parapply as package
from parapply import Job
from parapply.engine.publication import uninterrupted
from parapply.model.errors import OutputError, RowError
from parapply.storage.atomic import renaming

UNSUPPORTED = [errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP]
OLD = "kept,as,it,was\n"


@pytest.fixture
def work(table, tmp_path):
    """Run a job on 20 rows of which one fails; the old output and errors are there."""

    def run(output="out.csv", **settings):
        job = {"expression": "1 // (number - 7)", "errors_to": f"{tmp_path}/bad.csv", **settings}
        return package.run(
            Job(inputs=table, output=f"{tmp_path}/{output}", backend="serial", **job)
        )

    (tmp_path / "out.csv").write_text(OLD)
    (tmp_path / "bad.csv").write_text(OLD)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-00000.csv").write_text(OLD)
    return run


def fails(monkeypatch, name, number, when=lambda *paths: True):
    """Have a function of `os` fail where `when` says so."""
    original = getattr(os, name)

    def failing(*arguments, **settings):
        if when(*arguments):
            raise OSError(number, os.strerror(number), *filter(_is_path, arguments[:1]))
        return original(*arguments, **settings)

    monkeypatch.setattr(os, name, failing)


def _is_path(argument):
    return not isinstance(argument, int)


def state(folder):
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def to(name):
    return lambda source, target, **_: os.path.basename(target) == name


# A folder, where the kernel cannot swap names.


@pytest.fixture
def no_exchange(monkeypatch):
    monkeypatch.setattr(renaming, "exchange", lambda one, other: False)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ENOSPC])
def test_an_old_folder_comes_back_where_the_new_one_cannot_take_its_name(
    work, tmp_path, monkeypatch, no_exchange, number
):
    before = state(tmp_path)
    gone = []

    def second(source, target):
        gone.append(not (tmp_path / "out").exists())
        return os.path.basename(source) == "output" and gone[-1]

    fails(monkeypatch, "rename", number, second)
    with pytest.raises(OutputError, match=f"out/: .*{os.strerror(number)}"):
        work("out/")
    assert any(gone)
    assert state(tmp_path) == before


def test_an_old_folder_that_cannot_come_back_is_named_and_stays(
    work, tmp_path, monkeypatch, no_exchange
):
    fails(monkeypatch, "rename", errno.EIO, lambda source, target: not (tmp_path / "out").exists())
    with pytest.raises(OutputError, match=r"what was there is in .*/\.out\.parapply-old-\w+ and"):
        work("out/")
    monkeypatch.undo()
    (attic,) = tmp_path.glob(".out.parapply-old-*")
    assert (attic / "part-00000.csv").read_text() == OLD
    with pytest.raises(RowError):  # the next run has it first of all
        work("out", errors_to=None, output_format="csv")
    assert (tmp_path / "out" / "part-00000.csv").read_text() == OLD
    assert not list(tmp_path.glob(".*"))


KILLED = """
import os, signal
from parapply.storage.atomic import renaming
from parapply.engine.publication import uninterrupted

def at_once(row):
    return row.number

renaming.exchange = lambda one, other: False
rename = os.rename

def killed(source, target):
    rename(source, target)
    if os.path.basename(target).startswith(".out.parapply-old-"):
        os.kill(os.getpid(), signal.SIGKILL)

os.rename = killed
"""


@pytest.mark.parametrize("name", ["out", "out/"])
def test_a_kill_between_the_two_renames_is_mended_by_the_next_run(
    work, started, succeed, written, tmp_path, name
):
    written("killed.py", KILLED)
    process = started("killed.py:at_once", "table.csv", "-o", "out/")
    assert process.wait(20) == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    with pytest.raises(RowError):
        work(name, errors_to=None, output_format="csv")
    assert (tmp_path / "out" / "part-00000.csv").read_text() == OLD
    assert not list(tmp_path.glob(".*"))


def test_an_attic_that_nobody_needs_is_removed(work, tmp_path):
    attic = tmp_path / ".out.parapply-old-0123456789ab"
    attic.mkdir()
    (attic / "part-00000.csv").touch()
    other = tmp_path / ".out.parapply-old-of-mine"
    other.touch()
    work("out/")
    assert not attic.exists()
    assert other.exists()


def test_an_attic_that_was_being_removed_is_never_an_output_again(work, tmp_path):
    attic = tmp_path / ".out.parapply-old-0123456789ab"
    attic.mkdir()
    (attic / "part-00001.csv").touch()
    (attic / ".removed").touch()
    (tmp_path / ".out.parapply-old-ba9876543210").mkdir()  # the last steps are its mark, and it
    (tmp_path / "out" / "part-00000.csv").unlink()
    (tmp_path / "out").rmdir()
    with pytest.raises(RowError):
        work("out/", errors_to=None)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_an_old_folder_that_cannot_be_renamed_away_is_removed_where_it_is(
    work, tmp_path, monkeypatch, no_exchange
):
    away = lambda source, target: "parapply-old-" in os.path.basename(source)  # noqa: E731
    fails(monkeypatch, "rename", errno.EACCES, away)
    work("out/")
    assert (tmp_path / "out" / "part-00000.csv").read_text() != OLD
    assert not list(tmp_path.glob(".*"))


def test_errors_of_before_come_back_also_where_renames_fail(work, tmp_path, monkeypatch):
    before = state(tmp_path)
    done = []

    def late(source, target):
        done.append(os.path.basename(target) == "bad.csv")
        return any(done[:-1])

    fails(monkeypatch, "rename", errno.EDQUOT, lambda source, target: True)
    fails(monkeypatch, "replace", errno.EDQUOT, late)
    with pytest.raises(OutputError, match=r"out/: cannot write in .*: Disk quota exceeded$"):
        work("out/")
    assert state(tmp_path) == before


@pytest.mark.parametrize("number", [*UNSUPPORTED, errno.EACCES, errno.EIO])
def test_names_are_swapped_in_two_steps_only_where_one_is_not_supported(
    work, tmp_path, monkeypatch, number
):
    import ctypes

    class Library:
        def __init__(self, *_, **__): ...

        @staticmethod
        def renameat2(*_):
            ctypes.set_errno(number)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Library)
    before = state(tmp_path)
    with does_not_raise() if number in UNSUPPORTED else pytest.raises(OutputError, match="out/"):
        work("out/")
    assert (state(tmp_path) == before) == (number not in UNSUPPORTED)


@contextmanager
def does_not_raise():
    yield


# The output and the file of its errors.


@pytest.mark.parametrize("output", ["out.csv", "out/"])
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("links", [True, False])
def test_neither_is_published_where_the_second_cannot_be(
    work, tmp_path, monkeypatch, output, old, links
):
    if not old:
        (tmp_path / "bad.csv").unlink()
    before = state(tmp_path)
    if not links:
        fails(monkeypatch, "link", errno.EPERM)
    if output == "out/":
        monkeypatch.setattr(renaming, "exchange", _refuses_folders(renaming.exchange))
    fails(monkeypatch, "replace", errno.EROFS, to("out.csv"))
    with pytest.raises(OutputError, match=r"/out.*Read-only|Read-only.*/out"):
        work(output)
    assert state(tmp_path) == before


def _refuses_folders(exchange):
    def refusing(one, other):
        if os.path.isdir(one):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), one, None, other)
        return exchange(one, other)

    return refusing


def test_what_cannot_be_put_back_is_said(work, tmp_path, monkeypatch, no_exchange):
    fails(monkeypatch, "link", errno.EPERM)
    fails(monkeypatch, "replace", errno.EROFS, to("out.csv"))
    with pytest.raises(OutputError, match=r"Read-only.*bad\.csv is this run's all the same"):
        work()
    assert (tmp_path / "out.csv").read_text() == OLD


@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_no_errors_are_published_where_the_output_came_meanwhile(work, tmp_path, output):
    for path in (tmp_path / "out.csv", tmp_path / "bad.csv"):
        path.unlink()
    (tmp_path / "out" / "part-00000.csv").unlink()
    (tmp_path / "out").rmdir()

    def come(row):
        (tmp_path / output).mkdir(exist_ok=True) if output == "out/" else None
        (tmp_path / output / "part-0" if output == "out/" else tmp_path / output).touch()
        return 1 // (row.number - 7)

    with pytest.raises(OutputError, match="is there now"):
        work(output, function=come, expression=None, no_clobber=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [output.strip("/"), "table.csv"]


# Once it is published.

FAILS = """
import errno, os, stat
{imports}

def fine(row):
    return row.number

def failing(function, when):
    def wrapped(*arguments, **settings):
        if when(*arguments):
            raise OSError({number}, os.strerror({number}))
        return function(*arguments, **settings)
    return wrapped

def is_folder(path, *_):
    return stat.S_ISDIR(os.stat(path).st_mode)

os.{name} = failing(os.{name}, lambda *arguments: {when})
"""
IN_PLACE = "out.csv is in place, but its folder cannot be synced ({}): a power cut might bring"
SYNC = ("fsync", "is_folder(arguments[0])")
OPEN = ("open", "is_folder(arguments[0]) and arguments[1] & os.O_DIRECTORY")


@pytest.mark.parametrize(
    ("call", "number", "errors"),
    [(SYNC, errno.EIO, False), (SYNC, errno.EINVAL, True), (OPEN, errno.EACCES, True)],
)
def test_a_folder_that_cannot_be_synced_is_said_and_no_failure(
    parapply, written, table, tmp_path, call, number, errors
):
    text = FAILS.format(imports="", number=number, name=call[0], when=call[1])
    written("fails.py", text.replace("os.stat(path).st_mode", _MODE) if call is OPEN else text)
    options = ["--errors-to", "bad.csv"] if errors else []
    done = parapply("fails.py:fine", "table.csv", "-o", "out.csv", *options)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1 + errors
    assert lines[-1].startswith(f"parapply: warning: {IN_PLACE.format(os.strerror(number))}")
    assert (tmp_path / "out.csv").read_text().splitlines()[-1] == "name19,19,4.75,19"


_MODE = "os.stat(path).st_mode if os.path.exists(path) else 0"


def test_a_checkpoint_that_cannot_be_removed_is_said_and_no_failure(
    parapply, written, table, tmp_path
):
    """Also where it is no error of the disk."""
    when = "os.path.basename(str(arguments[0])) == 'kept'"
    written("fails.py", FAILS.format(imports="", number=errno.EBUSY, name="rmdir", when=when))
    done = parapply("fails.py:fine", "table.csv", "-o", "out.csv", "--checkpoint", "kept")
    assert done.returncode == 0
    assert done.stderr.startswith("parapply: warning: out.csv is in place; what came after that")
    assert os.strerror(errno.EBUSY) in done.stderr
    assert (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_what_cannot_be_synced_beforehand_is_not_published(work, tmp_path, monkeypatch, output):
    before = state(tmp_path)
    fails(monkeypatch, "fsync", errno.EIO, lambda file: _is_ours(file, output == "out/"))
    with pytest.raises(OutputError, match=os.strerror(errno.EIO)):
        work(output)
    assert state(tmp_path) == before


def _is_ours(descriptor, folder):
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    return "parapply-" in path and stat.S_ISDIR(os.fstat(descriptor).st_mode) == folder


class Came(BaseException):
    """What a signal is raised as."""


@pytest.mark.parametrize("error", [None, OSError(errno.EIO, "failed")])
def test_a_signal_while_names_change_is_raised_when_all_is_done(error):
    steps = []

    def raise_(number, frame):
        raise Came

    def work():
        steps.append(1)
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.05)
        steps.append(2)
        if error is not None:
            raise error

    before = signal.signal(signal.SIGUSR1, raise_)
    try:
        with pytest.raises(Came if error is None else OSError):
            uninterrupted(work)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert steps == [1, 2]


def test_where_no_thread_is_to_be_had_names_change_all_the_same(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    steps = []
    uninterrupted(lambda: steps.append(1))
    assert steps == [1]
