"""Whole jobs on small CSV texts: dialects, blank lines, streams. The oracle is the bytes."""

from __future__ import annotations

import gzip
import io

import pytest

import parapply
from parapply import Job
from parapply.formats.csv import header
from parapply.formats.csv.records import first_end
from parapply.formats.nouns import Reading
from parapply.model.errors import ResultError


@pytest.fixture
def run(tmp_path):
    """Run a job on a CSV text, serially; return the output's bytes."""

    def run_on(data: bytes, *, to="out.csv", name="in.csv", **options) -> bytes:
        (tmp_path / name).write_bytes(data)
        job = {"inputs": tmp_path / name, "output": tmp_path / to, "backend": "serial", **options}
        parapply.run(Job(**job))
        return (tmp_path / to).read_bytes()

    return run_on


# Blank lines.

HEADS = {
    "blank lines": b"a,b\n\n\r\n\n",
    "no end": b"a,b",
    "a byte order mark": b"\xef\xbb\xbf\na,b\n\n",
    "many blank lines": b"a,b" + b"\n" * 100_000,
    "nothing else": b"a,b\n",
    "returns": b"a,b\r\r\r",
}


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz"])
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_blank_lines_without_rows_stay(run, head, name):
    data = gzip.compress(head) if name.endswith("gz") else head
    assert run(data, expression="True", filter=True, name=name) == head


def test_comments_without_rows_stay(run):
    for head in (b"a,b\n#x\n\n#y", b"#\na,b\n\n#" + b"y" * 100_000):
        assert run(head, expression="True", filter=True, comment="#") == head


def test_blank_lines_without_rows_stay_in_a_folder(run, tmp_path):
    run(b"a\n\n\n", expression="True", filter=True, to="out.csv")
    parapply.run(Job(expression="a", inputs=tmp_path / "in.csv", output=f"{tmp_path}/out/"))
    assert (tmp_path / "out/part-00000.csv").read_bytes() == b"a,result\n\n\n"


def test_a_long_header_takes_time_in_proportion(run):
    data = ",".join(f"column{i}" for i in range(1_000_000)).encode() + b"\n"

    class Pipe(io.RawIOBase):
        """Gives little at a time, as pipes do; counts what is read at all."""

        def __init__(self, data: bytes) -> None:
            self.data, self.asked = io.BytesIO(data), 0

        def read(self, size=-1):
            self.asked += 1
            return self.data.read(min(size, 1 << 12))

    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(header, "first_end", lambda *a: found.append(0) or first_end(*a))
        head, rest = header.read_head(Pipe(data), "it", ord(","), Reading())
    assert (len(head.columns), rest, len(found)) == (1_000_000, b"", pytest.approx(12, abs=4))


# No quotes.


def test_without_quotes_results_are_escaped(run):
    options = {"quote": "", "escape": "\\"}
    value = 'a,b\r\nc\\d"'
    found = run(b'a,b\nx"y,5\n1,2\n', expression=repr(value), into="c", **options)
    assert found == b'a,b,c\nx"y,5,a\\,b\\\r\\\nc\\\\d"\n1,2,a\\,b\\\r\\\nc\\\\d"\n'
    again = run(found, expression=f"c == {value!r}", by="row", filter=True, **options)
    assert again == found


@pytest.mark.parametrize("value", ["a,b", "a\nb", "\r"])
def test_without_quotes_and_escapes_a_delimiter_in_a_result_is_an_error(run, value):
    with pytest.raises(ResultError, match=r"row 3, column 'c': .*--quote.*--escape.*jsonl"):
        run(b"a\n1\n2\n3\n", quote="", expression=f"{value!r} if a > 2 else 'x'", into="c")
    found = run(b'a\n1\n"\n', quote="", expression="'\"q'", into="c")
    assert found == b'a,c\n1,"q\n","q\n'


def test_without_quotes_a_delimiter_in_a_new_name_is_an_error(run):
    with pytest.raises(ResultError, match=r"header: 'x,y' has to be quoted"):
        run(b"a\n1\n", quote="", expression="1", into="x,y")


def test_without_quotes_an_empty_value_alone_on_a_line_is_an_error(run):
    with pytest.raises(ResultError, match="row 2: '' has to be quoted, being alone"):
        run(b"a,b\n1,2\n,3\n", quote="", expression="True", filter=True, select="a")


def test_without_quotes_frames_are_written_the_same(run):
    with pytest.raises(ResultError, match=r"row 1 of a DataFrame.*column 'a': 'x,y'"):
        run(b"a\n1\n", quote="", expression="df.assign(a='x,y')")


@pytest.mark.parametrize("options", [{"select": "a"}, {"drop": "b"}, {"select": "a", "head": 2}])
def test_an_empty_field_alone_on_a_line_is_quoted(run, options):
    found = run(b"a,b\n1,2\n,3\n", expression="True", filter=True, **options)
    assert found == b'a\n1\n""\n'


def test_a_sampled_row_is_named_by_its_number(run):
    data = b"a\n" + b"".join(b"%d\n" % row for row in range(1, 100))
    with pytest.raises(ResultError) as raised:
        run(data, expression="f'{a},'", sample=7, quote="", into="c")
    row = str(raised.value).partition("row ")[2].partition(",")[0]
    assert f"row {row}, column 'c': '{row},' has to" in str(raised.value)
