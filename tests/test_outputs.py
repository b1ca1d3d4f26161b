"""What becomes of an output's bytes on their way to the disk."""

from __future__ import annotations

import os

import pytest

from parapply.outputs.publishing import push


def test_what_was_pushed_is_not_pushed_again(tmp_path):
    path = tmp_path / "output"
    with open(path, "wb", buffering=0) as file:
        pushed = 0
        for size, wanted in ((3, 0), (6, 6), (8, 6), (12, 12)):
            file.write(b"x" * ((size << 20) - file.tell()))
            pushed = push(file.fileno(), pushed)
            assert pushed == wanted << 20
    assert path.read_bytes() == b"x" * (12 << 20)


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system takes no advice")
def test_a_file_that_takes_no_advice_is_written_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    with open(tmp_path / "output", "wb", buffering=0) as file:
        file.write(b"x" * (5 << 20))
        assert push(file.fileno(), 0) == 5 << 20
