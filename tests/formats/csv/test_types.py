"""What a column of CSV is, and that text in it stays as it stands.

The oracles are pandas on the whole table, and the input's own bytes.
"""

from __future__ import annotations

import gzip
import io
import math
import random
import re
from collections.abc import Sequence
from itertools import combinations

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parapply
from parapply import Job
from parapply.columns.dtypes import parse_type
from parapply.columns.from_text import from_text
from parapply.formats.csv import source
from parapply.formats.csv.dialect import NULLS
from parapply.formats.csv.format import CSV
from parapply.formats.csv.small import survey
from parapply.formats.nouns import Reading
from tests.versions import PANDAS, TO_THE_LAST_DIGIT

NUMBERS = [
    "0", "1", "-1", "+5", "-0", "5e3", "1E5", "1e-5", "+1e5", "1.", ".5", "-.5", "1.5", "-1.5",
    "+1.5", "01.5", "5.e3", "1e400", "1e-400", "0.1", "1e22", "inf", "-inf", "+inf", "iNf",
    "Infinity", "-INFINITY", "007", "-007", "+007", "00", "000000000000000000000001",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "1e19", "18446744073709551615", "18446744073709551616",
    "123456789012345678901234", "-99999999999999999999", "123456789012345678.5",
]  # fmt: skip
WORDS = [
    "nan", "-NaN", "NA", "null", "None", "True", "TRUE", "false", "tRUE", "fALSE", "T", "yes",
    "abc", "2024-01-31", "12:30", "0x10", "-0X1f", "1_000", "1e", "1e+", "e5", ".", "-", "+",
    "NAN", "nAn", "+nan", "none", "50%", "1,000", "1d5", "1L", "1+1", "5-", "+-5", "++5", "0b1",
]  # fmt: skip
SPACES = [
    "", " ", "\t", " 5", "5 ", "\t5", "5\x0b", "\x0b5", "\x0c5", "\n5", "5\n", "\r5", "\r\n5",
    "\xa05", "5\u2003", "\u30005", "5\x1f", "\x855", "1.5\x0b", "\n1.5", "1.5\xa0", " 1.5",
    " True", "True\n", " NA ", " nan", " inf", "inf ", " +5", "+ 5", " 007", "\n007", "0 07",
    "5 6", "\u0663", "\uff15", "1e5 ", " 9223372036854775808",
]  # fmt: skip
TOKENS = [*NUMBERS, *WORDS, *SPACES]
SINGLES, PAIRS = list(combinations(TOKENS, 1)), list(combinations(TOKENS, 2))
INTEGER = re.compile(r"[\t-\r ]*[+-]?[0-9]+[\t-\r ]*")


def field(text: str, *, alone: bool = False) -> str:
    special = any(mark in text for mark in ',"\r\n') or (alone and not text)
    return '"' + text.replace('"', '""') + '"' if special else text


def text_of(columns: Sequence[Sequence[str]]) -> str:
    head = ",".join(f"c{place}" for place in range(len(columns)))
    alone = len(columns) == 1
    rows = (",".join(field(t, alone=alone) for t in row) for row in zip(*columns, strict=True))
    return "\n".join([head, *rows, ""])


def plain(value):
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def is_name(cells: Sequence[str]) -> bool:
    """Whether README says that these are text, though pandas makes numbers of them."""
    known = [cell for cell in cells if cell not in NULLS]
    whole = [cell for cell in known if INTEGER.fullmatch(cell)]
    zero_led = whole == known and any(re.match(r"\s*[+-]?0[0-9]", cell) for cell in known)
    if all(-(2**63) <= int(cell) < 2**63 for cell in whole):
        return zero_led
    unsigned = whole == list(cells) and all(int(cell) >= 0 for cell in cells)
    return zero_led or not unsigned or any(int(cell) >= 2**64 for cell in cells)


def expected(cells: Sequence[str], column: pd.Series) -> list[object]:
    if is_name(cells):
        return [None if cell in NULLS else cell for cell in cells]
    values = [plain(value) for value in column.tolist()]
    if all(INTEGER.fullmatch(cell) for cell in cells if cell not in NULLS):
        return [None if cell in NULLS else int(cell) for cell in cells]
    return values


