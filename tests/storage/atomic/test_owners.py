"""Folders of runs that live are never taken, whatever locks say; those of dead ones are removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from parapply import Job, run
from parapply.model.errors import LockedError
from parapply.storage import owners
from parapply.storage.atomic.exclusive import Exclusive
from parapply.storage.atomic.output import Output
from parapply.storage.atomic.staging import NOTE, Staging, sweep
from tests.processes import wait_for

OTHER = "0" * 12
NO_LOCKS = {"always": "return 0;", "never": "errno = ENOLCK; return -1;"}


@pytest.fixture
def dead():
    """A process of this host that is no more."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = owners.mine()._replace(pid=process.pid, start=_start(process.pid))
    process.communicate(b"\n", 30)
    return owner


def _start(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def left_by(owner, folder, name="x-0123456789abcdef"):
    """Make a folder as a run leaves it behind that is killed."""
    path = Path(folder, name)
    path.mkdir(mode=0o700)
    (path / "part").touch()
    (path / "output").mkdir()
    (path / "output" / "part-0").touch()
    (path / (NOTE + owners.text_of(owner))).touch()
    return path


def test_a_note_is_read_as_it_was_written():
    assert owners.owner_of(owners.text_of(owners.mine())) == owners.mine()


@pytest.mark.parametrize("text", ["", "lock", "-----", "a-b-c-d-e-f", "a-b-1-0-1-h", "a-b-1--1-h"])
def test_other_names_are_no_notes(text):
    assert owners.owner_of(text) is None


def test_who_has_ended_is_dead_and_who_lives_is_not(dead):
    assert owners.is_dead(dead)
    assert not owners.is_dead(owners.mine())


def test_who_has_ended_is_dead_before_its_parent_asks_how():
    process = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    owner = owners.mine()._replace(pid=process.pid, start=_start(process.pid))
    process.stdout.read()
    deadline = time.monotonic() + 10
    while not owners.is_dead(owner):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.communicate()


def test_a_process_that_took_over_an_id_is_another():
    assert owners.is_dead(owners.mine()._replace(start="1"))


@pytest.mark.parametrize(
    "change",
    [
        {"host": "elsewhere"},
        {"machine": OTHER},
        {"boot": ""},
        {"spaces": "1.1"},
        {"spaces": ""},
        {"boot": OTHER, "spaces": "1.1"},
        {"boot": OTHER, "host": "elsewhere"},
    ],
)
def test_of_what_cannot_be_seen_from_here_nothing_is_certain(dead, change):
    assert not owners.is_dead(dead._replace(**change))


@pytest.mark.parametrize(
    ("machine", "spaces", "certain"),
    [
        ("1" * 12, "4026531836.4026531834", True),
        ("", "4026531836.4026531834", False),  # then hosts are told apart by their names alone
        ("1" * 12, "4026532001.4026531834", False),  # a container: another has its name
    ],
)
def test_another_boot_of_the_same_machine_is_the_end_of_all(
    dead, monkeypatch, machine, spaces, certain
):
    me = owners.mine()._replace(machine=machine, spaces=spaces)
    monkeypatch.setattr(owners, "_mine", me)
    assert owners.is_dead(me._replace(boot=OTHER)) is certain


@pytest.mark.parametrize(("platform", "certain"), [("darwin", True), ("linux", False)])
def test_without_proc_only_an_id_that_is_free_is_certain(dead, monkeypatch, platform, certain):
    nothing = {"boot": "", "spaces": "", "start": ""}
    monkeypatch.setattr(owners, "_mine", owners.mine()._replace(**nothing))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(owners, "_state_and_start", lambda pid: None)
    assert owners.is_dead(dead._replace(**nothing)) is certain
    assert not owners.is_dead(owners.mine()._replace(pid=os.getppid()))


def test_what_a_dead_run_left_is_removed(tmp_path, dead):
    left_by(dead, tmp_path)
    sweep(str(tmp_path), "x-")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"spaces": "1.1"}])
def test_what_a_run_left_elsewhere_stays_though_the_lock_is_free(tmp_path, dead, change):
    left = left_by(dead._replace(**change), tmp_path)
    sweep(str(tmp_path), "x-")
    assert (left / "output" / "part-0").exists()


def test_a_lock_that_is_held_keeps_a_folder_whatever_the_note_says(tmp_path, dead):
    left = left_by(dead, tmp_path)
    with open(left / (NOTE + owners.text_of(dead)), "w") as file:
        subprocess.run(["flock", "-n", str(file.fileno())], pass_fds=[file.fileno()], check=True)
        sweep(str(tmp_path), "x-")
        assert (left / "part").exists()
    sweep(str(tmp_path), "x-")
    assert not left.exists()


