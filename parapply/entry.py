"""The command's first lines: installed beside the package, as `parapply_cli`, and not in it.

Another project's package is called parapply too (PyPI, since 2019). Installed into the same
environment it puts its `parapply/__init__.py` over ours, and takes that away again when it is
uninstalled: what is left is a package with parts missing. From here it can be told, and said.
"""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command; exit with 1 and one line where the package is another one, or not whole."""
    try:
        from parapply import __all__ as names
        from parapply.__main__ import main as command
    except Exception:  # noqa: BLE001 - whatever another project's package raises
        leave()
    if "Job" not in names:
        leave()
    command()


def leave() -> NoReturn:
    """Say where the package stands that is not ours, and how to get the command back."""
    print(
        f"parapply: error: the package parapply{_place()} is not the one of this command, or parts "
        "of it are missing: pip uninstall parapply && pip install --force-reinstall parapply-cli",
        file=sys.stderr,
    )
    sys.exit(1)


def _place() -> str:
    import importlib.util

    spec = importlib.util.find_spec("parapply")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return f" in {places[0]}" if places else ""
