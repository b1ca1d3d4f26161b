"""What the survey of a CSV file has kept is what its text says: a pipe, without one, agrees."""

from __future__ import annotations

import random

import pytest

from parapply import Job, run
from parapply.formats.csv.source import CsvSource

ROWS = 6_000
VALUES = ["x", "NA", "1.50", ""]
KEYS = {
    "spelled": ["1.0", "1.00", "+1", "2", "NA", "", "1e0", "3"],
    "padded": ["007", "7", "08", "1"],
    "text": ["a", '"a"', '"b, ""c"""', "", "NA", "null", " a", "ä"],
    "truth": ["True", "true", "FALSE", ""],
    "times": ["2024-01-01", "2024-01-02", "", "2024-1-1"],
    "large": ["9223372036854775807", "1", "-5", ""],
}


def table(kind: str) -> str:
    rng = random.Random(kind)
    rows = [
        f"{n},{rng.choice(KEYS[kind])},{rng.choice(VALUES)},2024-05-0{n % 9 + 1} 10:00"
        for n in range(ROWS)
    ]
    return "\n".join(["n,k,v,when", *rows, ""])


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("more", [{}, {"sort_by": ("v", "-n")}, {"each": True}], ids=str)
def test_a_file_gives_what_a_pipe_gives(tmp_path, succeed, kind, more):
    text = table(kind)
    (tmp_path / "t.csv").write_text(text)
    expression = "(len(n), min(n), max(n), v[0], when[-1])" if not more.get("each") else "v"
    options = {"into": ("rows", "low", "high", "v0", "last")} if not more.get("each") else {}
    run(Job(expression=expression, group_by="k", inputs=tmp_path / "t.csv",
            output=tmp_path / "o.csv", workers=2, **options, **more))  # fmt: skip
    arguments = ["-e", expression, "--group-by", "k", "-j", "2"]
    arguments += ["--into", ",".join(options["into"])] if options else []
    arguments += ["--each"] if more.get("each") else []
    arguments += ["--sort-by", ",".join(more["sort_by"])] if "sort_by" in more else []
    succeed(*arguments, "-o", "piped.csv", stdin=text.encode())
    assert (tmp_path / "piped.csv").read_bytes() == (tmp_path / "o.csv").read_bytes()


def test_the_text_is_read_once(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(table("padded"))
    read = []
    batch = CsvSource.batch
    monkeypatch.setattr(CsvSource, "batch", lambda *a, **b: read.append(a) or batch(*a, **b))
    job = Job(expression="len(n)", group_by="k", inputs=tmp_path / "t.csv", backend="serial",
              output=tmp_path / "o.csv")  # fmt: skip
    run(job)
    assert read == []
