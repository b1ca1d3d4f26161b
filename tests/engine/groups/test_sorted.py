"""--sorted: groups that stand together in the input are done as they come."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from parapply import Job, run

ARGUMENTS = ("-e", "(len(n), n[0], n[-1])", "--into", "rows,first,last", "--group-by", "k")


def table(keys) -> str:
    return "n,k\n" + "".join(f"{n},{key}\n" for n, key in enumerate(keys))


def grouped(keys) -> str:
    """What comes of it: a line for each run of equal keys."""
    lines, start = ["k,rows,first,last"], 0
    for place in range(1, len(keys) + 1):
        if place == len(keys) or keys[place] != keys[start]:
            lines.append(f"{keys[start]},{place - start},{start},{place - 1}")
            start = place
    return "\n".join(lines) + "\n"


def keys_of(seed: int, order: str):
    rng = random.Random(seed)
    sizes = [rng.choice([1, 1, 2, 3, 17, 60]) for _ in range(rng.choice([1, 2, 30]))]
    names = {"up": range(len(sizes)), "down": range(len(sizes), 0, -1),
             "any": rng.sample(range(1000), len(sizes))}[order]  # fmt: skip
    return [name for name, size in zip(names, sizes, strict=True) for _ in range(size)]


@pytest.mark.parametrize("order", ["up", "down", "any"])
@pytest.mark.parametrize("seed", range(6))
def test_the_same_groups_for_any_cut(tmp_path, seed, order):
    keys = keys_of(seed, order)
    (tmp_path / "t.csv").write_text(table(keys))
    found = set()
    for number, size in enumerate((None, 1, 2, 7, 50)):
        backend = ("processes", "serial", "threads")[number % 3]
        job = Job(expression=ARGUMENTS[1], into=("rows", "first", "last"), group_by="k",
                  sorted=True, inputs=tmp_path / "t.csv", output=tmp_path / "o.csv",
                  workers=3, chunk_size=size, backend=backend)  # fmt: skip
        report = run(job)
        assert report.rows_in == len(keys)
        found.add((tmp_path / "o.csv").read_text())
    assert found == {grouped(keys)}


@pytest.mark.parametrize("size", ["1", "3", "100", None])
def test_a_pipe_is_done_too(succeed, size):
    keys = keys_of(3, "any")
    options = () if size is None else ("--chunk-size", size)
    out = succeed(*ARGUMENTS, "--sorted", *options, stdin=table(keys).encode())
    assert out.decode() == grouped(keys)


@pytest.mark.parametrize("size", ["1", "2", "1000"])
def test_a_key_that_comes_back_is_an_error_that_names_both_rows(fail, tmp_path, size):
    (tmp_path / "t.csv").write_text(table(["b", "b", "a", "c", "b"]))
    said = fail(1, *ARGUMENTS, "--sorted", "t.csv", "--chunk-size", size)
    assert "t.csv: row 5: the key" in said
    assert "comes back, which was at t.csv: row " in said


def test_rows_of_a_group_can_be_sorted(succeed, tmp_path):
    (tmp_path / "t.csv").write_text(table(["b", "b", "b", "a", "a"]))
    run = ("-e", "n[0]", "--group-by", "k", "--sorted", "--sort-by", "-n", "t.csv")
    assert succeed(*run, "--chunk-size", "2") == b"k,result\nb,2\na,4\n"


def test_missing_keys_are_a_group_or_left_out(succeed, tmp_path):
    (tmp_path / "t.csv").write_text("n,k\n1,a\n2,\n3,\n4,b\n")
    run = ("-e", "len(n)", "--group-by", "k", "--sorted", "t.csv")
    assert succeed(*run) == b"k,result\na,1\n,2\nb,1\n"
    assert succeed(*run, "--drop-missing-keys") == b"k,result\na,1\nb,1\n"


def test_an_empty_table_has_the_columns(succeed, tmp_path):
    (tmp_path / "t.csv").write_text("n,k\n")
    assert succeed("-e", "len(n)", "--group-by", "k", "--sorted", "t.csv") == b"k,result\n"


def test_groups_that_fail_are_left_out(parapply, tmp_path):
    keys = ["a"] * 5 + ["b"] * 7 + ["c"] * 3
    (tmp_path / "t.csv").write_text(table(keys))
    run = ("-e", "1 / (len(n) - 7)", "--group-by", "k", "--sorted", "t.csv", "--chunk-size", "2")
    done = parapply(*run, "--on-error", "skip", "--errors-to", "bad.csv")
    assert (done.returncode, done.stdout) == (0, b"k,result\na,-0.5\nc,-0.25\n")
    assert "1 of 3 groups failed" in done.stderr
    assert (tmp_path / "bad.csv").read_text().count("\n5,b,") == 1
    assert len((tmp_path / "bad.csv").read_text().splitlines()) == 8
    done = parapply(*run)
    assert done.returncode == 1
    assert "t.csv: group k='b' (7 rows): result raised ZeroDivisionError" in done.stderr


def test_the_first_groups_come_long_before_the_end():
    command = [sys.executable, "-m", "parapply", "-e", "len(n)", "--group-by", "k", "--sorted"]
    with subprocess.Popen(
        [*command, "--chunk-size", "10"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        process.stdin.write(table([n // 3 for n in range(100)]).encode())
        process.stdin.flush()
        assert process.stdout.readline() == b"k,result\n"
        assert process.stdout.readline() == b"0,3\n"
        process.stdin.close()
        assert process.stdout.read().count(b"\n") == 33
        assert process.wait(30) == 0


@pytest.mark.parametrize("option", ["--each", "--filter", "--keys-as-met"])
def test_what_goes_back_to_rows_is_not_for_it(fail, tmp_path, option):
    (tmp_path / "t.csv").write_text(table(["a"]))
    run = ("-e", "len(n)", "--group-by", "k", "--sorted", "t.csv", option)
    assert "--sorted writes groups as they come" in fail(2, *run)
