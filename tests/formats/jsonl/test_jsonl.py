"""JSON Lines in and out: bytes are kept, types found over all lines, mistakes named.

The oracle is `json.loads` line by line, or the input's own bytes.
"""

from __future__ import annotations

import ast
import decimal
import gzip
import io
import json
import re
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import parapply
from parapply import Job
from parapply.columns.text import json as json_text
from parapply.formats.common.blocks import cut
from parapply.formats.jsonl import head, source
from parapply.formats.jsonl.format import JSONL
from parapply.formats.jsonl.kinds import NOTHING, kind_of
from parapply.formats.jsonl.parse import members
from parapply.formats.nouns import Reading
from parapply.model.errors import InputError, ResultError, UsageError

ODD = b"""{"a": 1.10, "b": "x"}\r
{ }\r
\r
 {"b": [1,2], "a": 3 , "c": {"d": null, "e": "\\u00e9\xc3\xa9"}}\t\r
{"a":-0,"c":{"e":"}{\\""}, "a" : 1E+2}"""

HEAD_ROWS = (1 << 20) // 17  # what a stream's first block has of the shortest rows here

CONTENTS = {
    "odd": ODD,
    "with an end": ODD + b"\r\n",
    "with a byte order mark": b"\xef\xbb\xbf" + ODD,
    "with blank lines around": b"\n \n" + ODD + b"\n\n \n",
    "with an unended blank line": b"{}\n{}\n  ",
    "one line": b"{}",
    "a key twice": b'{"a": 1, "a": 2}\n',
    "a key in other letters": b'{"\\u0061": 1}\n{"a": 2}\n',
    "numbers of any size": b'{"a": 12345678901234567890123, "b": 1e999, "c": NaN}\n',
    "an integer of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}\n",
    "odd names": b'{"": 1, " ": [], "a.b": {}, "\\"": "\\\\"}\n',
    "half a surrogate pair": b'{"a": "\\ud800"}\n',
    "nothing": b"",
    "nothing but blank lines": b"\n\n ",
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)
names = st.sampled_from(["a", "b", "c", "é", '"', ""])
objects = st.dictionaries(names, values, max_size=4)
simple = st.dictionaries(names, st.integers(-5, 5) | st.text('ab{}[],:"\\ é', max_size=5))


