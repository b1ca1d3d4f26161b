"""What the distribution is called: not like the package, as another project on PyPI is."""

from __future__ import annotations

NAME = "parapply-cli"


def to_install(extra: str) -> str:
    """The command that installs an extra of parapply's, for messages."""
    return f"pip install '{NAME}[{extra}]'"
