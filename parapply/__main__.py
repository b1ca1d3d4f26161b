"""`python -m parapply`, and the command itself."""

from __future__ import annotations

import gc
import importlib
import signal
from typing import NoReturn

import parapply


def main() -> NoReturn:
    """Run the command. While it is imported there is nothing to clean up: Ctrl-C just ends it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # what is imported stays; to look through it time and again takes 7 ms
    from parapply.cli import main

    main()


if __name__ == "__main__":
    if not parapply.__dict__.get("__version__"):
        importlib.import_module("parapply_cli").leave()  # another project's package: see entry.py
    main()
