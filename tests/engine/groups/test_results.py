"""What a group function may return, and what becomes of it."""

from __future__ import annotations

import json

import pytest

TABLE = "id,team,points,note\n1,b,10,x\n2,a,1.50,NA\n3,b,30,\n4,,5,y\n5,a,2,z\n6,b,10,w\n"
FUNCTIONS = """
from collections import namedtuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from parapply import Group

Pair = namedtuple("Pair", "low high")


def total(group: Group):
    return sum(group["points"])

def pair(group: Group):
    return min(group.points), max(group.points)

def named(group: Group):
    return Pair(min(group.points), max(group.points))

def series(df: pd.DataFrame):
    return df[["id", "points"]].sum()

def nothing(group: Group):
    return None

def uneven(group: Group):
    return {"n": len(group), **({"b": True} if group.key == "b" else {})}

def best(df: pd.DataFrame):
    return df.nlargest(1, "points", keep="first")[["id"]]

def with_key(df: pd.DataFrame):
    return df.head(1)[["id", "team"]]

def some(df: pd.DataFrame):
    return df.head(1)[["id"]] if len(df) > 1 else None

def unlike(df: pd.DataFrame):
    return df.head(1)[["id"]] if len(df) > 1 else pd.DataFrame({"other": [0.5]})

def empty(df: pd.DataFrame):
    return df.head(0)

def mixed(df: pd.DataFrame):
    return df.head(1)[["id"]] if len(df) > 1 else 7

def in_arrow(table: pa.Table):
    return table.slice(0, 1).select(["id"])

def in_polars(df: pl.DataFrame):
    return df.select(pl.col("points").sum())

def ids(group: Group):
    return [{"who": n} for n in group.id]

def ranks(df: pd.DataFrame):
    return df["points"].rank(method="first").astype(int)

def sorted_ranks(df: pd.DataFrame):
    return df.sort_values("points", ascending=False, kind="stable")["points"].cumsum()

def array(df: pd.DataFrame):
    return np.arange(len(df))

def polars_series(df: pl.DataFrame):
    return df["points"].cum_sum()

def frame(df: pd.DataFrame):
    return pd.DataFrame({"n": range(len(df)), "twice": df["points"].to_numpy() * 2})

def lists(group: Group):
    return {"n": list(range(len(group))), "size": len(group)}

def short(group: Group):
    return [1]

def index(df: pd.DataFrame):
    return list(df.index)
"""


@pytest.fixture
def groups(tmp_path, succeed):
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "f.py").write_text(FUNCTIONS)

    def run(function, *options):
        named = ["-e", function[3:]] if function.startswith("-e ") else [f"f.py:{function}"]
        return succeed(*named, "--group-by", "team", "t.csv", *options).decode()

    return run


@pytest.mark.parametrize(
    ("function", "options", "rows"),
    [
        ("total", (), "team,total a,3.5 b,50.0 ,5.0"),
        ("-e sum(points) / len(points)", (), "team,result a,1.75 b,16.666666666666668 ,5.0"),
        ("-e max(points) - min(points)", ("--into", "x"), "team,x a,0.5 b,20.0 ,0.0"),
        ("-e df.points.sum()", (), "team,result a,3.5 b,50.0 ,5.0"),
        ("pair", ("--into", "low,high"), "team,low,high a,1.5,2.0 b,10.0,30.0 ,5.0,5.0"),
        ("named", (), "team,low,high a,1.5,2.0 b,10.0,30.0 ,5.0,5.0"),
        ("series", (), "team,id,points a,7.0,3.5 b,10.0,50.0 ,4.0,5.0"),
        ("nothing", (), "team,nothing a, b, ,"),
        ("uneven", (), "team,n,b a,2, b,3,True ,1,"),
        ("best", (), "team,id a,5 b,3 ,4"),
        ("with_key", (), "id,team 2,a 1,b 4,"),
        ("some", (), "team,id a,2 b,1"),
        ("unlike", (), "team,id,other a,2, b,1, ,,0.5"),
        ("in_arrow", (), "team,id a,2 b,1 ,4"),
        ("in_polars", (), "team,points a,3.5 b,50.0 ,5.0"),
        ("ids", ("--explode",), "team,who a,2 a,5 b,1 b,3 b,6 ,4"),
        ("total", ("--drop", "team"), "total 3.5 50.0 5.0"),
        ("with_key", ("--drop", "team"), "id 2 1 4"),
        ("best", ("--only",), "id 5 3 4"),
        ("total", ("--keys-as-met",), "team,total b,50.0 a,3.5 ,5.0"),
        ("best", ("--keys-as-met",), "team,id b,3 a,5 ,4"),
        ("ids", ("--explode", "--keys-as-met"), "team,who b,1 b,3 b,6 a,2 a,5 ,4"),
        ("total", ("--drop-missing-keys",), "team,total a,3.5 b,50.0"),
        ("total", ("--head", "1"), "team,total a,3.5"),
        ("-e id[0]", ("--sort-by", "-points"), "team,result a,5 b,3 ,4"),
        ("-e id", ("--sort-by", "-points,id", "--into", "i", "--drop-missing-keys"),
         'team,i a,"[5,2]" b,"[3,1,6]"'),
        ("-e note[0]", ("--group-by", "id"), "team,id,result a,2, a,5,z b,1,x b,3, b,6,w ,4,y"),
    ],
)  # fmt: skip
def test_a_result_becomes_rows_after_the_key(groups, function, options, rows):
    assert groups(function, *options).replace(", ", ",").splitlines() == rows.split(" ")


KEPT = ["1,b,10,x", "2,a,1.50,NA", "3,b,30,", "4,,5,y", "5,a,2,z", "6,b,10,w"]


