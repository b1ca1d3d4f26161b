"""Who may read an output: whoever could the old one, and meanwhile nobody else."""

from __future__ import annotations

import os
import stat
import struct

import pytest

import parapply
from parapply import Job
from parapply.model.errors import OutputError
from parapply.storage.atomic.access import Access, access_of, give, narrowed, shared_by
from tests.formats.registered import ONE_OF_EACH

LIST, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def acl(user=0o4, group=0o0, other=0o0, mask=0o6):
    """An access control list by which user 4321 may do what nobody else may."""
    entries = [(1, 6, -1), (2, user, 4321), (4, group, -1), (16, mask, -1), (32, other, -1)]
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, permission, number & 0xFFFFFFFF)
        for tag, permission, number in entries
    )


def lists_of(path):
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


@pytest.fixture
def with_lists(tmp_path):
    """The test's folder, if it knows access control lists and attributes."""
    path = tmp_path / "probe"
    path.touch()
    try:
        os.setxattr(path, LIST, acl())
        os.setxattr(path, "user.note", b"x")
    except (OSError, AttributeError):
        pytest.skip("no access control lists here")
    path.unlink()
    return tmp_path


@pytest.fixture
def work(table, tmp_path):
    def run(output="out.csv", **settings):
        settings = {"expression": "number * 2", "chunk_size": 7, **settings}
        path = f"{tmp_path}/{output}"
        return parapply.run(Job(inputs=table, output=path, backend="serial", **settings))

    return run


@pytest.mark.parametrize("output", ["out.csv", "out.parquet", "bad.csv", "out/"])
def test_lists_and_attributes_of_the_old_output_are_kept(work, with_lists, output):
    if output == "bad.csv":
        work(expression="1 // number", errors_to=f"{with_lists}/bad.csv")
    else:
        work(output, output_format=output[4:] or "csv")
    old = with_lists / output
    for path in (old, *(old.iterdir() if old.is_dir() else ())):
        os.setxattr(path, LIST, acl(user=7 if path.is_dir() else 4))
        os.setxattr(path, "user.note", b"mine")
    before, mode = lists_of(old), old.stat().st_mode
    inode = old.stat().st_ino
    if output == "bad.csv":
        work(expression="1 // number", errors_to=f"{with_lists}/bad.csv")
    else:
        work(output, output_format=output[4:] or "csv", chunk_size=3)
    assert old.stat().st_ino != inode
    assert (lists_of(old), old.stat().st_mode) == (before, mode)
    parts = list(old.iterdir()) if old.is_dir() else []
    assert len(parts) == 7 * old.is_dir()
    assert all(lists_of(path) == {LIST: acl(), "user.note": b"mine"} for path in parts)


def test_attributes_that_root_alone_has_are_kept(work, with_lists):
    work()
    try:
        os.setxattr(with_lists / "out.csv", "trusted.note", b"x")
    except OSError:
        pytest.skip("not root, or none here")
    work()
    assert os.getxattr(with_lists / "out.csv", "trusted.note") == b"x"


@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_an_old_output_without_a_list_gets_none_from_its_folder(work, with_lists, output):
    work(output, output_format="csv")
    old = with_lists / output
    mode = old.stat().st_mode
    os.setxattr(with_lists, DEFAULT, acl(user=7))
    work(output, output_format="csv")
    assert old.stat().st_mode == mode
    assert not lists_of(old)
    assert not any(lists_of(path) for path in (old.iterdir() if old.is_dir() else ()))


@pytest.mark.parametrize("mask", [0o000, 0o027, 0o077])
@pytest.mark.parametrize("default", [True, False])
def test_a_new_output_has_what_a_new_file_in_its_folder_has(work, with_lists, default, mask):
    if default:
        os.setxattr(with_lists, DEFAULT, acl(user=6, group=4))
    before = os.umask(mask)
    try:
        work(errors_to=f"{with_lists}/bad.csv")
        work("out/", output_format="csv")
        (with_lists / "plain").mkdir()
        (with_lists / "plain" / "file").touch()
        (with_lists / "file").touch()
    finally:
        os.umask(before)
    for new, plain in (
        ("out.csv", "file"), ("bad.csv", "file"), ("out", "plain"),
        ("out/part-00000.csv", "plain/file"),
    ):  # fmt: skip
        assert access_of(str(with_lists / new)) == access_of(str(with_lists / plain)), new


def test_part_files_are_no_more_open_than_the_old_ones(work, tmp_path):
    work("out/", output_format="csv")
    for number, mode in enumerate([0o640, 0o604, 0o644]):
        (tmp_path / "out" / f"part-{number:05d}.csv").chmod(mode)
    work("out/", output_format="csv", chunk_size=4)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert modes == {0o600}


SEES = """
import os
from pathlib import Path

def sees(row):
    if row.number == 19:
        for folder, _, names in os.walk(Path(__file__).parent):
            for name in names:
                if "parapply-" in folder or "kept" in folder:
                    path = os.path.join(folder, name)
                    modes = os.stat(folder).st_mode & 0o77, os.stat(path).st_mode & 0o77
                    with open(Path(__file__).parent / "seen", "a") as file:
                        print(name, *modes, file=file)
    return {"a": row.number if row.number < 19 else 0.5, "b": 1 // (row.number - 3)}
"""


