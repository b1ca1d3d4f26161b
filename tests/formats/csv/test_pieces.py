"""Where CSV files are cut for the survey: by guess where that does, by quotes or in turn else."""

from __future__ import annotations

import csv

import pytest

from parapply import Job, ParapplyError, run
from parapply.formats.csv import source
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.pieces import PieceCutter, likely_end

LINES = "7,seven\n" * 200
ROWS = {
    "plain": [f"{n},word {n}" for n in range(400)],
    "commas in quotes": [f'{n},"a, b {n}"' for n in range(400)],
    "lines in quotes": [f'{n},"one\ntwo, {n}\nthree"' for n in range(400)],
    "records in quotes": [f'{n},"one\n7,seven\n8,eight\nthree"' for n in range(400)],
    "one such record": [f"{n},x" if n != 77 else f'{n},"{LINES}"' for n in range(400)],
    "stray quotes": [f'{n},5" pipe' if n % 9 == 0 else f"{n},x" for n in range(400)],
    "crlf": [f"{n},word {n}\r" for n in range(400)],
}


@pytest.mark.parametrize("size", [100, 1000, 4096])
@pytest.mark.parametrize("kind", ROWS)
def test_every_record_is_found_once(tmp_path, monkeypatch, kind, size):
    monkeypatch.setattr(source, "BLOCK_BYTES", size)
    path = tmp_path / "in.csv"
    path.write_bytes("".join(f"{line}\n" for line in ("n,text", *ROWS[kind])).encode())
    output = tmp_path / "out.csv"
    run(Job(expression="n + len(text)", inputs=(path,), output=output, workers=1))
    with open(output, newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [int(row[0]) for row in rows] == list(range(400))
    assert all(int(row[0]) + len(row[1]) == int(row[2]) for row in rows)


def test_an_error_names_its_row_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_BYTES", 500)
    path = tmp_path / "in.csv"
    lines = [f'{n},"one\n7,seven"' for n in range(300)]
    lines[222] = "222,x,too many"
    path.write_text("\n".join(["n,text", *lines, ""]))
    job = Job(
        expression="n", inputs=(path,), output=tmp_path / "out.csv", workers=1, start_method="fork"
    )  # a fork: workers have to cut as this process does
    with pytest.raises(ParapplyError, match="row 223"):
        run(job)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (b"rest\n1,2\n3,4\n", 5),
        (b"rest\nof a text\nand more\n1,2\n3,4\n", 24),
        (b"rest\n", 5),
        (b"rest", -1),
    ],
)
def test_a_likely_end_is_followed_by_what_looks_like_a_record(text, end):
    assert likely_end(text, Dialect(), 2) == end


def test_spans_cover_the_file_without_a_gap(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("n,text\n" + "".join(f"{line}\n" for line in ROWS["lines in quotes"]))
    stop = path.stat().st_size
    cutter = PieceCutter(str(path), Dialect(), 2, 7, stop, 64)
    for spans in (cutter.by_guess(), cutter.by_quotes(), cutter.in_turn()):
        edges = [edge for span in spans for edge in (span.start, span.stop)]
        assert edges[0] == 7
        assert edges[-1] == stop
        assert edges[1:-1:2] == edges[2::2]