def test_a_folder_without_a_note_is_removed_only_where_it_is_empty(tmp_path):
    for name in ("x-0123456789abcdef", "x-0123456789abcdee"):
        (tmp_path / name).mkdir()
    (tmp_path / "x-0123456789abcdee" / "parapply-lock").touch()
    sweep(str(tmp_path), "x-")
    assert [path.name for path in tmp_path.iterdir()] == ["x-0123456789abcdee"]


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_folder_that_others_can_write_to_is_left_alone(tmp_path, dead, mode):
    left = left_by(dead, tmp_path)
    left.chmod(mode)
    sweep(str(tmp_path), "x-")
    assert (left / "part").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_user_is_left_alone(tmp_path, dead):
    left = left_by(dead, tmp_path)
    os.chown(left, 65534, 65534)
    sweep(str(tmp_path), "x-")
    assert (left / "part").exists()


def test_links_are_not_followed(tmp_path, dead):
    (tmp_path / "elsewhere").mkdir()
    other = left_by(dead, tmp_path / "elsewhere")
    (tmp_path / "x-0123456789abcdef").symlink_to(other)
    left = left_by(dead, tmp_path, "x-0123456789abcde0")
    (left / "link").symlink_to(other)
    (left / "output" / "link").symlink_to(other)
    sweep(str(tmp_path), "x-")
    assert (other / "part").exists()
    assert not left.exists()


def test_a_folder_that_takes_the_place_of_a_dead_ones_is_not_emptied(tmp_path, dead, monkeypatch):
    """Others may rename what is in a folder that is everybody's and not sticky."""
    left, precious = left_by(dead, tmp_path), tmp_path / "precious"
    precious.mkdir(mode=0o700)
    (precious / "file").touch()
    is_dead = owners.is_dead

    def swapped(owner):
        left.rename(tmp_path / "away")
        precious.rename(left)
        return is_dead(owner)

    monkeypatch.setattr(owners, "is_dead", swapped)
    sweep(str(tmp_path), "x-")
    assert (left / "file").exists()


def test_the_note_is_the_last_to_go(tmp_path, monkeypatch):
    """So who is killed while a folder is removed leaves one that the next run knows."""
    with Staging(str(tmp_path), "x-") as folder:
        Path(folder, "part").touch()
        unlink, order = os.unlink, []
        monkeypatch.setattr(
            os, "unlink", lambda name, **more: order.append(name) or unlink(name, **more)
        )
    assert order == ["part", NOTE + owners.text_of(owners.mine())]


# Locks that everybody gets, or nobody.


FLOCK = """
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int flock(int file, int what) {
    char link[64], path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/rank-"))
        return syscall(SYS_flock, file, what); /* of a local disk */
    KIND
}
"""


@pytest.fixture(scope="session")
def no_locks(tmp_path_factory):
    """Return the environment in which flock(2) is what some network file systems make of it."""
    if (compiler := shutil.which("gcc")) is None:
        pytest.skip("there is no gcc")
    folder = tmp_path_factory.mktemp("preload")

    def environment(kind):
        source, library = folder / f"{kind}.c", folder / f"{kind}.so"
        source.write_text(FLOCK.replace("KIND", NO_LOCKS[kind]))
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
        return {"LD_PRELOAD": str(library)}

    return environment


SLOW = """
import os, time
def slow(row):
    open(f"began-{os.getppid()}", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return row.n * 2
"""


