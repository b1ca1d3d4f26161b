"""The page on what parapply trusts: each promise there has a test."""

from __future__ import annotations

import re

from tests import ROOT, TESTS

PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there():
    named = set(re.findall(r"`(\w+)::(\w+)`", PAGE))
    assert len(named) > 20
    for file, name in named:
        (path,) = TESTS.rglob(f"test_{file}.py")
        text = path.read_text(encoding="utf-8")
        assert f"def test_{name}(" in text, f"{file}::{name}"


def test_every_promise_of_the_first_tables_has_one():
    executes, reads, writes = PAGE.split("\n## ")[1:4]
    for table in (executes, reads, writes):
        rows = [
            line for line in table.splitlines() if line.startswith("| ") and "shown by" not in line
        ]
        for row in rows:
            assert "::" in row or "the same" in row, row