@st.composite
def texts(draw, each=objects):
    """JSON lines with spaces, blank lines, any line end and any escapes."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    style = st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")])
    lines = [
        json.dumps(row, ensure_ascii=draw(st.booleans()), separators=draw(style))
        + end * draw(st.integers(1, 2))
        for row in draw(st.lists(each, max_size=8))
    ]
    text = "".join(lines)
    return (text.rstrip("\r\n") if draw(st.booleans()) else text).encode()


sizes = st.sampled_from([1, 2, 3, None])
blocks = st.sampled_from([1, 16, 50, 1 << 20])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("jsonl")


def run(path: Path, *, to: str = "jsonl", backend: str = "serial", **options) -> bytes:
    """Run a job on a file beside which the output is written; return its bytes."""
    output = path.with_name(f"out.{to}")
    parapply.run(Job(inputs=(str(path),), output=str(output), backend=backend, **options))
    return output.read_bytes()


def run_on(folder: Path, data: bytes, *, block: int = 1 << 20, **options) -> bytes:
    path = folder / "in.jsonl"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_BYTES", block)
        patch.setattr(head, "HEAD_BYTES", block)
        return run(path, **options)


def filled(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line.strip()]


def rows_of(data: bytes) -> list[dict]:
    return [json.loads(line) for line in filled(data.removeprefix(b"\xef\xbb\xbf"))]


def lines_of(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


# --- bytes are kept ---


@pytest.mark.parametrize("size", [1, 2, None])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_new_key_is_all_that_changes(folder, content, size):
    found = run_on(folder, content, expression="5", chunk_size=size, block=16)
    assert found.count(b'"result": 5') == len(filled(content.removeprefix(b"\xef\xbb\xbf")))
    assert re.sub(rb'(, )?"result": 5', b"", found) == content


@pytest.mark.parametrize("size", [1, 2, None])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_filter_keeps_blank_lines(folder, content, size):
    options = {"filter": True, "chunk_size": size, "block": 16}
    assert run_on(folder, content, expression="True", **options) == content
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    blank = [line for line in content.splitlines(keepends=True) if not line.strip()]
    assert run_on(folder, content, expression="False", **options) == mark + b"".join(blank)


def test_a_key_goes_into_the_lines_own_text(folder):
    assert run_on(folder, ODD, expression="5") == (
        b'{"a": 1.10, "b": "x", "result": 5}\r\n'
        b'{ "result": 5}\r\n\r\n'
        b' {"b": [1,2], "a": 3 , "c": {"d": null, "e": "\\u00e9\xc3\xa9"}, "result": 5}\t\r\n'
        b'{"a":-0,"c":{"e":"}{\\""}, "a" : 1E+2, "result": 5}'
    )


def test_a_replaced_value_stands_where_it_stood(folder):
    once = ODD.replace(b', "a" : 1E+2', b"")
    assert run_on(folder, once, expression="'!'", into=("a",)) == (
        b'{"a": "!", "b": "x"}\r\n'
        b'{"a": "!" }\r\n\r\n'
        b' {"b": [1,2], "a": "!" , "c": {"d": null, "e": "\\u00e9\xc3\xa9"}}\t\r\n'
        b'{"a":"!","c":{"e":"}{\\""}}'
    )


def test_dropped_keys_leave_the_rest_as_it_is(folder):
    assert run_on(folder, ODD, expression="True", filter=True, drop=("a",)) == (
        b'{"b": "x"}\r\n'
        b"{ }\r\n\r\n"
        b' {"b": [1,2] , "c": {"d": null, "e": "\\u00e9\xc3\xa9"}}\t\r\n'
        b'{"c":{"e":"}{\\""}}'
    )


def test_selected_keys_stand_in_the_order_selected(folder):
    data = b'{"a": 1.10, "b":2, "c": 3}\n{"c": [1,2],"b": 0}\n'
    kept = run_on(folder, data, expression="True", filter=True, select=("c", "a"))
    assert kept == b'{"c": 3, "a": 1.10}\n{"c": [1,2]}\n'


@given(texts(), st.integers(0, 2**8), sizes, blocks)
def test_picked_lines_are_the_inputs_own(folder, data, picks, size, block):
    rows = [bool(picks >> i & 1) for i in range(8)]
    lines = filled(data)
    numbered = [line[: line.rindex(b"}")] for line in lines]
    added = [
        start + (b"" if start.strip() == b"{" else b", ") + b'"#": %d}' % i
        for i, start in enumerate(numbered)
    ]
    ends = [line[line.rindex(b"}") + 1 :] for line in lines]
    text = b"\n".join(line + end for line, end in zip(added, ends, strict=True))
    text += b"\n" if data.endswith(b"\n") and lines else b""
    kept = run_on(
        folder, text, expression=f"{rows}[row['#']]" if lines else "1", filter=True,
        chunk_size=size, block=block,
    )  # fmt: skip
    wanted = [line for i, line in enumerate(text.splitlines(keepends=True)) if rows[i]]
    assert kept == b"".join(wanted)


def test_exploded_lines_have_blank_ones_between_them(folder):
    data = b'{"a": 1}\n\n{"a": 2}\r\n \n{"a": 3}'
    kept = run_on(folder, data, expression="[0] * (a - 1)", explode=True, into=("b",))
    lines = [b"", b'{"a": 2, "b": 0}\r', b" ", b'{"a": 3, "b": 0}', b'{"a": 3, "b": 0}']
    assert kept == b"\n".join(lines)


@given(texts(simple), sizes, blocks)
@example(b'{"a": 1}\r\n\r\n{"a": 2}', 1, 1)
def test_edits_are_what_json_says(folder, data, size, block):
    rows = [dict(row) for row in rows_of(data)]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    if "a" not in keys:
        return
    options = {"expression": "(1, [None, 'x'])", "into": ("a", "new"), "block": block}
    found = run_on(folder, data, drop=("b",) if "b" in keys else (), chunk_size=size, **options)
    for row in rows:
        row.update(a=1, new=[None, "x"])
        row.pop("b", None)
    assert rows_of(found) == rows
    assert found.count(b"\n") == data.count(b"\n")


@given(objects, st.sampled_from([(",", ":"), (", ", ": "), (" , ", "\t:\r")]), st.booleans())
def test_members_are_found_where_they_stand(row, separators, escaped):
    line = json.dumps(row, separators=separators, ensure_ascii=escaped)
    found = members(line)
    assert [key for key, *_ in found] == list(row)
    for key, start, value, stop in found:
        assert json.loads("{" + line[start:stop] + "}") == {key: row[key]}
        assert json.loads(line[value:stop]) == row[key]


def test_the_first_lines_and_a_sample_are_the_inputs_own(written, succeed):
    path = written("in.jsonl", ODD)
    whole = succeed("-e", "5", path)
    assert succeed("-e", "5", "--head", 2, path) == b"".join(
        line for line in whole.splitlines(keepends=True)[:3]
    )
    assert succeed("-e", "5", "--sample", 4, path) == whole
    lines = [line for line in whole.splitlines(keepends=True) if line.strip()]
    for seed in range(6):
        found = succeed("-e", "5", "--sample", 2, "--seed", seed, path)
        assert [line for line in found.splitlines(keepends=True) if line.strip()] in [
            [one, two] for i, one in enumerate(lines) for two in lines[i + 1 :]
        ]


# --- types ---


def oracle(value: object, type_: pa.DataType) -> object:
    """The value as a column of that type holds it: JSON text where there is no one type."""
    if value is None:
        return None
    if type_ == pa.json_():
        return json.dumps(value, ensure_ascii=False)
    if pa.types.is_struct(type_):
        assert value.keys() == {field.name for field in type_}
        return {field.name: oracle(value[field.name], field.type) for field in type_}
    if pa.types.is_list(type_):
        return [oracle(item, type_.value_type) for item in value]
    return float(value) if pa.types.is_float64(type_) else value


@given(st.lists(objects, max_size=8), sizes, blocks)
def test_values_are_those_of_json_whatever_the_pieces(folder, rows, size, block):
    keys = list(dict.fromkeys(key for row in rows for key in row))
    data = lines_of(*rows).encode()
    options = {"function": collected, "only": True, "into": ("x",), "chunk_size": size}
    found = [row["x"] for row in rows_of(run_on(folder, data, block=block, **options))]
    lines = [json.loads(line) for line in filled(data)]
    assert found == [repr({key: row.get(key) for key in keys}) for row in lines]


def collected(row):
    return repr(dict(row))


@given(st.lists(values, max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_kinds_do_not_depend_on_the_pieces(found, one, other):
    start, stop = sorted((one, other))
    pieces = [kind_of(part) for part in (found[:start], found[start:stop], found[stop:])]
    left = NOTHING.join(pieces[0]).join(pieces[1]).join(pieces[2])
    assert left == pieces[0].join(pieces[1].join(pieces[2]))
    assert left._replace(item=None, members=()) == kind_of(found)._replace(item=None, members=())
    assert left.type == kind_of(found).type


TYPES = {
    "null": ([None, None], pa.null()),
    "bool": ([None, True], pa.bool_()),
    "int": ([1, -(2**63)], pa.int64()),
    "int then float": ([1, 2.5], pa.float64()),
    "int of more than 64 bits": ([1, 2**63], pa.json_()),
    "int of more than 64 bits and float": ([2**70, 0.5], pa.json_()),
    "int that no float is, then float": ([2**53 + 1, 0.5], pa.json_()),
    "the last int that is a float, then float": ([2**53, 0.5], pa.float64()),
    "text": (["1", None], pa.string()),
    "int then text": ([1, "x"], pa.json_()),
    "bool then int": ([True, 1], pa.json_()),
    "list of int then of float": ([[1], [None, 2.5], []], pa.list_(pa.float64())),
    "list of mixed": ([[1, "x", [2]]], pa.json_()),
    "list of int then of text": ([[1], ["x"]], pa.json_()),
    "list then object": ([[1], {"a": 1}], pa.json_()),
    "objects": (
        [{"a": 1, "b": []}, None, {"b": [], "a": 0.5}],
        pa.struct({"a": "f8", "b": pa.list_(pa.null())}),
    ),
    "objects of different keys": ([{"a": 1}, {"b": 1}], pa.json_()),
    "objects of more keys": ([{"a": 1}, {"a": 1, "b": 1}], pa.json_()),
    "object with a mixed member": ([{"a": 1}, {"a": "x"}], pa.json_()),
    "object with a missing member": ([{"a": 1}, {"a": None}], pa.struct({"a": pa.int64()})),
    "objects without a key": ([{}, {}], pa.json_()),
    "objects of different keys in a list": ([[{"a": 1}, {"b": 1}]], pa.json_()),
}


@pytest.mark.parametrize("block", [1, 1 << 20])
@pytest.mark.parametrize(("found", "type_"), TYPES.values(), ids=TYPES)
def test_a_column_has_one_type_over_all_lines(folder, found, type_, block):
    data = lines_of(*({"x": value} for value in found)).encode()
    run_on(folder, data, block=block, expression="1", to="parquet")
    table = pq.read_table(folder / "out.parquet")
    assert table.schema.field("x").type == type_
    assert table["x"].to_pylist() == [oracle(value, type_) for value in found]


MIXED = b'{"x": 1.10}\n{"x": "1.1"}\n{"x": {"b":[ 1E5]}}\n{"x": true}\n{"x": -0}\n{}\n'


def test_mixed_values_are_their_own_json(folder):
    run_on(folder, MIXED, expression="1", to="parquet")
    written = ["1.10", '"1.1"', '{"b":[ 1E5]}', "true", "-0", None]
    assert pq.read_table(folder / "out.parquet")["x"].to_pylist() == written
    run_on(folder, MIXED, expression="1", to="csv")
    table = pd.read_csv(folder / "out.csv", dtype="str")
    assert table["x"].tolist()[:5] == ["1.10", "1.1", '{"b":[ 1E5]}', "true", "-0"]


def test_mixed_values_of_a_column_that_is_replaced_are_what_json_dumps(folder):
    found = run_on(folder, MIXED, expression="copy.deepcopy(value)", columns=("x",))
    assert found == (
        b'{"x": 1.1}\n{"x": "1.1"}\n{"x": {"b": [100000.0]}}\n{"x": true}\n{"x": 0}\n{"x": null}\n'
    )


def test_mixed_results_are_an_error_that_says_how_they_are_json(folder):
    for size in (1, 10):
        with pytest.raises(ResultError, match="--dtype r=json"):
            run_on(folder, MIXED, expression="x", into=("r",), chunk_size=size)
    found = rows_of(run_on(folder, MIXED, expression="x", dtypes={"result": "json"}))
    assert repr([row["result"] for row in found]) == repr([row.get("x") for row in rows_of(MIXED)])


def test_a_key_that_comes_late_is_a_column(folder):
    data = lines_of(*({"a": i} for i in range(50)), {"late": "x"}).encode()
    for block in (1, 64, 1 << 20):
        found = rows_of(run_on(folder, data, block=block, expression="late"))
        assert [row["result"] for row in found] == [None] * 50 + ["x"]
        table = run_on(folder, data, block=block, expression="1", to="csv").decode().splitlines()
        assert (table[0], table[1], table[-1]) == ("a,late,result", "0,,1", ",x,1")


def test_files_may_have_different_keys(written, tmp_path):
    one = written("one.jsonl", '{"a": 1}\n{"b": 2}')
    two = written("two.jsonl", '{"c": "x"}\n{"a": 0.5}\n')
    output = tmp_path / "out.csv"
    paths = (str(one), str(two))
    parapply.run(Job(expression="a", inputs=paths, output=str(output), backend="serial"))
    assert output.read_text() == "a,b,c,result\n1,,,1.0\n,2,,\n,,x,\n0.5,,,0.5\n"
    output = tmp_path / "out.jsonl"
    parapply.run(Job(expression="c", inputs=paths, output=str(output), backend="serial"))
    assert output.read_text().splitlines()[1:3] == [
        '{"b": 2, "result": null}',
        '{"c": "x", "result": "x"}',
    ]


def test_types_can_be_forced(folder):
    data = b'{"n": 1.10, "t": "2024-01-31T12:00:00", "s": 7, "i": "5"}\n{"n": 2}\n'
    dtypes = {"n": "decimal(20, 2)", "t": "timestamp", "s": "str", "i": "int"}
    run_on(folder, data, expression="1", dtypes=dtypes, to="parquet")
    first = pq.read_table(folder / "out.parquet").to_pylist()[0]
    assert first["n"] == decimal.Decimal("1.10")
    assert (first["t"], first["s"], first["i"]) == (datetime(2024, 1, 31, 12), "7", 5)


def test_all_strings_are_as_they_stand(folder):
    data = b'{"a": 1.10, "b": null, "c": {"x":1}}\n{"a": true}\n'
    found = rows_of(
        run_on(folder, data, function=collected, all_strings=True, only=True, into=("x",))
    )
    assert [ast.literal_eval(row["x"]) for row in found] == [
        {"a": "1.10", "b": None, "c": '{"x":1}'},
        {"a": "true", "b": None, "c": None},
    ]


def test_null_values_are_missing(folder):
    data = b'{"a": "n/a", "b": -999}\n{"a": 5, "b": 1}\n'
    found = rows_of(run_on(folder, data, expression="a", null_values=("n/a", "-999"), only=True))
    assert [row["result"] for row in found] == [None, 5]


# --- from and to other formats ---


def test_csv_becomes_typed_objects(written):
    path = written("in.csv", 'i,f,t,b,n\n1,1.10,"a ""x""\n",True,\n,2,007,False,\n')
    assert run(path, expression="i") == (
        b'{"i": 1, "f": 1.1, "t": "a \\"x\\"\\n", "b": true, "n": null, "result": 1}\n'
        b'{"i": null, "f": 2.0, "t": "007", "b": false, "n": null, "result": null}\n'
    )


def test_objects_become_csv_as_they_stand(folder):
    data = b'{"a": 1.10, "b": "x,y", "c": [1,  "\xc3\xa9"]}\n{"b": null, "a": -0, "c": true}\n'
    assert run_on(folder, data, expression="5", to="csv").decode() == (
        'a,b,c,result\n1.10,"x,y","[1,  ""é""]",5\n-0,,true,5\n'
    )


@given(st.lists(objects, min_size=1, max_size=6))
@example([{"a": {}}])
def test_parquet_and_back_keeps_the_values(folder, rows):
    keys = list(dict.fromkeys(key for row in rows for key in row))
    run_on(folder, lines_of(*rows).encode(), expression="1", into=("#",), to="parquet")
    path = Path(tempfile.mkdtemp(dir=folder), "in.parquet")
    path.write_bytes((folder / "out.parquet").read_bytes())
    found = rows_of(run(path, expression="1", into=("#",)))
    wanted = [{**{key: row.get(key) for key in keys}, "#": 1} for row in rows]
    assert finite(found) == finite(wanted)


def finite(value: object) -> object:
    """The value as JSON has it where a column is one of floats: infinite ones are null."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if value in (float("inf"), float("-inf")) else value


