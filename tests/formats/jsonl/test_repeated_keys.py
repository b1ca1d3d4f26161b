"""Keys that a JSON object has twice: one is never lost without a word.

The oracle is the input's own bytes, and `json` with a hook that is given all pairs.
"""

from __future__ import annotations

import json
import os
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.formats.jsonl import head
from parapply.formats.jsonl.kinds import keys_of, kind_of
from parapply.formats.jsonl.parse import sound
from parapply.formats.jsonl.repeated_keys import doubled, doubled_on
from parapply.model.errors import InputError

LINES = [
    '{"n": 1, "a": 1, "b": {"k": 1}}',
    '{"n": 2, "a":1, "\\u0061" : 2, "b": {"k": ":"}}',
    '{"n": 3, "a": 3, "b": {"k": 2, "j": [{"x": 1}, {"x": 1, "y": 0, "x": 3}]}}',
    '{"n": 4, "a": "\\"a\\": 1", "b": null}',
]
TEXT = "".join(f"{line}\n" for line in LINES)
SAID = "row 2, column 'a': the key is there twice"


@pytest.fixture(params=["file", "gzip", "pipe"])
def way(request):
    return request.param


@pytest.fixture
def go(tmp_path, way, monkeypatch):
    """Run a job on the lines, from wherever they come; return what it wrote."""

    def run(to: str = "jsonl", **settings):
        inputs = tmp_path / "in.jsonl"
        inputs.write_text(TEXT)
        if way == "gzip":
            os.system(f"gzip -kf {inputs}")
            inputs = tmp_path / "in.jsonl.gz"
        elif way == "pipe":
            os.mkfifo(pipe := tmp_path / f"pipe{random.random()}.jsonl")
            os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", f"cat {inputs} > {pipe}")
            inputs = pipe
        output = tmp_path / f"out.{to}"
        settings = {"backend": "serial", "inputs": inputs, "output": output, **settings}
        report = parapply.run(Job(**settings))
        return output.read_text() if to != "parquet" else report

    return run


HOWS = {
    "expression": {"expression": "repr(a)"},
    "lookup": {"function": lambda row: repr(row["a"])},
    "whole row": {"function": lambda row: repr(dict(row)["a"])},
    "value": {"expression": "repr(value)", "columns": ("a",)},
    "chunk": {"expression": "df.a.map(repr)"},
    "text": {"expression": "repr(a)", "dtypes": {"a": "str"}},
}


@pytest.mark.parametrize("how", HOWS)
def test_a_function_that_looks_at_such_a_key_is_an_error(go, how):
    with pytest.raises(InputError, match=f"{SAID}.*--drop a"):
        go(into=("r",), **HOWS[how])


@pytest.mark.parametrize("how", ["expression", "lookup", "whole row"])
def test_a_row_with_such_a_key_can_be_set_aside(go, how):
    found = go(into=("r",), on_error="skip", drop=("b",), **HOWS[how]).splitlines()
    assert [json.loads(line)["n"] for line in found] == [1, 3, 4]


def test_what_nobody_looks_at_is_carried_to_the_byte(go):
    written = go(expression="n", into=("r",)).splitlines()
    assert written == [f'{line[:-1]}, "r": {n}}}' for n, line in enumerate(LINES, 1)]
    assert go(expression="n != 1", filter=True) == "".join(f"{line}\n" for line in LINES[1:])


