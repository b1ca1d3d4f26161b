"""JSON that is one array: its elements are rows, whatever lines it has and wherever blocks end.

The oracle is `json.loads` of the whole document, or the run on the same rows as JSON Lines.
"""

from __future__ import annotations

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parapply import Job, ParapplyError, run
from parapply.formats.jsonl import array
from parapply.model.errors import InputError

scalars = st.none() | st.booleans() | st.integers() | st.text('ab"\\,[]{}\n é', max_size=6)
keys = st.text("a,]", max_size=2)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner)
)
rows = st.lists(st.dictionaries(st.sampled_from(["a", "b", 'c"']), values, max_size=3), max_size=5)


def elements(text: bytes) -> list[bytes]:
    """Return the lines of an array."""
    start = array.begins(text)
    assert start is not None
    lines = array.Elements(io.BytesIO(text[start:]), b"", "it")
    return b"".join(iter(lines.read, b"")).splitlines()


@given(
    rows, st.sampled_from([None, 0, 2, "\t"]), st.booleans(), st.sampled_from([1, 2, 7, 1 << 20])
)
def test_elements_are_those_of_the_document(found, indent, escaped, block):
    text = json.dumps(found, indent=indent, ensure_ascii=escaped).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(array, "_BLOCK_BYTES", block)
        lines = elements(text)
    assert [json.loads(line) for line in lines] == found


def test_what_stands_on_one_line_is_kept(tmp_path):
    path = tmp_path / "in.json"
    path.write_bytes(b'[{"a":1.10,"b" : "x]\\\\"} ,\n\n  {\n  "a": 2,\n  "b": [\n1, 2]\n}\n]\n')
    run(Job(expression="5", inputs=(path,), output=tmp_path / "out.jsonl", backend="serial"))
    assert (tmp_path / "out.jsonl").read_bytes() == (
        b'{"a":1.10,"b" : "x]\\\\", "result": 5}\n{"a": 2, "b": [1, 2], "result": 5}\n'
    )


ROWS = [{"i": i, "t": '],[{"' * (i % 3), "o": {f"k{i % 5}": i}} for i in range(3000)]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("way", ["file", "pipe", "gz"])
def test_an_array_gives_what_its_lines_give(written, succeed, indent, way):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    wanted = succeed("-e", "i + len(o)", "--drop", "t", written("in.jsonl", lines))
    text = json.dumps(ROWS, indent=indent).encode()
    if way == "pipe":
        found = succeed("-e", "i + len(o)", "--drop", "t", stdin=text)
    else:
        data, name = (gzip.compress(text), "in.json.gz") if way == "gz" else (text, "in.json")
        found = succeed("-e", "i + len(o)", "--drop", "t", written(name, data), "-j", 2)
    assert [json.loads(line) for line in found.splitlines()] == [
        json.loads(line) for line in wanted.splitlines()
    ]
    assert indent or found == wanted


def test_an_empty_array_has_no_rows(succeed, written):
    assert succeed("-e", "1", written("in.json", " [ \n ] ")) == b""
    assert succeed("-e", "1", stdin=b"[]") == b""


MISTAKES = {
    "no end": ('[{"a": 1}, {"a": 2}', "row 2 is the last of an array without its closing bracket"),
    "cut off": ('[{"a": 1}, {"a": [2', "row 2 is the last of an array without"),
    "cut off in a string": ('[{"a": "x]', "row 1 is the last of an array without"),
    "a comma too many": ('[{"a": 1}, ]', "row 2 has nothing between"),
    "two commas": ('[{"a": 1},, {"a": 2}]', "row 2 has nothing between"),
    "more after it": ('[{"a": 1}]\n[{"a": 2}]', "after the array of 1 elements there is more"),
    "no object": ('[{"a": 1}, 7]', "row 2 is JSON but not an object in braces: 7"),
    "no JSON": ('[{"a": 1}, {"a": 2}, {"a"}]', "row 3 is not JSON"),
    "a line end in a string": ('[{"a": 1}, {"a": "x\ny"}]', "row 2 is not JSON: a string is not"),
    "another bracket": ('[{"a": [1}, {"b": 2}]', "row 1 is the last of an array without"),
}


@pytest.mark.parametrize("block", [1, 1 << 20])
@pytest.mark.parametrize(("text", "why"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_element(tmp_path, monkeypatch, text, why, block):
    monkeypatch.setattr(array, "_BLOCK_BYTES", block)
    path, output = tmp_path / "in.json", tmp_path / "out.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=why):
        run(Job(expression="1", inputs=(path,), output=output, backend="serial"))
    assert not output.exists()


def test_a_row_that_fails_is_named_by_its_element(tmp_path):
    path = tmp_path / "in.json"
    path.write_text(json.dumps([{"a": 1}, {"a": 0}], indent=2))
    job = Job(expression="1 / a", inputs=(path,), output=tmp_path / "out.jsonl", backend="serial")
    with pytest.raises(ParapplyError, match=r"in.json: row 2: .*ZeroDivisionError"):
        run(job)


def test_memory_is_that_of_a_block(tmp_path):
    """One line of 40 MB is never held as a whole."""
    text = b"[" + b",".join([b'{"a": "' + b"x" * 990 + b'"}'] * 40_000) + b"]"
    largest = 0
    lines = array.Elements(io.BytesIO(text[1:]), b"", "it")
    while block := lines.read():
        largest = max(largest, len(block))
    assert lines.count == 40_000
    assert largest < 3 << 20