RESULTS = {
    "text": ('a "b"\n\x00é\u2028', r'"a \"b\"\n\u0000é' + '\u2028"'),
    "float": (1e-07, "1e-07"),
    "whole float": (25.0, "25.0"),
    "nan": (float("nan"), "null"),
    "infinity": (float("inf"), "null"),
    "none": (None, "null"),
    "bool": (True, "true"),
    "decimal": (decimal.Decimal("1.10"), "1.10"),
    "date": (date(2024, 1, 31), '"2024-01-31"'),
    "datetime": (datetime(2024, 1, 31, 12, 0, 0, 5000), '"2024-01-31T12:00:00.005000"'),
    "datetime with a zone": (datetime(2024, 1, 31, tzinfo=UTC), '"2024-01-31T00:00:00+00:00"'),
    "time": (time(12, 30), '"12:30:00"'),
    "bytes": (b'a"', r'"a\""'),
    "bytes that are no text": (b"\\\xff", r'"\\\\\\xff"'),
    "duration": (timedelta(1, 5), '"1 days 00:00:05"'),
    "list": ([1, None], "[1, null]"),
    "empty list": ([], "[]"),
    "nested": ([{"a": [None, date(2024, 1, 31)]}], '[{"a": [null, "2024-01-31"]}]'),
}


