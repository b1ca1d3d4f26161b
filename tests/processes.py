"""Looking after real processes: which of them live, and what they leave in a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

COMMAND = [sys.executable, "-m", "parapply"]
GONE_S = 2  # a second, on a machine that has something else to do
_NAME = "PARAPPLY_TEST"


class Marked:
    """Starts commands in a folder, and finds all of their processes again."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        """Both are one folder; the second is its name for what has to be short, like sockets."""
        self.folder, self.temporary, self.value = folder, temporary, str(uuid.uuid4())
        self.running: list[subprocess.Popen] = []

    def __call__(self, *arguments, environment=None, **settings) -> subprocess.Popen:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], cwd=self.folder, start_new_session=True,
            env={
                **os.environ, _NAME: self.value, "PYTHONDONTWRITEBYTECODE": "1",
                "TMPDIR": str(self.temporary), **(environment or {}),
            },
            **{"stdin": subprocess.DEVNULL, **settings},
        )  # fmt: skip
        self.running.append(process)
        return process

    def alive(self) -> list[int]:
        """The processes that live, in any generation."""
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if self._is(folder)]

    def check_gone(self) -> None:
        """All have to be gone within a second."""
        deadline = time.monotonic() + GONE_S
        while (left := self.alive()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left

    def _is(self, folder: Path) -> bool:
        try:
            return f"{_NAME}={self.value}".encode() in (folder / "environ").read_bytes()
        except OSError:
            return False


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """The files there, with all that a run must not change."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def wait_for(path: Path) -> None:
    """Wait until something is there."""
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)
