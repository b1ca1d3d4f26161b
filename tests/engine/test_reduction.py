"""--reduce: one result for a whole table, by a tree that depends on the table alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from parapply import Job, run

FUNCTIONS = """
from collections import Counter

import pandas as pd


def counts(df: pd.DataFrame):
    return Counter(df["word"])

def add(one, other):
    return one + other

def top(df: pd.DataFrame):
    return df.nlargest(3, "n")

def top_of(one, other):
    return pd.concat([one, other]).nlargest(3, "n")

def order(df: pd.DataFrame):
    return f"({df['n'].iloc[0]})"

def tree(one, other):
    return f"[{one}{other}]"

def raises(one, other):
    raise ValueError("not so")

def unpicklable(df: pd.DataFrame):
    return lambda: 0

def nothing(df: pd.DataFrame):
    return None

def either(one, other):
    return one or other

def dies(df: pd.DataFrame):
    import os
    os._exit(3)
"""
ROWS = 5000


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {"n": random.permutation(ROWS), "word": random.choice(list("abc"), ROWS),
         "x": random.random(ROWS)}
    )  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "f.py").write_text(FUNCTIONS)
    return frame


def test_counts_are_pandas_counts(table, succeed):
    out = succeed("f.py:counts", "--reduce", "f.py:add", "t.csv", "--chunk-size", "100")
    names, values = (line.split(",") for line in out.decode().splitlines())
    counted = table["word"].value_counts()
    assert dict(zip(names, map(int, values), strict=True)) == counted.to_dict()


def test_a_frame_that_is_left_is_the_output(table, succeed):
    out = succeed("f.py:top", "--reduce", "f.py:top_of", "t.csv", "--chunk-size", "100")
    assert out.decode() == table.nlargest(3, "n").to_csv(index=False)


def test_rows_are_folded_in_their_order(table, succeed):
    out = succeed("-e", "word", "--reduce", "operator:add", "t.csv", "--chunk-size", "77")
    assert out.decode() == "result\n" + "".join(table["word"]) + "\n"


@pytest.mark.parametrize("options", [(), ("--backend", "threads"), ("--backend", "serial")])
def test_the_tree_does_not_depend_on_the_workers(table, succeed, options):
    run = ("f.py:order", "--reduce", "f.py:tree", "t.csv", "--chunk-size", "1000")
    one = succeed(*run, "-j", "1")
    heads = [f"({table['n'][row]})" for row in range(0, ROWS, 1000)]
    a, b, c, d, e = heads
    assert one.decode() == f"order\n[[[{a}{b}][{c}{d}]]{e}]\n"
    assert succeed(*run, "-j", "3", *options) == one


def test_sums_of_floats_are_the_same_to_the_last_digit(table, succeed):
    run = ("-e", "x", "--reduce", "operator:add", "t.csv")
    assert len({succeed(*run, "-j", jobs) for jobs in ("1", "2", "7")}) == 1


def test_what_is_left_goes_into_columns(table, tmp_path, succeed):
    run = ("-e", "(min(n, 9), n)", "--reduce", "f.py:add", "t.csv", "--head", "2")
    first, second = table["n"][:2]
    out = succeed(*run, "--into", "a,b,c,d")
    assert out.decode() == f"a,b,c,d\n{min(first, 9)},{first},{min(second, 9)},{second}\n"
    assert succeed(*run, "--explode", "--into", "x").count(b"\n") == 5
    assert succeed("f.py:nothing", "--reduce", "f.py:either", "t.csv") == b'nothing\n""\n'


def test_no_rows_are_no_result(table, tmp_path, succeed):
    (tmp_path / "t.csv").write_text("n,word,x\n")
    assert succeed("-e", "n", "--reduce", "f.py:add", "t.csv") == b"result\n"


def test_a_pipe_is_reduced(table, tmp_path, succeed):
    whole = succeed("f.py:counts", "--reduce", "f.py:add", "t.csv")
    piped = (tmp_path / "t.csv").read_bytes()
    assert succeed("f.py:counts", "--reduce", "f.py:add", stdin=piped) == whole


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("f.py:counts", "--reduce", "f.py:nope"), 2, "--reduce f.py:nope: there is no 'nope'"),
        (("f.py:counts", "--reduce", "f.py:counts"), 2, "cannot be called with two values"),
        (("f.py:counts", "--reduce", "f.py:raises"), 1, "--reduce f.py:raises raised ValueError"),
        (("f.py:unpicklable", "--reduce", "f.py:add"), 1, "unpicklable returned cannot be pickled"),
        (("f.py:dies", "--reduce", "f.py:add"), 1, "exited with code 3 while it called dies"),
        (("f.py:counts", "--reduce", "f.py:add", "--filter"), 2, "--reduce and --filter cannot"),
        (("-e", "n", "--reduce", "f.py:add", "--on-error", "skip"), 2, "--reduce takes every row"),
        (("-e", "n / 0", "--reduce", "f.py:add"), 1, "t.csv: row 1: result raised ZeroDivision"),
    ],
)
def test_what_goes_wrong_is_one_line(table, fail, arguments, code, words):
    assert words in fail(code, *arguments, "t.csv", "--chunk-size", "1000")


def test_from_python(table, tmp_path):
    report = run(
        Job(function=len, by="chunk", reduce=max, inputs=tmp_path / "t.csv", chunk_size=999,
            output=tmp_path / "o.csv", into="rows")
    )  # fmt: skip
    assert (tmp_path / "o.csv").read_text() == "rows\n999\n"
    assert (report.rows_in, report.rows_out) == (ROWS, 1)