@pytest.mark.parametrize("to", [*ONE_OF_EACH, "folder"])
@pytest.mark.parametrize("kept", [False, True])
def test_nobody_else_can_read_what_is_not_published(work, written, tmp_path, to, kept):
    function = f"{written('sees.py', SEES)}:sees"
    output, format_ = ("out/", "csv") if to == "folder" else (f"out.{to}", None)
    before = os.umask(0)
    try:
        work(
            output, function=function, expression=None, errors_to=f"{tmp_path}/bad.csv",
            output_format=format_, temp_dir=str(tmp_path), chunk_size=3,
            checkpoint=f"{tmp_path}/kept" if kept else None,
        )  # fmt: skip
    finally:
        os.umask(before)
    seen = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    data = [line for line in seen if not line[0].endswith(("lock", "lines"))]
    assert len(data) > 6
    journal = ("job.json", "journal.jsonl")
    assert [line for line in data if line[2] != "0" and not line[0].startswith(journal)] == []
    assert not [line for line in seen if line[1] != "0" and not kept]


# What this user must not set.


def refuse_chown(monkeypatch, *, group):
    """Be somebody who cannot give files away, and is (or is not) in their group."""
    original = os.chown

    def chown(path, owner, number):
        if owner != -1 or not group:
            raise PermissionError(1, "Operation not permitted", path)
        original(path, owner, number)

    monkeypatch.setattr(os, "chown", chown)


@ROOT
@pytest.mark.parametrize("mode", [0o640, 0o664, 0o4750])
def test_the_group_is_kept_where_the_owner_cannot_be(work, tmp_path, monkeypatch, mode):
    path = tmp_path / "out.csv"
    path.touch()
    os.chown(path, 4321, 4322)
    path.chmod(mode)
    refuse_chown(monkeypatch, group=True)
    assert work().notes == ()
    found = path.stat()
    assert (found.st_uid, found.st_gid) == (os.geteuid(), 4322)
    assert stat.S_IMODE(found.st_mode) == mode & 0o777


@ROOT
@pytest.mark.parametrize(
    ("mode", "wanted"), [(0o640, 0o600), (0o644, 0o644), (0o664, 0o644), (0o604, 0o600)]
)
def test_no_other_group_may_do_what_the_old_one_could(work, tmp_path, monkeypatch, mode, wanted):
    path = tmp_path / "out.csv"
    path.touch()
    os.chown(path, -1, 4322)
    path.chmod(mode)
    refuse_chown(monkeypatch, group=False)
    notes = work().notes
    assert stat.S_IMODE(path.stat().st_mode) == wanted
    assert any("its group cannot be kept" in note for note in notes) == (mode != wanted)


def test_who_could_not_read_before_cannot_afterwards_in_any_mode():
    for mode in range(0o1000):
        owner, group, other = mode >> 6, mode >> 3 & 7, mode & 7
        new = narrowed(mode)
        assert new >> 6 == owner
        for bits in (new >> 3 & 7, new & 7):  # of the new group, and of those of the old one
            assert bits & group & other == bits


@ROOT
def test_a_list_is_not_kept_without_the_group_that_it_speaks_of(work, with_lists, monkeypatch):
    path = with_lists / "out.csv"
    path.touch()
    os.setxattr(path, LIST, acl())
    os.chown(path, -1, 4322)
    refuse_chown(monkeypatch, group=False)
    (note,) = work().notes
    assert "its group cannot be kept" in note
    assert not lists_of(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "said"), [(LIST, "its access control list"), ("user.note", "its attribute user.note")]
)
def test_what_cannot_be_set_is_said_and_narrows(
    parapply, written, with_lists, table, monkeypatch, name, said
):
    path = with_lists / "out.csv"
    path.touch(0o644)
    os.setxattr(path, LIST, acl(other=4))
    os.setxattr(path, "user.note", b"x")
    written(
        "refuses.py",
        "import os\n\ndef f(row):\n    pass\n\nsetxattr = os.setxattr\n\n"
        f"def refuse(path, name, *rest):\n    if name == {name!r}:\n"
        "        raise OSError(95, 'Operation not supported')\n    setxattr(path, name, *rest)\n\n"
        "os.setxattr = refuse\n",
    )
    done = parapply("refuses.py:f", "table.csv", "-o", "out.csv")
    assert done.returncode == 0
    assert done.stderr == (
        f"parapply: warning: out.csv: of the old one {said} cannot be kept; "
        "nobody may read more than before\n"
    )
    assert name not in lists_of(path)
    assert stat.S_IMODE(path.stat().st_mode) == (0o600 if name == LIST else 0o664)


def test_access_that_several_share_is_no_wider_than_any():
    plain = Access(1, 2, 0o644, (("user.a", b"1"), ("user.b", b"2")))
    other = Access(1, 2, 0o640, (("user.a", b"1"),))
    listed = Access(1, 2, 0o664, ((LIST, acl()),))
    assert shared_by([]) is None
    assert shared_by([listed, listed]) == listed
    assert shared_by([plain, other]) == Access(1, 2, 0o640, (("user.a", b"1"),))
    assert shared_by([plain, listed]) == Access(1, 2, 0o600, ())


@ROOT
def test_a_mode_is_set_last_so_that_it_is_the_old_ones(tmp_path):
    """As chown takes the set-id bits away."""
    path = tmp_path / "file"
    path.touch(0o600)
    assert give(str(path), Access(4321, 4322, 0o6755, ())) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o6755


def test_what_the_sticky_bit_keeps_for_its_owner_is_refused_at_once(work, tmp_path, monkeypatch):
    (tmp_path / "out.csv").touch()
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    with pytest.raises(OutputError, match=r"out\.csv is another user's, who alone may replace it"):
        work(expression="1 / 0")