@pytest.mark.parametrize(("value", "written_as"), RESULTS.values(), ids=RESULTS)
def test_results_are_written_as_json(folder, value, written_as):
    found = run_on(folder, b"{}\n", function=lambda row: value, into=("x",))
    assert found.decode() == f'{{"x": {written_as}}}\n'


ARRAYS = {
    "uuid": (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"\0" * 16, None], pa.binary(16))),
        ['"00000000-0000-0000-0000-000000000000"', "null"],
    ),
    "slice": (pa.array([[1], None, [2, 3], []]).slice(1), ["null", "[2, 3]", "[]"]),
    "fixed": (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), ["[1, 2]", "null"]),
    "large": (pa.array([["a"]], pa.large_list(pa.large_string())), ['["a"]']),
    "struct": (
        pa.array([{"a": 1}, None, {"a": None}]).slice(1),
        ["null", '{"a": null}'],
    ),
    "empty struct": (pa.array([{}, None]), ["{}", "null"]),
    "map": (
        pa.array([[("k", 0.5)], None, []], pa.map_(pa.string(), pa.float64())),
        ['{"k": 0.5}', "null", "{}"],
    ),
    "dictionary": (pa.array(["x", None]).dictionary_encode(), ['"x"', "null"]),
    "float32": (pa.array([0.1, None], pa.float32()), ["0.1", "null"]),
    "nanoseconds": (
        pa.array([1, None], pa.timestamp("ns")),
        ['"1970-01-01T00:00:00.000000001"', "null"],
    ),
    "null": (pa.nulls(1), ["null"]),
    "nothing": (pa.array([], pa.list_(pa.int8())), []),
}


