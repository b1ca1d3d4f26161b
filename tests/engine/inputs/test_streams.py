"""What comes through a pipe: how it is cut, what decides types, and how soon rows go on."""

from __future__ import annotations

import contextlib
import gzip
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parapply import Job, run
from parapply.engine import plan
from parapply.engine.inputs import cutters
from parapply.formats.csv.format import CSV
from parapply.formats.jsonl.format import JSONL
from parapply.model.errors import InputError, UsageError

COMMAND = [sys.executable, "-m", "parapply"]
LINES = {"csv": [b"1,2\n", b"3,4\n\n", b'5,"x\ny"\n'], "jsonl": [b"{}\n", b'{"a": 1}\n\n']}


def source_of(name: str, folder):
    from parapply.formats.nouns import Reading

    path = folder / f"in.{name}"
    path.write_bytes(b"a,b\n" if name == "csv" else b"")
    return {"csv": CSV, "jsonl": JSONL}[name].source(str(path), name, Reading())


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("chunk_size", [None, 1, 3])
@given(data=st.data())
def test_what_a_chunk_function_gets_does_not_depend_on_the_blocks(
    name, chunk_size, data, tmp_path_factory
):
    lines = data.draw(st.lists(st.sampled_from(LINES[name]), max_size=12))
    cuts = data.draw(st.sets(st.integers(0, len(lines))))
    edges = sorted({0, len(lines), *cuts})
    blocks = [(b - a, b"".join(lines[a:b])) for a, b in pairwise(edges)]
    source = source_of(name, tmp_path_factory.getbasetemp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutters, "WHOLE_BYTES", 20)
        chunks = cut(source, chunk_size, blocks)
        assert chunks == cut(source, chunk_size, [(len(lines), b"".join(lines))])
    assert b"".join(text for _, text in chunks) == b"".join(lines)
    if chunk_size is not None:
        assert all(rows == chunk_size for rows, _ in chunks[:-1])


def cut(source, chunk_size, blocks, *, whole=True):
    cutter = cutters.make_cutter(source, chunk_size, whole)
    found = [piece for block in blocks for piece in cutter.add(*block)]
    left, ended = cutter.left, cutter.end()
    assert left == bool(ended)
    return found + ended


def test_chunks_for_rows_are_at_most_as_large_as_asked_for(tmp_path):
    source = source_of("csv", tmp_path)
    blocks = [(3, b"1,2\n\n3,4\n5,6\n"), (0, b"\n"), (1, b"7,8")]
    assert cut(source, 2, blocks, whole=False) == [
        (2, b"1,2\n\n3,4\n"), (1, b"5,6\n"), (0, b"\n"), (1, b"7,8"),
    ]  # fmt: skip
    assert cut(source, None, blocks, whole=False) == blocks