@pytest.mark.parametrize(
    ("function", "values"),
    [
        ("ranks", "1 1 3 1 2 2"), ("sorted_ranks", "40.0 3.5 30.0 5.0 2.0 50.0"),
        ("array", "0 0 1 0 1 2"), ("polars_series", "10.0 1.5 40.0 5.0 3.5 50.0"),
        ("-e len(id)", "3 2 3 1 2 3"), ("-e list(range(len(id)))", "0 0 1 0 1 2"),
        ("lists", "0,3 0,2 1,3 0,1 1,2 2,3"), ("index", "0 1 2 3 4 5"), ("nothing", ", ".strip()),
        ("frame", "0,20.0 0,3.0 1,60.0 0,10.0 1,4.0 2,20.0"),
    ],
)  # fmt: skip
def test_each_gives_rows_a_column_and_leaves_the_rest_as_it_was(groups, function, values):
    made = values.split(" ") if function != "nothing" else [""] * 6
    _, *rows = groups(function, "--each").splitlines()
    assert rows == [f"{row},{value}" for row, value in zip(KEPT, made, strict=True)]


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("len(id) > 1", [0, 1, 2, 4, 5]), ("[n > 2 for n in id]", [2, 3, 4, 5]),
        ("df.points > df.points.min()", [2, 4]), ("None", []),
    ],
)  # fmt: skip
def test_a_filter_keeps_groups_or_rows_in_the_order_of_the_input(groups, expression, kept):
    _, *rows = groups(f"-e {expression}", "--filter").splitlines()
    assert rows == [KEPT[place] for place in kept]


def test_a_pipe_gives_what_the_file_gives(groups, succeed, tmp_path):
    for options in (("-e", "len(id)"), ("-e", "len(id)", "--each"), ("f.py:best", "--keys-as-met")):
        options = (*options, "--group-by", "team")
        whole = succeed(*options, "t.csv")
        assert succeed(*options, stdin=TABLE.encode()) == whole


def test_several_files_are_one_table(groups, succeed, tmp_path):
    header, *rows = TABLE.splitlines(keepends=True)
    (tmp_path / "one.csv").write_text(header + "".join(rows[:4]))
    (tmp_path / "two.csv").write_text(header + "".join(rows[4:]))
    for options in ((), ("--each",), ("--filter",)):
        run = ("-e", "len(id) > 1", "--group-by", "team", *options)
        assert succeed(*run, "one.csv", "two.csv") == succeed(*run, "t.csv")


def test_types_of_keys_are_kept(tmp_path, succeed):
    lines = [{"k": True, "n": 1}, {"k": None, "n": 2}, {"k": True, "n": 3}]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = succeed("-e", "sum(n)", "--group-by", "k", "t.jsonl")
    assert list(map(json.loads, out.splitlines())) == [
        {"k": True, "result": 4}, {"k": None, "result": 2},
    ]  # fmt: skip


def test_an_empty_table_has_the_columns(groups, succeed, tmp_path):
    (tmp_path / "t.csv").write_text(TABLE.splitlines()[0] + "\n")
    assert groups("total") == "team,total\n"
    assert groups("total", "--each") == "id,team,points,note,total\n"
    assert groups("total", "--filter") == "id,team,points,note\n"


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        ("mixed", (), "t.csv: group team=None (1 row) returned int, others a DataFrame: "
         "return the same kind for every group"),
        ("short", ("--each",), "t.csv: group team='a' (2 rows): the function returned 1 values for "
         "2 rows; return one for each, or a single one"),
        ("total", ("--select", "note"), "--select note: 'note' is no column of the key"),
        ("total", ("--sample", "2"), "--sample and --group-by cannot be used together"),
        ("total", ("--head", "2", "--each"), "--head N with --group-by is the first N groups"),
        ("total", ("--by", "row"), "--by row and --group-by cannot be used together"),
        ("total", ("--sort-by", "nope"), "--sort-by nope: no column 'nope'"),
        ("total", ("--memory", "lots"), "--memory lots: give a size such as 2G or 500M"),
        ("total", ("--each", "--filter"), "--each makes a column; it takes neither"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(groups, fail, function, options, words):
    groups("total")
    named = ("--group-by", "team", "t.csv", f"f.py:{function}")[::-1][:1]
    said = fail(1 if function in ("mixed", "short") else 2, *named, "--group-by", "team", "t.csv",
                *options)  # fmt: skip
    assert words in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--by", "group"), "--by group needs the columns of the key: --group-by COLUMN"),
        (("--each",), "--each needs --group-by COLUMN"),
        (("--memory", "1G"), "--memory needs --group-by COLUMN"),
        (("--group-by", "nope"), "--group-by nope: no column 'nope'"),
    ],
)
def test_groups_need_a_key(groups, fail, options, words):
    groups("total")
    assert words in fail(2, "f.py:total", "t.csv", *options)


def test_a_group_is_asked_for_by_its_key(groups, fail):
    groups("total")
    said = fail(2, "f.py:total", "t.csv")
    assert said == "parapply: error: total takes a parapply.Group: say --group-by COLUMN"
    said = fail(2, "-e", "row.id", "--group-by", "team", "t.csv")
    assert "there is no `row`" in said


def test_nested_values_are_no_key(tmp_path, fail):
    (tmp_path / "t.jsonl").write_text('{"k": [1], "n": 1}\n')
    said = fail(2, "-e", "len(n)", "--group-by", "k", "t.jsonl")
    assert "--group-by k: its values are" in said
    assert "--dtype k=str takes them as text" in said


def test_what_was_sorted_on_disk_is_said(groups, parapply):
    groups("total")
    said = parapply("f.py:total", "--group-by", "team", "t.csv", "-v").stderr
    assert "6 rows in, 3 out" in said
    assert " MB on disk" in said
