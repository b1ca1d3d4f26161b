"""Columns of one name: whatever names them is an error, and tables go through that are not asked.

The oracle is the input's own bytes, with what the function made at the end of each line.
"""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.columns.duplicates import check_single, check_unique
from parapply.engine.stages import fast_survey
from parapply.model.errors import AmbiguousColumnError, InputError, ResultError, UsageError

HEAD, ROWS = "a,b,a\n", [f"00{n},{n},x{n}\n" for n in range(12)]
TEXT = HEAD + "".join(ROWS)
SAID = "column 'a' is there twice, as columns 1 and 3"


@pytest.fixture(params=["brief", "usual"])
def way(request, monkeypatch):
    """Small files are read in another way than all others."""
    monkeypatch.setattr(fast_survey, "_imported", lambda: request.param == "usual")


@pytest.fixture
def run(written, tmp_path):
    """Run a job on a table with two columns called `a`; return what it wrote."""

    def go(content: str | bytes = TEXT, name: str = "in.csv", **settings) -> str:
        output = tmp_path / settings.pop("to", "out.csv")
        settings = {"backend": "serial", "inputs": (str(written(name, content)),), **settings}
        parapply.run(Job(output=str(output), **settings))
        return output.read_text()

    return go


def with_results(results) -> str:
    added = zip([HEAD, *ROWS], ["made", *results], strict=True)
    return "".join(f"{line[:-1]},{result}\n" for line, result in added)


SILENT = {
    "an expression": ({"expression": "b * 2", "into": ("made",)}, [n * 2 for n in range(12)]),
    "a position": ({"expression": "row[2]", "into": ("made",)}, [f"x{n}" for n in range(12)]),
    "a lookup": ({"function": lambda row: row["b"], "into": ("made",)}, range(12)),
    "len": ({"function": len, "into": ("made",)}, [3] * 12),
    "values": (
        {"function": lambda row: str(list(row.values())[2]), "into": ("made",)},
        [f"x{n}" for n in range(12)],
    ),
    "a dict of others": ({"function": lambda row: {"made": row.b}}, range(12)),
    "rows by -c": (
        {"function": lambda row: sum(dict(row).values()), "by": "row", "columns": ("b",),
         "into": ("made",)},
        range(12),
    ),
    "chunks by -c": (
        {"expression": "df.b", "by": "chunk", "columns": ("b",), "into": ("made",)}, range(12),
    ),
}  # fmt: skip


@pytest.mark.parametrize("job", SILENT)
def test_a_job_that_names_none_of_them_goes_through(run, way, job):
    settings, results = SILENT[job]
    for more in ({}, {"chunk_size": 5, "backend": "threads", "workers": 2}):
        assert run(**settings, **more) == with_results(results)


def test_values_of_another_column_are_replaced_and_rows_left_out(run, way):
    assert run(expression="-value", columns=("b",)) == HEAD + "".join(
        f"00{n},{-n},x{n}\n" for n in range(12)
    )
    assert run(expression="b > 9", filter=True) == HEAD + "".join(ROWS[10:])
    assert run(expression="b", into=("b",), select=("b",)) == "b\n" + "".join(
        f"{n}\n" for n in range(12)
    )
    assert run(expression="b", into=("a",), only=True) == "a\n" + "".join(
        f"{n}\n" for n in range(12)
    )


NAMING = {
    "--select": {"expression": "b", "select": ("b", "a")},
    "--drop": {"expression": "b", "drop": ("a",)},
    "-c": {"expression": "value", "columns": ("a",)},
    "--into": {"expression": "b", "into": ("a",)},
    "--into, of several": {"expression": "(b, b)", "into": ("c", "a")},
    "--dtype": {"expression": "b", "dtypes": {"a": "str"}},
    "an expression": {"expression": "a"},
    "an expression with a row": {"expression": "row.get('a', 3)"},
    "a row": {"function": lambda row: row["a"], "into": ("made",)},
    "an attribute": {"function": lambda row: row.a, "into": ("made",)},
    "a dict": {"function": lambda row: dict(row)},
    "a row that is returned": {"function": lambda row: row},
    "a row in a list": {"function": lambda row: [row], "into": ("made",)},
    "a row as text": {"function": lambda row: [row], "into": ("m",), "dtypes": {"m": "str"}},
    "keys": {"function": lambda row: {"a": 1}},
    "chunks": {"expression": "df.b"},
    "filtered chunks": {"expression": "df.b > 1", "filter": True},
}