@given(data=st.data(), workers=st.integers(2, 5))
def test_the_last_blocks_of_known_rows_are_cut_for_all_workers(data, workers, tmp_path_factory):
    source = source_of("csv", tmp_path_factory.getbasetemp())
    sizes = data.draw(st.lists(st.integers(0, 400), min_size=1, max_size=6))
    total = sum(sizes)
    cutter = cutters.make_cutter(source, None, False, total, workers)
    left = total
    for rows in sizes:
        text = b"1,2\n" * rows if rows else b"\n"
        pieces = cutter.add(rows, text)
        assert [(n, 4 * n) for n, _ in pieces if n] == [(n, len(t)) for n, t in pieces if n]
        assert b"".join(piece for _, piece in pieces) == text
        assert all(n <= max(1, -(-left // workers)) for n, _ in pieces)
        left -= rows
    assert cutter.end() == []


def test_a_small_compressed_file_keeps_all_workers_busy(tmp_path):
    path = tmp_path / "in.csv.gz"
    path.write_bytes(gzip.compress(b"a\n" + b"1\n" * 40))
    report = run(Job(expression="a + 1", inputs=path, output=tmp_path / "out.csv", workers=4))
    assert report.chunks >= 4
    assert (tmp_path / "out.csv").read_text() == "a,result\n" + "1,2\n" * 40


def test_a_chunk_for_a_chunk_function_can_be_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "WHOLE_BYTES", 1 << 20)
    with pytest.raises(UsageError, match="--chunk-size 900000: 300000 rows are 1 MB"):
        cut(source_of("csv", tmp_path), 900_000, [(100_000, b"1,2\n" * 100_000)] * 9)


@pytest.mark.parametrize("size", [(), ("--chunk-size", 2)])
def test_the_first_block_decides_the_types_whatever_the_chunks(succeed, size):
    rows = ["1", "2", "3", "x", "4"]
    found = succeed("-e", "repr(a)", *size, stdin="\n".join(["a", *rows, ""]).encode())
    assert found.decode().splitlines()[1:] == [f"{row},'{row}'" for row in rows]


MISFITS = {
    "leading zeros": ("1", "007"),
    "leading zeros after a space": ("1", " -08"),
    "hexadecimal": ("1", "0x10"),
    "20 digits": ("1", "12345678901234567890"),
    "letters": ("1", "x"),
    "a fraction": ("1", "1.5"),
    "NAN in capitals": ("1.5", "NAN"),
    "hexadecimal among fractions": ("1.5", "0X1f"),
    "a number among booleans": ("True", "1"),
    "letters among booleans": ("True", "yes"),
}


@pytest.mark.parametrize("late", [0, 1, 700])
@pytest.mark.parametrize(("early", "odd"), MISFITS.values(), ids=MISFITS)
def test_a_later_value_of_another_type_is_named(tmp_path, early, odd, late):
    source = source_of("csv", tmp_path)
    first = f"{early},2024-01-01\n".encode()
    fields = source.fields((0, 1), [source.survey(first, (0, 1))])
    rows = [f"{early},0"] * late + [f"{odd},007", f"{odd},1", f"{early},1"]
    batch = source.batch(None, fields, "\n".join(rows).encode(), 1000)
    with pytest.raises(InputError) as raised:
        batch.columns((0, 1))
    where = f"row {1001 + late}, column 'a': {odd!r}"
    assert where in str(raised.value)
    assert "--dtype a=str" in str(raised.value)


def blank_at_first(folder, name, rows):
    """Rows of columns a, of which the first block has no value, and b."""
    first = {"csv": b",1\nNA,2\n", "jsonl": b'{"a": null, "b": 1}\n'}[name]
    source = source_of(name, folder)
    if name == "jsonl":
        source = source.widened(("a", "b"))
    fields = source.fields((0, 1), [source.survey(first, (0, 1))])
    return source.batch(None, fields, rows, 1000)


UNTOLD = ["7", "007", "-3", "+1", " 5 ", "9007199254740993", "0x10", "NAN", "abc", "True", "2024"]


@pytest.mark.parametrize("late", [0, 700])
@pytest.mark.parametrize("odd", UNTOLD)
def test_a_first_value_that_comes_late_does_not_say_its_type(tmp_path, odd, late):
    rows = [",0"] * late + [f"{odd},1", "1.5,2", ",3", ""]
    batch = blank_at_first(tmp_path, "csv", "\n".join(rows).encode())
    with pytest.raises(InputError) as raised:
        batch.columns((0, 1))
    assert f"row {1001 + late}, column 'a': {odd!r} comes too late" in str(raised.value)
    assert "--dtype a=str" in str(raised.value)


def test_a_first_value_that_comes_late_on_a_line_does_not_say_its_type(tmp_path):
    batch = blank_at_first(tmp_path, "jsonl", b'{"b": 1}\n{"a": 7, "b": 1}\n')
    with pytest.raises(
        InputError, match=r"row 1002, column 'a': 7 comes too late .* --dtype a=str"
    ):
        batch.columns((0, 1))


def test_late_values_of_one_meaning_are_read(tmp_path):
    batch = blank_at_first(tmp_path, "csv", b"1.50,1\n,2\nNA,3\n-1e3,4\ninf,5\n2.0,6\n")
    assert batch.columns((0,))[0].to_pylist() == [1.5, None, None, -1000, float("inf"), 2.0]


@pytest.mark.parametrize(("type_", "seen"), [("int", "7"), ("str", "'007'"), ("float", "7.0")])
def test_a_column_without_a_value_can_be_given_a_type(talk, type_, seen):
    send = talk("-e", "repr(a)", "--dtype", f"a={type_}")
    assert send(b"a,b\n,1\n", b"a,b,result\n,1,None\n") < 20
    send(b"007,1\n", f"007,1,{seen}\n".encode())


@pytest.mark.parametrize("value", ["+5", " 7 ", "0", "-0", "", "NA", "nan", "10", "1-0"])
def test_later_values_that_fit_are_read(tmp_path, value):
    source = source_of("csv", tmp_path)
    fields = source.fields((0, 1), [source.survey(b"1,1-1\n", (0, 1))])
    batch = source.batch(None, fields, f"5,{value}\n{value},x".replace("1-0,", "1,").encode(), 1)
    ours = batch.columns((0, 1))[0].to_pylist()
    known = value.strip().removeprefix("+")
    assert ours == [5, 1 if known == "1-0" else int(known) if known.strip("-").isdigit() else None]


def test_the_first_row_of_several_columns_that_do_not_fit_is_named(tmp_path):
    source = source_of("csv", tmp_path)
    fields = source.fields((0, 1), [source.survey(b"1,2\n", (0, 1))])
    batch = source.batch(None, fields, b"1,2\n1,x\ny,2\n", 0)
    with pytest.raises(InputError, match="row 2, column 'b': 'x'"):
        batch.columns((0, 1))


def test_types_that_were_asked_for_take_zeros(succeed):
    found = succeed("-e", "a", "--dtype", "a=int", stdin=b"a\n007\n0x10\n")
    assert found == b"a,result\n007,7\n0x10,16\n"


@pytest.fixture
def talk(tmp_path):
    """Start the command on a pipe; feed it piece by piece, and read what comes."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        running.append(process)

        def send(text: bytes, wanted: bytes) -> float:
            began = time.monotonic()
            process.stdin.write(text)
            process.stdin.flush()
            got = b""
            while len(got) < len(wanted):
                got += process.stdout.read(1)
            assert got == wanted
            return time.monotonic() - began

        send.process = process
        return send

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def test_rows_of_a_slow_pipe_go_on_soon(talk):
    send = talk("-e", "a + 1", "--into", "b")
    assert send(b"a\n1\n", b"a,b\n1,2\n") < 20  # starting takes most of it
    assert send(b'2\n\n3\n"4', b"2,3\n\n3,4\n") < 10
    assert send(b'"\n\n\n5\n', b'"4",5\n\n\n5,6\n') < 10
    send.process.stdin.write(b"\n\n")
    send.process.stdin.close()
    assert send.process.stdout.read() == b"\n\n"


def test_lines_of_a_slow_pipe_go_on_soon(talk):
    send = talk("--filter", "-e", "a")
    assert send(b'{"a": 1}\n', b'{"a": 1}\n') < 20
    assert send(b'{"a": 0}\n\n{"a": 1}\n{"a":', b'\n{"a": 1}\n') < 10
    send.process.stdin.write(b" 2}\n \n")
    send.process.stdin.close()
    assert send.process.stdout.read() == b'{"a": 2}\n \n'


def test_a_pipe_that_never_rests_goes_on_too(talk):
    send = talk("-e", "a")
    send.process.stdin.write(b"a\n")
    until = time.monotonic() + 4
    while time.monotonic() < until:
        send.process.stdin.write(b"1\n")
        send.process.stdin.flush()
        time.sleep(0.05)
    assert send(b"", b"a,result\n1,1\n") < 3


@pytest.mark.parametrize("to", ["csv", "jsonl"])
def test_a_file_is_not_written_in_a_hurry(talk, tmp_path, to):
    send = talk("-e", "a", "--from", to, "-o", f"out.{to}")
    first, second = {
        "csv": (b"a\n1\n", b"1.5\n"),
        "jsonl": (b'{"a": 1}\n', b'{"a": 1.5}\n'),
    }[to]
    send(first, b"")
    time.sleep(2.5)
    send(second, b"")
    send.process.stdin.close()
    assert send.process.wait(20) == 0  # the types are those of both rows
    assert len((tmp_path / f"out.{to}").read_bytes().splitlines()) == 2 + (to == "csv")


def test_a_chunk_function_waits_for_its_rows(talk):
    send = talk("-e", "df.assign(n=len(df))", "--chunk-size", "2")
    send.process.stdin.write(b"a\n1\n")
    send.process.stdin.flush()
    time.sleep(2)
    send(b"2\n3\n", b"a,n\n1,2\n2,2\n")
    send.process.stdin.close()
    assert send.process.stdout.read() == b"3,1\n"


NARROW = {
    "int among floats": ("a if a < 2 else int(a)", b"1.5", b"2.0"),
    "ints among floats in lists": ("[a if a < 2 else int(a)]", b"[1.5]", b"[2]"),
    "a key that is missing": ("{'x': 1, 'y': 2} if a < 2 else {'y': 3}", b"1,2", b",3"),
    "nothing": ("1 if a < 2 else None", b"1", b'""'),
}


@pytest.mark.parametrize(("expression", "one", "other"), NARROW.values(), ids=NARROW)
def test_later_results_are_written_as_the_first_ones_are(talk, tmp_path, expression, one, other):
    (tmp_path / "temp").mkdir()
    send = talk("-e", expression, "--temp-dir", "temp", "--only")
    head = b"x,y\n" if b"," in one else b"result\n"
    assert send(b"a\n1.5\n", head + one + b"\n") < 20
    for _ in range(3):
        assert send(b"2\n", other + b"\n") < 10
    send.process.stdin.write(b"1.5\n2\n")
    send.process.stdin.flush()
    time.sleep(1)
    left = [path for path in tmp_path.glob("temp/**/*") if path.is_file()]
    assert len(left) <= 3, left  # of the last chunk, at most
    send.process.stdin.close()
    assert send.process.wait(20) == 0


def test_nothing_is_written_where_parts_turn_out_not_to_fit(tmp_path):
    (tmp_path / "in.csv").write_text("a\n1\n2\n")
    (tmp_path / "f.py").write_text(
        "import datetime as dt\nimport pandas as pd\n\ndef f(row):\n"
        "    return dt.datetime(1, 1, 1) if row.a == 1 else pd.Timestamp(1)\n"
    )
    command = [*COMMAND, "f.py:f", "in.csv", "--chunk-size", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"error: column 'f': 0001-01-01 00:00:00 and a time with nanoseconds" in done.stderr


def test_a_key_that_comes_too_late_for_a_chunk_function_is_named(tmp_path):
    (tmp_path / "f.py").write_text(
        "import pandas as pd\n\ndef keep(df: pd.DataFrame):\n    return df\n"
    )
    filler = '{"a": "' + "x" * 1000 + '"}\n'
    lines = filler * 1100 + '{"a": "y", "b": 1}\n'
    command = [sys.executable, "-m", "parapply", "f.py:keep", "--from", "jsonl"]
    done = subprocess.run(
        command, input=lines.encode(), cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert b"row 1101 has the key 'b', which the first rows had not" in done.stderr


@pytest.mark.parametrize("size", ["1", "2", "9"])
def test_types_of_what_comes_at_once_are_those_of_all_of_it(succeed, size):
    found = succeed("-e", "a", "--chunk-size", size, "-j", "2", stdin=b"a\n1\n1\n1\n2.5\n")
    assert found == b"a,result\n1,1.0\n1,1.0\n1,1.0\n2.5,2.5\n"
    stream = b'{"a":1}\n{"a":2.5}\n'
    whole = b'{"a":1, "result": 1.0}\n{"a":2.5, "result": 2.5}\n'
    for _ in range(3):
        assert succeed("-e", "a", "--chunk-size", size, "-j", "2", stdin=stream) == whole
