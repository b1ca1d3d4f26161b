"""What a part of a Parquet output tells of itself, in the metadata of its schema.

Workers write it with the part; the parent reads it as it joins parts with columns of the input.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import pyarrow as pa

_ROWS, _WHOLE = b"parapply:rows", b"parapply:whole"


class Origin(NamedTuple):
    """What a part does not show itself."""

    rows: int  # how many it has: a table without columns forgets it
    made_of: int  # how many of the input
    whole: pa.Schema  # before columns were left out that are the function's


def origin_of(part: pa.Table) -> Origin:
    """Return what was said of a part."""
    told = part.schema.metadata
    rows, made_of = json.loads(told[_ROWS])
    return Origin(rows, made_of, pa.ipc.read_schema(pa.py_buffer(told[_WHOLE])))


def marked(table: pa.Table, made_of: int, whole: pa.Schema) -> pa.Table:
    """Return a part that tells its origin."""
    rows = json.dumps([table.num_rows, made_of]).encode()
    told = {_ROWS: rows, _WHOLE: whole.serialize().to_pybytes()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **told})