def read(path, columns: Sequence[Sequence[str]]):
    """Return what large files are read as: each column's kind, its type's name, and its values."""
    path.write_bytes(text_of(columns).encode())
    table = CSV.source(str(path), path.name, Reading())
    positions = range(len(columns))
    (piece,) = table.pieces()
    found = table.survey(piece, positions)
    fields = table.fields(positions, [found])
    batch = table.batch(table.index([found]).span(0, len(columns[0])), fields)
    batch.expect(positions, typed=True)
    return found.kinds, [one.kind for one in fields], [batch.values(place) for place in positions]


def read_csv(text: str) -> pd.DataFrame:
    """Read it as pandas 3 does: before, a number beyond doubles was text, one of many zeros 0."""
    frame = pd.read_csv(io.StringIO(text), low_memory=False)
    if PANDAS < (3, 0):
        finite = io.StringIO(text.replace("1e400", "inf"))
        numbers = pd.read_csv(finite, low_memory=False, **TO_THE_LAST_DIGIT)
        frame = frame.assign(**numbers.select_dtypes("number"))
    return frame


@pytest.mark.parametrize("columns", [SINGLES, PAIRS], ids=["alone", "in pairs"])
def test_columns_have_the_types_that_pandas_gives_them(tmp_path, columns):
    _, _, values = read(tmp_path / "in.csv", columns)
    frame = read_csv(text_of(columns))
    for place, cells in enumerate(columns):
        want = expected(cells, frame.iloc[:, place])
        assert (cells, repr(values[place])) == (cells, repr(want))


def test_small_files_have_the_types_of_large_ones(tmp_path):
    told = 0
    for cells, kind, type_, values in zip(PAIRS, *read(tmp_path / "in.csv", PAIRS), strict=True):
        if (seen := survey.kind(cells, frozenset(NULLS))) is None:
            continue  # then all of the file is read as large ones are
        assert (cells, seen) == (cells, kind)
        small = survey.values(cells, type_, NULLS, nullable=kind.nulls)
        assert (cells, repr(small)) == (cells, repr(values))
        told += 1
    assert told > 500


CELLS = [
    "+49 30", " x", "x ", "+6", "007", " 7", "7 ", "+", "-", "1e5", "0x1F", "1_000", "inf ", "true",
    " NA ", "\xa05", "5\u2003", "\t5", "5\v", "a,b", 'say "x"', "line\nend", "\r\n5", "é😀", "",
    "0", "00", "-0", "1.10", "Infinity", "1" * 30, "'", "a\\b",
]  # fmt: skip
IDENTITY = {
    "value": {"expression": "value", "columns": ("text", "n", "other", "x")},
    "row": {"expression": "dict(row)", "only": True},
    "chunk": {"expression": "df"},
}


@st.composite
def tables(draw) -> bytes:
    """Random text (a word in each column, so that it is text) beside random numbers."""
    text = st.sampled_from(CELLS) | st.text(st.sampled_from('+-0159 \t\v\xa0.eE_x"\n,'), max_size=4)
    known = text.filter(lambda cell: cell not in NULLS or not cell)
    number = st.integers(-(2**63), 2**63 - 1).map(str)
    share = st.floats(allow_nan=False).map(repr)
    rows = draw(st.lists(st.tuples(known, number, known, share), min_size=1, max_size=12))
    place = draw(st.integers(0, len(rows)))
    rows.insert(place, ("word", "-5", "word", "0.5"))
    return "\n".join(["text,n,other,x", *(",".join(map(field, row)) for row in rows), ""]).encode()


