"""The benchmark itself, at a size at which it shows nothing but that it works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict]:
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    some = ("--size", "2000", "--workloads", "A,C", "--runs", "1", "-j", "2")
    done = bench(*some, "--contenders", "serial pandas", "--json", str(file))
    return done.stdout, json.loads(file.read_text())


def test_every_contender_has_its_figures(compared: tuple[str, dict]) -> None:
    figures = compared[1]["figures"]
    assert {key: set(found) for key, found in figures.items()} == {
        "A": {"parapply", "serial pandas"},
        "C": {"parapply", "serial pandas"},
    }
    for found in figures.values():
        for one in found.values():
            assert one["wall_s"] > 0
            assert one["cpu_s"] > 0
            assert one["tree_mb"] >= one["parent_mb"] * 0.3


def test_outputs_are_compared_and_agree(compared: tuple[str, dict]) -> None:
    assert "DISAGREES" not in compared[0]
    assert "failed" not in compared[0]


def test_the_table_and_the_targets_that_can_be_told_are_printed(compared: tuple[str, dict]) -> None:
    text = compared[0]
    assert "A  a tiny row function, CSV to CSV: 2,000 rows" in text
    assert "A: serial pandas / parapply" in text
    assert "D: -j 1 / -j 2" not in text


def test_what_is_different_is_named(tmp_path: Path) -> None:
    from tests.benchmarks.agree import difference

    one, other, fewer = (tmp_path / name for name in ("one.csv", "other.csv", "fewer.csv"))
    one.write_text("id,made\n1,0.1\n2,0.2\n")
    other.write_text("id,made\n1,0.1\n2,0.25\n")
    fewer.write_text("id,made\n1,0.1\n")
    assert difference(one, one, "made") == ""
    assert difference(one, other, "made") == "made differs from row 2 on: 0.2, 0.25"
    assert difference(one, fewer, "made") == "2 rows and 1"


def test_a_larger_table_begins_with_the_rows_of_a_smaller_one(tmp_path: Path) -> None:
    from tests.benchmarks import tables

    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    tables.csv(small, 100)
    tables.csv(large, 300)
    assert large.read_bytes().startswith(small.read_bytes())


def test_a_run_has_the_memory_and_time_of_its_children_too(tmp_path: Path) -> None:
    from tests.benchmarks.measure import Command, run

    child = (
        "import time; x = bytearray(80_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(0.3)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    one = run(Command([sys.executable, "-c", parent]))
    assert one.tree_bytes > 80_000_000
    assert one.process_bytes["worker 1"] > 80_000_000 > one.process_bytes["parent"]
    assert one.wall_s > 0.3


def test_memory_is_told_by_process(tmp_path: Path) -> None:
    done = bench("memory", "--size", "0.02", "-j", "1", "--keep", str(tmp_path))
    assert "Parquet" in done.stdout
    assert "worker 1" in done.stdout


def test_what_is_shared_is_measured_by_workers(tmp_path: Path) -> None:
    done = bench("shared", "--size", "1000", "-j", "2", "--keep", str(tmp_path))
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["all", "one", "csv", "parquet", "arrow", "array", "frame", "mapping"]


def test_a_timed_run_has_all_cpu_time_and_that_of_the_parent_alone() -> None:
    from tests.benchmarks.measure import Command, run

    busy = "import time\nwhile time.process_time() < {}: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy.format(0.4)!r}])"
    one = run(Command([sys.executable, "-c", f"{parent}\n{busy.format(0.1)}"]), timed=True)
    assert one.tree_bytes == 0
    assert 0.08 <= one.parent_cpu_s < 0.35
    assert one.cpu_s >= one.parent_cpu_s + 0.35


def test_groups_are_measured_beside_their_peers() -> None:
    pytest.importorskip("polars")
    text = bench("groups", "--size", "0.001", "--runs", "1", "-j", "2").stdout
    for case in ("lists, user, csv / polars", "frames, vendor, csv / pandas", "--each, user, csv"):
        assert case in text
