"""`python -m parapply`, and the command itself.

Until the first line of `main` is done, nothing is imported that the interpreter has not already:
`python -m` has the working folder first on its path, and a copy.py there may be anybody's.
"""

import parapply
from parapply.cli.beginning import heed_signals, leave_working_folder, open_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Run the command. While it is imported there is nothing to clean up: Ctrl-C just ends it."""
    leave_working_folder()
    open_standard()
    heed_signals()
    import gc

    gc.disable()  # what is imported stays; to look through it time and again takes 7 ms
    from parapply.cli.command import main

    main()


if __name__ == "__main__":
    if "__version__" not in parapply.__dict__:  # another project's package: see entry.py
        leave_working_folder()
        import importlib

        importlib.import_module("parapply_cli").leave()
    main()
