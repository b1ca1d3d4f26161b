"""The distribution beside another project's package of the same name, and what hints call it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parapply.model import distribution
from tests import ROOT

OTHERS = {
    "imports": "from os import cpu_count\ndef parapply(frame, function): ...\n",
    "raises": "import a_library_that_is_not_installed\n",
    "is_like_ours": "__version__ = '0.0.2'\n__all__ = ['parapply']\n",
    "is_gone": None,
}


@pytest.fixture
def site(tmp_path) -> Path:
    """A folder with the package and the command's module, as they are installed."""
    away = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "parapply", tmp_path / "parapply", ignore=away)
    shutil.copy(ROOT / "parapply" / "entry.py", tmp_path / "parapply_cli.py")
    return tmp_path


def run(site: Path, command: str, *flags: str) -> subprocess.CompletedProcess[str]:
    path = f"import sys; sys.path.insert(0, {str(site)!r}); sys.argv[1:] = ['--version']; "
    return subprocess.run(
        [sys.executable, "-P", *flags, "-c", path + command],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


ALONE = "-S"  # without the environment's own, which would be found where ours is gone
WAYS = {
    "script": "from parapply_cli import main; main()",
    "module": "import runpy; runpy.run_module('parapply', run_name='__main__', alter_sys=True)",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_package_as_it_is_runs(site, way):
    done = run(site, WAYS[way])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("parapply, version ")


@pytest.mark.parametrize("other", OTHERS)
def test_another_projects_package_over_ours_is_one_line(site, other):
    text, init = OTHERS[other], site / "parapply" / "__init__.py"
    init.unlink() if text is None else init.write_text(text)
    done = run(site, WAYS["script"], ALONE)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert f"in {site / 'parapply'} is not the one of this command" in line
    assert line.endswith("pip uninstall parapply && pip install --force-reinstall parapply-cli")


@pytest.mark.parametrize("other", ["imports", "is_gone"])
def test_so_it_is_with_python_m(site, other):
    text, init = OTHERS[other], site / "parapply" / "__init__.py"
    init.unlink() if text is None else init.write_text(text)
    done = run(site, WAYS["module"], ALONE)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_package_without_the_command_is_one_line(site):
    shutil.rmtree(site / "parapply")
    (site / "parapply").mkdir()
    (site / "parapply" / "__init__.py").write_text(OTHERS["imports"])
    done = run(site, WAYS["script"], ALONE)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_the_project_and_every_hint_have_the_distributions_name():
    project = (ROOT / "pyproject.toml").read_text()
    assert f'name = "{distribution.NAME}"' in project
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/*")]
    for path in [*ROOT.glob("parapply/**/*.py"), *pages]:
        if path.is_file():
            hints = re.findall(r"pip install\b[^\n`]*\bparapply\S*", path.read_text())
            assert not [one for one in hints if distribution.NAME not in one], path
    assert distribution.NAME in (ROOT / "parapply" / "entry.py").read_text()
    assert distribution.to_install("polars") == "pip install 'parapply-cli[polars]'"
