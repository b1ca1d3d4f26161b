"""The suite on every Python, and on the oldest and odd versions of what parapply stands on: `nox`.

Outside CI, as it takes a while. An interpreter that is not there is skipped. What follows `--` goes
to pytest: `nox -s oldest -- tests/columns`.
"""

from __future__ import annotations

import re

import nox

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PANDAS = ("2.2", "2.3")  # before copies on write and text of a dtype of its own

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"  # those that are there are tried
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the suite on the newest dependencies."""
    session.install("-e", ".[test]")
    _test(session)


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """Run the suite on the oldest dependencies that pyproject.toml admits."""
    session.install("-e", ".[test]", *_oldest())
    _test(session)


@nox.session(python=PYTHONS[0])
@nox.parametrize("version", PANDAS)
def pandas(session: nox.Session, version: str) -> None:
    """Run the suite on a pandas that people's functions may need."""
    session.install("-e", ".[test]", f"pandas=={version}.*")
    _test(session)


def _test(session: nox.Session) -> None:
    session.run("pytest", "-n", "auto", *session.posargs)


def _oldest() -> list[str]:
    """Return the run-time dependencies at their lower bounds, as pip takes them."""
    declared = nox.project.load_toml("pyproject.toml")["project"]["dependencies"]
    return [re.sub(r">=([\d.]+).*", r"==\1", one) for one in declared]
