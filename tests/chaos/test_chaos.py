"""Some rounds of `python -m tests.chaos`, which anybody can run for longer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="chaos looks into /proc")
@pytest.mark.parametrize("seed", ["workers-1009", "workers-1011", "parent-1010", "journal-301"])
def test_nothing_shows_of_what_was_killed_or_damaged(seed):
    command = [sys.executable, "-m", "tests.chaos", "--round", seed]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