@pytest.mark.parametrize("given_", list(IDENTITY))
@given(tables(), st.sampled_from(["file", "small", "gz"]), st.sampled_from([1, 2, 50]))
def test_text_beside_numbers_comes_out_as_it_went_in(
    tmp_path_factory, given_, content, kind, chunk_rows
):
    folder = tmp_path_factory.getbasetemp()
    path, output = folder / f"in.csv{'.gz' * (kind == 'gz')}", folder / "out.csv"
    path.write_bytes(gzip.compress(content) if kind == "gz" else content)
    settings = {**IDENTITY[given_], "inputs": path, "output": output, "backend": "serial"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_BYTES", 40)
        if kind != "small":
            patch.setattr(survey, "survey", lambda *_: None)
        parapply.run(Job(**settings, chunk_size=chunk_rows))
    assert output.read_bytes() == content


@pytest.mark.parametrize("given_", [["-e", "value", "-c", "a,n,b,x"], ["-e", "dict(row)", "--only"],
                                    ["-e", "df"]], ids=["value", "row", "chunk"])  # fmt: skip
def test_a_file_a_pipe_and_what_is_compressed_come_out_alike(written, succeed, given_):
    dice = random.Random(18)
    rows = [
        (f"w{dice.choice(CELLS)}" if place % 50 == 0 else dice.choice(CELLS),
         str(dice.randint(-(2**63), 2**63 - 1)), dice.choice(CELLS), repr(dice.random()))
        for place in range(4000)
    ]  # fmt: skip
    lines = ["a,n,b,x", "word,1,word,0.5", *(",".join(map(field, row)) for row in rows), ""]
    content = "\n".join(lines).encode()
    path, packed = written("in.csv", content), written("in.csv.gz", gzip.compress(content))
    assert succeed(*given_, "-j1", path) == content
    assert succeed(*given_, "-j3", "--chunk-size", "70", path) == content
    assert succeed(*given_, "-j2", stdin=content) == content
    assert succeed(*given_, "-j2", packed) == content


@pytest.mark.parametrize("name", ["str", "binary", "category"])
def test_what_is_asked_to_be_text_is_what_stands_there(written, succeed, name):
    path = written("in.csv", "n,code\n+1,+49 30\n2, x \n")
    asked = ["--dtype", f"code={name}", "--dtype", "n=int"]
    made = succeed("-e", "repr([n, code])", "--into", "seen", "--only", *asked, path).decode()
    prefix = "b" if name == "binary" else ""
    assert made.split("\n")[1:3] == [f"\"[1, {prefix}'+49 30']\"", f"\"[2, {prefix}' x ']\""]


def test_zeros_after_any_quote_make_text(written, succeed):
    path = written("in.csv", "code,n\n'007',1\n'8',2\n")
    made = succeed("-e", "repr(code)", "--into", "r", "--only", "--quote", "'", "--to", "csv", path)
    assert made.decode().split()[1:] == ["'''007'''", "'''8'''"]


@pytest.mark.parametrize(
    ("early", "late"),
    [("True", " True"), ("True", "yes"), ("True", "1"), ("7", "007"), ("7", "\xa05"), ("7", "+-5"),
     ("1.5", "123456789012345678901234"), ("1.5", "\xa01.5"), ("1.5", " inf"), ("1.5", "NAN")],
)  # fmt: skip
def test_a_pipe_takes_later_no_value_that_would_have_made_another_column_of_it(early, late):
    table, _ = CSV.stream(io.BytesIO(b"v,w\n"), "standard input", Reading())
    fields = table.fields([0, 1], [table.survey(f"{early},a\n".encode(), [0, 1])])
    later = table.batch(None, fields, f"{early},b\n{late},c\n".encode(), 1)
    assert list(later.bad_rows([0, 1])) == [1]


@pytest.mark.parametrize(
    ("name", "texts", "values"),
    [
        ("bool", ["t", "F", "yes", "NO", "y", "n", "On", "off", "1", "0"], [True, False] * 5),
        ("int", ["+5", " 7\n", "\v-3", "007"], [5, 7, -3, 7]),
        ("float", ["+.5", "inf", "1e5 "], [0.5, float("inf"), 1e5]),
        ("duration", ["1 days 00:00:05", "-1 days +23:59:55", "00:00:01.5"], ["1 days 00:00:05",
         "-1 days +23:59:55", "00:00:01.5"]),
    ],
)  # fmt: skip
def test_text_becomes_what_was_asked_for(name, texts, values):
    found = from_text(pa.array([*texts, None]), parse_type("x", name)).to_pylist()
    if name == "duration":
        values = [pd.Timedelta(value).to_pytimedelta() for value in values]
    assert found == [*values, None]


@pytest.mark.parametrize(
    ("name", "text"),
    [("int", "\xa05"), ("int", "+-5"), ("int", "1.5"), ("float", "++5"), ("bool", "2"),
     ("bool", "tru"), ("decimal(20, 2)", "9223372036854775807"), ("decimal(20, 2)", "1e300"),
     ("time", "12"), ("time", "25:00:00"), ("duration", "5"), ("duration", " "),
     ("date", "31.1.24"), ("duration", "0 days 00:00:00.000000001")],
)  # fmt: skip
def test_text_that_is_not_what_was_asked_for_is_named(written, fail, name, text):
    path = written("in.csv", f"a,b\n,x\n{field(text)},y\n")
    words = fail(1, "--filter", "-e", "a is None", "--dtype", f"a={name}", path, "-o", "o.csv")
    assert f"row 2, column 'a': {text!r} is not" in words
    assert "--dtype" in words