@pytest.fixture
def two(tmp_path, started):
    """Start two runs of a slow function, the second when the first is at its rows."""
    (tmp_path / "f.py").write_text(SLOW)
    (tmp_path / "in.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(40)))

    def start(*arguments, **settings):
        found = []
        for _ in range(2):
            process = started(
                "f.py:slow", "in.csv", "-j", "1", "--chunk-size", "5", *arguments,
                stderr=subprocess.PIPE, **settings,
            )  # fmt: skip
            found.append(process)
            while process.poll() is None and not (tmp_path / f"began-{process.pid}").exists():
                time.sleep(0.01)
        (tmp_path / "go").touch()
        return [(process.communicate(timeout=50)[1], process.returncode) for process in found]

    return start


@pytest.mark.parametrize(
    ("kind", "output"),
    [("always", "out.csv"), ("always", "out/"), ("always", "-"), ("never", "out.csv")],
)
def test_two_runs_at_once_end_well_where_everybody_gets_a_lock(
    two, no_locks, tmp_path, kind, output
):
    with open(tmp_path / "stdout", "wb") as file:
        ended = two("-o", output, "--to", "csv", environment=no_locks(kind), stdout=file)
    assert ended == [(b"", 0)] * 2
    assert not [path for path in tmp_path.iterdir() if "parapply" in path.name]


@pytest.mark.parametrize(
    ("kind", "option"),
    [("always", ["--lock"]), ("always", ["--checkpoint", "kept"]), ("never", ["--lock"])],
)
def test_one_run_has_the_lock_where_everybody_gets_it(two, no_locks, tmp_path, kind, option):
    first, second = two("-o", "out.csv", *option, environment=no_locks(kind))
    assert first == (b"", 0)
    assert second[1] == 75 and second[0].count(b"\n") == 1
    assert (tmp_path / "out.csv").read_text().split()[1:4] == ["0,0", "1,2", "2,4"]
    assert not [path for path in tmp_path.iterdir() if "parapply" in path.name]


@pytest.mark.parametrize("kind", NO_LOCKS)
def test_what_a_killed_run_left_is_removed_where_locks_say_nothing(
    tmp_path, started, no_locks, kind
):
    (tmp_path / "f.py").write_text(SLOW)
    (tmp_path / "in.csv").write_text("n\n1\n2\n")
    arguments = "f.py:slow", "in.csv", "-o", "out.csv", "--lock"
    killed = started(*arguments, environment=no_locks(kind))
    wait_for(tmp_path / f"began-{killed.pid}")
    killed.kill()
    killed.wait(10)
    assert [path for path in tmp_path.iterdir() if "parapply" in path.name]
    (tmp_path / "go").touch()
    assert started(*arguments, environment=no_locks(kind)).wait(30) == 0
    assert not [path for path in tmp_path.iterdir() if "parapply" in path.name]


# One run at a time.


def held_by(owner, folder):
    folder.mkdir(mode=0o700)
    (folder / owners.text_of(owner)).touch()
    return folder


@pytest.mark.parametrize(
    ("change", "local", "free"),
    [
        ({}, False, True),
        ({"spaces": "1.1"}, False, True),  # another container asks the same kernel
        ({"host": "elsewhere", "boot": OTHER}, True, True),  # and so do all who write to this disk
        ({"host": "elsewhere", "boot": OTHER}, False, False),
    ],
)
def test_a_lock_that_was_left_is_taken_where_it_is_certain(
    tmp_path, monkeypatch, dead, change, local, free
):
    kind = "ext4" if local else "nfs4"
    monkeypatch.setattr("parapply.storage.atomic.exclusive._file_system", lambda path: kind)
    lock = Exclusive(str(held_by(dead._replace(**change), tmp_path / "lock")))
    assert (lock.take() is None) == free
    lock.drop()
    assert (tmp_path / "lock").exists() != free


def test_a_run_that_cannot_be_seen_is_named_with_the_way_out(tmp_path, monkeypatch, dead):
    monkeypatch.setattr("parapply.storage.atomic.exclusive._file_system", lambda path: "nfs4")
    place = tmp_path / ".out.csv.parapply-lock"
    held_by(dead._replace(host="elsewhere", boot=OTHER), place)
    said = f"process {dead.pid} of elsewhere, which cannot .*; if it has ended, remove {place}"
    with pytest.raises(LockedError, match=said):
        Output(str(tmp_path / "out.csv"), lock=True).__enter__()
    shutil.rmtree(place)
    with Output(str(tmp_path / "out.csv"), lock=True):
        pass


def test_threads_of_one_process_exclude_each_other_too(tmp_path):
    inside, most = [], []

    def count():
        done = 0
        while done < 20:
            lock = Exclusive(str(tmp_path / "lock"))
            if lock.take() is None:
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()
                lock.drop()
                done += 1

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 60 and max(most) == 1


def test_the_lock_of_a_version_before_is_replaced(tmp_path):
    (tmp_path / ".out.csv.parapply-lock").touch()
    with Output(str(tmp_path / "out.csv"), lock=True):
        pass
    assert not list(tmp_path.iterdir())


def test_a_link_in_the_place_of_a_lock_is_refused(tmp_path, fail, table):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".out.csv.parapply-lock").symlink_to("elsewhere")
    said = fail(1, "-e", "number", table, "-o", "out.csv", "--lock")
    assert said.endswith("is not a folder of this user's")
    assert not list((tmp_path / "elsewhere").iterdir())


# The folder for temporary files.


def test_what_a_killed_run_left_in_tmpdir_is_removed_by_the_next_one(tmp_path, started):
    (tmp_path / "f.py").write_text("from parapply import worker\nworker.count('read')\n" + SLOW)
    (tmp_path / "in.csv").write_text("n\n1\n2\n")
    place = tmp_path / "temp"
    place.mkdir()
    settings = {"environment": {"TMPDIR": str(place)}, "stdout": subprocess.DEVNULL}
    killed = started("f.py:slow", "in.csv", **settings)
    wait_for(tmp_path / f"began-{killed.pid}")
    killed.kill()
    killed.wait(10)
    assert len(list(place.iterdir())) == 3  # for parts, for workers, and for the module itself
    assert started("-e", "n", "in.csv", **settings).wait(30) == 0
    assert not list(place.iterdir())


def test_a_run_in_a_process_that_was_forked_has_a_note_of_its_own(tmp_path):
    (tmp_path / "in.csv").write_text("n\n1\n")
    owners.mine()
    if (child := os.fork()) == 0:
        run(Job(expression="n", inputs=str(tmp_path / "in.csv"), output=str(tmp_path / "out.csv")))
        os._exit(0 if owners.mine().pid == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