def test_such_keys_can_be_dropped(go):
    assert [*map(json.loads, go(expression="n", drop=("a", "b")).splitlines())] == [
        {"n": n, "result": n} for n in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("to", ["csv", "parquet", "arrow"])
def test_no_other_format_has_such_a_key(go, to):
    with pytest.raises(InputError, match=SAID):
        go(to, expression="n", drop=("b",))


def test_objects_with_such_a_key_inside_are_json_to_the_byte(go, way, tmp_path):
    assert '"{""k"": 2, ""j"": [{""x"": 1}, {""x"": 1, ""y"": 0, ""x"": 3}]}"' in go(
        "csv", expression="n", drop=("a",)
    )
    go("parquet", expression="n", drop=("a",))
    written = pq.read_table(tmp_path / "out.parquet")["b"].cast(pa.string()).to_pylist()
    assert written[2] == '{"k": 2, "j": [{"x": 1}, {"x": 1, "y": 0, "x": 3}]}'


def test_an_object_of_a_struct_has_no_key_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(head, "HEAD_BYTES", 10)
    lines = ['{"a": {"k": 1}}', '{"a": {"k": 1, "k": 2}}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    job = {"expression": "1", "output": tmp_path / "o.parquet", "backend": "serial"}
    parapply.run(Job(**job, inputs=tmp_path / "in.jsonl"))
    assert pq.read_table(tmp_path / "o.parquet")["a"].cast(pa.string()).to_pylist() == [
        '{"k": 1}',
        '{"k": 1, "k": 2}',
    ]
    os.mkfifo(pipe := tmp_path / "pipe.jsonl")
    os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", f"cat {tmp_path}/in.jsonl > {pipe}")
    with pytest.raises(InputError, match="row 2, column 'a': a key is there twice in an object"):
        parapply.run(Job(**job, inputs=pipe))


REWRITES = {
    "replaced": {"expression": "n", "into": ("a",)},
    "in another order": {"expression": "df[['a', 'n']]", "by": "chunk", "columns": ("n", "a")},
    "returned": {"function": lambda row: {"a": row["n"]}},
}


@pytest.mark.parametrize("how", REWRITES)
def test_such_a_key_cannot_be_replaced(go, how):
    with pytest.raises(InputError, match=SAID):
        go(**REWRITES[how])


def test_a_value_with_such_a_key_inside_can_be_replaced(go):
    written = [json.loads(line) for line in go(expression="n", into=("b",)).splitlines()]
    assert [row["b"] for row in written] == [1, 2, 3, 4]


WORDS = ["a", "b", 'c":', "d\\", "é", ": ", '\\":', " :", ""]


def thing(rng, depth=0):
    """Return JSON text of a value in some spelling, with keys there twice now and then."""
    kind = rng.randrange(7 if depth < 3 else 4)
    if kind < 4:
        return [json.dumps(rng.choice(WORDS)), "1", "null", json.dumps("é", ensure_ascii=False)][
            kind
        ]
    if kind == 4:
        return "[" + ",".join(thing(rng, depth + 1) for _ in range(rng.randrange(3))) + "]"
    return record(rng, depth + 1)


def record(rng, depth=0):
    names = rng.sample(WORDS, rng.randrange(1, 4))
    if not rng.randrange(12):
        names.append(rng.choice(names))
    spaces = ["", " ", "\t", "  "]
    pairs = [
        f"{json.dumps(name, ensure_ascii=rng.random() < 0.5)}{rng.choice(spaces)}:"
        f"{rng.choice(spaces)}{thing(rng, depth)}"
        for name in names
    ]
    return "{" + ",".join(pairs) + "}"


def names_with_twins(line):
    """The oracle: keys of the object in which a pair is lost."""

    def lost(value):
        if isinstance(value, list):
            return any(map(lost, value))
        if not isinstance(value, tuple):
            return False
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(lost(inner) for _, inner in value)

    pairs = json.loads(line, object_pairs_hook=tuple)
    names = [name for name, _ in pairs]
    own = {name for name in names if names.count(name) > 1}
    return own, {name for name, value in pairs if lost(value)}


@pytest.mark.parametrize("seed", range(200))
def test_all_keys_that_are_there_twice_are_found(seed):
    rng = random.Random(seed)
    lines = [record(rng) for _ in range(rng.randrange(1, 12))]
    data = "\n".join(lines).encode()
    objects = sound(data, lenient=False)
    kinds = {name: kind_of([row.get(name) for row in objects]) for name in keys_of(objects)}
    expected = [names_with_twins(line) for line in lines]
    assert [doubled_on(line) or (set(), set()) for line in lines] == expected
    every = tuple(set().union(*sets) for sets in zip(*expected, strict=True))
    assert doubled(data, objects, kinds) == doubled(data, objects) == every
