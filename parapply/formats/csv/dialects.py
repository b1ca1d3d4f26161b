"""Named dialects, tried with their tools (tests/others); of `nulls`, tools write the first one."""

from __future__ import annotations

from parapply.formats.csv.dialect import Dialect, Letters
from parapply.model.errors import UsageError

_COMMA, _SEMICOLON, _TAB, _QUOTE, _BACKSLASH = b',;\t"\\'

# https://dev.mysql.com/doc/refman/8.4/en/load-data.html ("Field and Line Handling")
_MYSQL = Letters("0\0b\bn\nr\rt\tZ\x1a", "0nt")
# https://www.postgresql.org/docs/15/sql-copy.html ("Text Format")
_POSTGRES = Letters("b\bf\fn\nr\rt\tv\v", "bfnrtv", coded=True)

DIALECTS = {
    # https://spark.apache.org/docs/latest/sql-data-sources-csv.html
    "spark": Dialect(
        escape=_BACKSLASH, within=True, nulls=("",), true="true", false="false", nan="NaN",
        infinity="Infinity",
    ),
    "mysql": Dialect(
        _TAB, None, _BACKSLASH, letters=_MYSQL, nulls=("\\N",), true="1", false="0", lf=True,
        blanks=True,
    ),
    "postgres": Dialect(
        _TAB, None, _BACKSLASH, letters=_POSTGRES, nulls=("\\N",), true="t", false="f",
        nan="NaN", infinity="Infinity", blanks=True,
    ),
    "postgres-csv": Dialect(
        nulls=("",), true="t", false="f", nan="NaN", infinity="Infinity", blanks=True,
    ),
    "duckdb": Dialect(nulls=("",), true="true", false="false", nan="nan", blanks=True),
    "polars": Dialect(nulls=("",), true="true", false="false", nan="NaN", blanks=True),
    "r": Dialect(
        nulls=("NA", ""), true="TRUE", false="FALSE", nan="NaN", infinity="Inf", quotes_text=True,
    ),
    "excel": Dialect(
        _SEMICOLON, decimal=_COMMA, true="TRUE", false="FALSE", line_end=b"\r\n",
        mark=b"\xef\xbb\xbf",
    ),
}  # fmt: skip
DIALECTS["mariadb"] = DIALECTS["mysql"]


def named(name: str) -> Dialect:
    """Return a tool's dialect; raises UsageError for an unknown name."""
    if name not in DIALECTS:
        raise UsageError(f"no dialect is called {name!r}; there are: {', '.join(DIALECTS)}")
    return DIALECTS[name]