@pytest.mark.parametrize(("array", "wanted"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_any_type_have_json_text(array, wanted):
    assert json_text.values(array).to_pylist() == wanted


def test_a_frame_is_written_as_objects(folder):
    data = b'{"a": 1, "b": ["x"]}\n{"a": 2}\n'
    assert run_on(folder, data, expression="df[df.a > 1]", by="chunk") == b'{"a": 2}\n'


@pytest.mark.parametrize("to", ["csv", "tsv", "parquet", "arrow"])
@pytest.mark.parametrize("options", [(), ("--drop", "b"), ("--filter",)])
def test_a_late_key_that_the_output_has_no_column_for_is_an_error(fail, to, options):
    first = b'{"a": 1, "b": 2}\n' * (HEAD_ROWS + 5)
    said = fail(
        1, "-e", "a", *options, "--to", to, "-o", f"out.{to}", stdin=first + b'\n{"a": 1, "c": 0}'
    )
    assert f"row {HEAD_ROWS + 6} has the key 'c'" in said
    assert "--to jsonl" in said
    assert "--select" in said


@pytest.mark.parametrize("options", [("--select", "a"), ("--only",)])
def test_a_late_key_that_is_not_wanted_is_none(succeed, options):
    first = b'{"a": 1, "b": 2}\n' * (HEAD_ROWS + 5)
    found = succeed("-e", "a", *options, "--to", "csv", stdin=first + b'{"a": 1, "c": 0}\n')
    assert len(found.splitlines()) == HEAD_ROWS + 7


@pytest.mark.parametrize("value", ["{}", '[{"b": {}}]', '{"c": {}}'])
@pytest.mark.parametrize("to", ["parquet", "arrow"])
def test_an_object_without_keys_is_json(folder, value, to):
    run_on(folder, f'{{"a": {value}, "x": 1}}\n'.encode(), expression="x", to=to)
    path = folder / f"out.{to}"
    table = pq.read_table(path) if to == "parquet" else pa.ipc.open_file(path).read_all()
    assert (table["a"].type, table["a"].to_pylist()) == (pa.json_(), [value])


SKIPPED = b'# {"x"\n\n{"a": 1}\n{"b": 2}\n'


@pytest.mark.parametrize(("rows", "left"), [(0, 4), (1, 3), (2, 2), (3, 1), (9, 0)])
@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz"])
def test_lines_can_be_left_out(folder, rows, left, name):
    path = folder / name
    path.write_bytes(gzip.compress(SKIPPED) if name.endswith("gz") else SKIPPED)
    lines = SKIPPED.splitlines(keepends=True)
    options = {"expression": "True", "filter": True, "skip_rows": rows}
    if rows == 0:
        with pytest.raises(InputError, match="row 1 is not JSON"):
            run(path, **options)
    else:
        assert run(path, **options) == b"".join(lines[len(lines) - left :])


def test_rows_of_a_parquet_file_cannot_be_left_out(folder):
    pq.write_table(pa.table({"a": [1]}), folder / "in.parquet")
    with pytest.raises(UsageError, match="--skip-rows leaves out lines of text"):
        run(folder / "in.parquet", expression="a", skip_rows=1)


# --- streams, encodings, compression ---


@pytest.mark.parametrize("size", [(), ("--chunk-size", 1)])
def test_a_pipe_gives_the_same_bytes(written, succeed, size):
    path = written("in.jsonl", ODD)
    found = succeed("-e", "str(c)", "--from", "jsonl", *size, stdin=ODD)
    assert found == succeed("-e", "str(c)", path)


def test_a_pipe_is_known_by_its_first_bytes(succeed):
    assert succeed("-e", "a", stdin=b'{"a": 1}\n') == b'{"a": 1, "result": 1}\n'


def test_types_of_a_stream_do_not_depend_on_the_chunk_size(succeed):
    found = succeed("-e", "a", "--chunk-size", 1, stdin=b'{"a": 1}\n{"a": 2.5}\n{"b": 1}\n')
    assert [row["result"] for row in rows_of(found)] == [1.0, 2.5, None]


def test_keys_that_come_late_in_a_stream_are_carried_along(succeed):
    first = b'{"a": 1, "b": 2}\n' * 100_000
    found = succeed("-e", "a", "--drop", "b", stdin=first + b'{"a": 1, "late": 1.10, "b": 0}\n')
    assert found.endswith(b'{"a": 1, "late": 1.10, "result": 1}\n')


def test_a_late_value_is_given_as_it_is(succeed):
    late = b'{"a": 1}\n' * 200_000 + b'{"a": "x"}\n'
    assert succeed("-e", "repr(a)", stdin=late).endswith(b'{"a": "x", "result": "\'x\'"}\n')


def test_a_late_value_that_does_not_fit_its_column_is_an_error(parapply):
    late = b'{"a": 1}\n' * 200_000 + b'{"a": "x"}\n'
    done = parapply("-e", "1", "-o", "out.parquet", stdin=late)
    assert done.returncode == 1
    assert "column 'a': 'x' is not of the type int that the rows before it have" in done.stderr
    assert "--dtype a=str" in done.stderr


@pytest.mark.parametrize("wanted", [1, 20, 1000])
@given(data=texts())
def test_blocks_of_a_stream_are_all_of_it(data, wanted):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "HEAD_BYTES", wanted)
        found, blocks = JSONL.stream(io.BytesIO(data), "it", Reading())
        blocks = list(blocks)
    assert found.before + b"".join(block for _, block in blocks) == data
    assert [len(filled(block)) for _, block in blocks] == [count for count, _ in blocks]
    for _, block in blocks:
        count = len(filled(block))
        stops = list(accumulate([1] * count))
        parts = cut(block, found.starts(block), stops)
        assert b"".join(parts) == block
        assert all(len(filled(part)) == 1 for part in parts) or not count


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_compressed_lines_go_through(written, succeed, suffix):
    path = written("in.jsonl", ODD)
    succeed("-e", "1", path, "-o", f"one.jsonl.{suffix}")
    succeed("--filter", "-e", "True", f"one.jsonl.{suffix}", "-o", "two.jsonl")
    assert path.with_name("two.jsonl").read_bytes() == succeed("-e", "1", path)


def test_keys_that_come_late_in_a_compressed_file_are_columns(written, succeed):
    rows = [{"a": i} for i in range(150_000)]
    path = written("in.jsonl.gz", gzip.compress(lines_of(*rows, {"late": 7}).encode(), 1))
    assert succeed("-e", "late", path, "--to", "csv").splitlines()[-1] == b",7,7"


def test_other_encodings_are_kept(written, succeed):
    path = written("in.jsonl", '{"a": "é"}\n'.encode("utf-16"))
    found = succeed("-e", "a", path)
    assert found.decode("utf-16") == '{"a": "é", "result": "é"}\n'


# --- the same bytes ---


@pytest.mark.parametrize("to", ["jsonl", "csv", "parquet"])
def test_the_same_bytes_for_any_workers_chunks_and_backend(written, monkeypatch, to):
    rows = [
        {"i": i, "x": i / 7 if i % 3 else i, "t": [str(i)] * (i % 3), "n": None} for i in range(500)
    ]
    for i in range(333, 500):
        rows[i]["late"] = {"k": i}
    monkeypatch.setattr(source, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(head, "HEAD_BYTES", 1000)
    path = written("in.jsonl", lines_of(*rows))
    options = {"expression": "i if i < 400 else late", "to": to}
    options["expression"] = "{'y': x} if i < 400 else {'z': late, 'y': 1}"
    wanted = run(path, chunk_size=500, **options)
    for backend, workers, size in [
        ("serial", 1, 1), ("serial", 1, 77), ("threads", 3, 50), ("processes", 2, None),
        ("processes", 3, 100),
    ]:  # fmt: skip
        assert run(path, backend=backend, workers=workers, chunk_size=size, **options) == wanted


# --- mistakes ---

MISTAKES = {
    "no JSON": ("{'a': 1}", "is not JSON: Expecting property name"),
    "cut off": ('{"a": 1', "is not JSON: Expecting ',' delimiter"),
    "no object": ("[1, 2]", "is JSON but not an object in braces: [1, 2]"),
    "a number": ("17", "is JSON but not an object in braces: 17"),
    "two objects": ('{"a": 1} {"a": 2}', "has more after its JSON value"),
    "a raw tab": ('{"a": "\t"}', "is not JSON: Invalid control character"),
    "not UTF-8": (b'{"a": "\xe9"}', "is not UTF-8 text; name its --encoding"),
    "nested too deeply": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "a key of half a surrogate pair": ('{"\\ud800": 1}', "is not valid Unicode"),
}


@pytest.mark.parametrize("place", [1, 3, 800])
@pytest.mark.parametrize(("line", "why"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_row(folder, line, why, place):
    line = line if isinstance(line, bytes) else line.encode()
    data = b'{"a": 1}\n' * (place - 1) + b"\n" + line + b'\n{"a": 2}\n' * 3
    with pytest.raises(InputError) as found:
        run_on(folder, data, expression="1", block=100)
    assert why in str(found.value)
    if b"ud800" not in line:
        assert str(found.value).startswith(f"{folder}/in.jsonl: row {place} ")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('{\n  "a": 1\n}\n', "jq -c ."),
        ('{"a": 1,\n"b": 2}\n', "jq -c ."),
        ("[1, 2]\n[3]\n", r"jq -c '\.\[\]'"),
    ],
)
def test_other_json_is_told_from_json_lines(folder, text, remedy):
    with pytest.raises(InputError, match=f"in.jsonl: row 1 .*one object a line.*{remedy}"):
        run_on(folder, text.encode(), expression="1")


def test_text_that_is_not_unicode_is_named_where_it_cannot_be_written(folder):
    data = b'{"a": "x"}\n{"a": "\\ud800"}\n'
    assert [row["result"] for row in rows_of(run_on(folder, data, expression="len(a)"))] == [1, 1]
    with pytest.raises(ResultError, match=r"row 2 gave text that is not valid Unicode"):
        run_on(folder, data, expression="a")
    with pytest.raises(InputError, match=r"row 2, column 'a': .* is not valid Unicode"):
        run_on(folder, data, expression="1", to="parquet")


@pytest.mark.parametrize("depth", [31, 32, 33, 200, *range(600, 1000, 50)])
def test_any_depth_goes_through_or_is_named(folder, depth):
    nested = "[" * depth + "]" * depth
    for options in ({"expression": "1"}, {"expression": "a"}, {"expression": "a", "to": "csv"}):
        try:
            found = run_on(folder, f'{{"a": {nested}}}\n'.encode(), **options)
        except (InputError, ResultError) as error:
            assert depth > 500
            assert "is nested too deeply" in str(error)
        else:
            assert nested in found.decode()


def test_a_value_that_is_not_as_dtype_says_is_named(folder):
    with pytest.raises(InputError, match=r"row 2, column 'a': 'x' is not int64 as --dtype says"):
        run_on(folder, b'{"a": "5"}\n{"a": "x"}\n', expression="a", dtypes={"a": "int"})


def test_what_is_asked_to_be_a_boolean_may_be_a_word_or_a_number(written, succeed, fail):
    path = written("in.jsonl", '{"b": "Yes"}\n{"b": "f"}\n{"b": 1}\n{"b": false}\n{"b": null}\n')
    asked = ["-e", "repr(b)", "--only", "--to", "csv", "--dtype", "b=bool"]
    made = succeed(*asked, path).decode().split()
    assert made == ["result", "True", "False", "True", "False", "None"]
    words = fail(1, *asked, "-o", "out.csv", written("in.jsonl", '{"b": "Yes"}\n{"b": "maybe"}\n'))
    assert "row 2, column 'b': 'maybe'" in words