@pytest.mark.parametrize("job", NAMING)
def test_whatever_names_one_is_an_error(run, way, tmp_path, job):
    (tmp_path / "out.csv").write_text("old")
    for more in ({}, {"on_error": "skip"}):
        with pytest.raises(AmbiguousColumnError, match=re.escape(SAID)) as caught:
            run(**NAMING[job], **more)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)
        assert (tmp_path / "out.csv").read_text() == "old"


def test_a_function_called_like_two_columns_is_told_of_into(run):
    def a(row):
        return row.b

    with pytest.raises(AmbiguousColumnError, match=f"{SAID}: name another with --into"):
        run(function=a)
    assert run(function=a, into=("made",)) == with_results(range(12))


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out.arrow", "out.arrows"])
def test_formats_with_one_column_of_a_name_refuse_two(run, tmp_path, name):
    with pytest.raises(AmbiguousColumnError, match=rf"{name}: this format .* {SAID}: write CSV"):
        run(expression="b", to=name)
    with pytest.raises(AmbiguousColumnError, match=rf"--errors-to .*{name}: this format .* {SAID}"):
        run(expression="b", on_error="skip", errors_to=str(tmp_path / name))


def test_rows_that_failed_are_set_aside_with_all_columns(run, tmp_path):
    errors = tmp_path / "bad.csv"
    run(expression="1 / (b - 4)", into=("made",), on_error="skip", errors_to=str(errors))
    head, row = errors.read_text().splitlines()
    assert head == "a,b,a,_row,_error,_traceback"
    assert row.startswith("004,4,x4,5,ZeroDivisionError")


def table(*names: str) -> pa.Table:
    return pa.Table.from_arrays([pa.array([n, None]) for n, _ in enumerate(names)], list(names))


def of_format(name: str, content: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    if name.endswith(".parquet"):
        pq.write_table(content, sink)
    else:
        with pa.ipc.new_file(sink, content.schema) as writer:
            writer.write_table(content)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("name", ["in.parquet", "in.arrow"])
def test_tables_of_others_go_through_to_csv(run, name):
    data = of_format(name, table("a", "b", "a"))
    assert run(data, name, expression="b and b + row[2]") == "a,b,a,result\n0,1,2,3\n,,,\n"
    with pytest.raises(AmbiguousColumnError, match=SAID):
        run(data, name, expression="a")
    with pytest.raises(AmbiguousColumnError, match=SAID):
        run(data, name, expression="b", to=f"out{name[2:]}")


def test_names_are_told_apart_as_the_error_says(written, parapply):
    path = written("in.csv", TEXT)
    failed = parapply("-e", "a", path)
    assert (failed.returncode, failed.stdout) == (2, b"")
    assert "--no-headers --skip-rows 1" in failed.stderr
    named = parapply("--no-headers", "--skip-rows", "1", "-e", "row['2']", "--only", path)
    assert named.stdout.splitlines()[:2] == [b"x0", b"x1"]


def test_pipes_and_workers_say_the_same(written, parapply):
    written("f.py", "def f(row):\n    return helper(row)\ndef helper(row):\n    return row['a']\n")
    path = written("in.csv", TEXT)
    for inputs in ([], [path]):
        done = parapply("f.py:f", "-j", "2", "--chunk-size", "3", *inputs, stdin=TEXT.encode())
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(f"parapply: error: {SAID}: row[0] is the first column's")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.arrow"])
def test_tables_that_workers_share_are_frames_as_well(run, tmp_path, name):
    share = tmp_path / name
    if name == "t.csv":
        share.write_text(TEXT)
    else:
        share.write_bytes(of_format(name, table("a", "b", "a")))
    with pytest.raises(InputError, match=rf"--share t=\S+{name}: [^/]*{SAID}"):
        run("b\n1\n", expression="b", share={"t": str(share)})


@pytest.mark.parametrize("option", ["into", "columns", "select"])
def test_options_name_each_column_once(run, option):
    with pytest.raises(UsageError, match=r"b,b: each column once"):
        run(expression="value" if option == "columns" else "1", **{option: ("b", "b")})


def frame(function):
    function.__annotations__ = {"df": pd.DataFrame}
    return function


RETURNED = {
    "a table": (frame(lambda df: table("c", "c")), "two columns called 'c'"),
    "a batch": (frame(lambda df: table("c", "c").to_batches()[0]), "two columns called 'c'"),
    "a frame": (frame(lambda df: pd.DataFrame([[1, 2]], columns=["c", "c"])), "columns called 'c'"),
    "names of one text": (frame(lambda df: pd.DataFrame({1: [1], "1": [2]})), "called '1'"),
    "a Series": (
        lambda row: pd.Series([1, 2], ["c", "c"]),
        "row 1 returned a Series with",
    ),
    "a nested Series": (
        lambda row: [pd.Series([1, 2], ["c", "c"])],
        "row 1 gave a Series with",
    ),
    "keys of one text": (lambda row: {1: 1, "1": 2}, "row 1 gave a key '1', which is another's"),
    "keys of one text inside": (lambda row: [{1: 1, "1": 2}], "row 1 gave a dict with two keys"),
}


@pytest.mark.parametrize("case", RETURNED)
def test_results_with_two_of_one_name_are_errors(run, case):
    function, said = RETURNED[case]
    with pytest.raises(ResultError, match=re.escape(said)):
        run("b\n1\n", function=function)


def test_levels_of_an_index_of_one_name_are_told_apart(run):
    index = pd.MultiIndex.from_tuples([(1, 2)], names=["c", "c"])
    made = run("b\n1\n", function=frame(lambda df: pd.DataFrame({"v": [3]}, index=index)))
    assert made == "c,level_1,v\n1,2,3\n"


TWINS = pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=["a", "b", "a"], index=[10, 20])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"function": lambda row: row[0] + row[2]}, TWINS.assign(made=[4, 10])),
        ({"function": lambda row: row.b > 2, "filter": True}, TWINS[1:]),
        ({"function": lambda row: [1] * (row.b - 3), "explode": True},
         TWINS.iloc[[1, 1]].assign(made=1)),
        ({"function": lambda row: 1 // (row.b - 2), "on_error": "skip"}, TWINS[1:].assign(made=0)),
        ({"function": lambda value: 7, "columns": ("b",)}, TWINS.assign(b=7)),
        ({"function": lambda df: df.b, "by": "chunk", "columns": ("b",)},
         TWINS.assign(made=TWINS.b)),
    ],
)  # fmt: skip
def test_frames_with_columns_of_one_name(settings, expected):
    into = () if "filter" in settings or "made" not in expected else ("made",)
    made = parapply.apply(TWINS, **settings, into=into, backend="serial")
    pd.testing.assert_frame_equal(made, expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"function": lambda row: row.a}, {"function": lambda row: row.b, "into": ("a",)},
        {"function": lambda row: {"a": 1}}, {"function": lambda df: df, "by": "chunk"},
        {"function": lambda value: 1, "columns": ("a",)},
        {"function": lambda row: 1, "select": ("a",)},
    ],
)  # fmt: skip
def test_frames_are_refused_where_one_of_two_is_named(settings):
    with pytest.raises(AmbiguousColumnError, match=SAID):
        parapply.apply(TWINS, **settings, backend="serial")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (("a", "a"), "'a' is there twice, as columns 1 and 2: way"),
        (("", "b", "", ""), "'' is there 3 times, as columns 1, 3 and 4: way"),
        (("x",) * 6, "6 times, as columns 1, 2, 3, 4, 5 and 6: way"),
        (("x",) * 5000, "5000 times, as columns 1, 2, 3, 4, 5 and 4995 more: way"),
    ],
)
def test_where_the_columns_are_is_said(columns, said):
    with pytest.raises(AmbiguousColumnError, match=re.escape(said)):
        check_unique(columns, way="way")
    check_single(["another"], columns)
    check_unique(("a", "b"))


def test_a_name_that_two_columns_have_is_said_before_what_options_do_not_fit(tmp_path):
    (tmp_path / "in.csv").write_text("a,a\n1,2\n")
    (tmp_path / "f.py").write_text("def f(row):\n    return row.a\n")
    job = Job(function=f"{tmp_path}/f.py:f", inputs=str(tmp_path / "in.csv"), concurrency=2)
    with pytest.raises(parapply.ParapplyError, match="column 'a' is there twice"):
        parapply.run(job)
