#!/usr/bin/env bash
# pandas 3.1.1, on Python 3.11: read_csv of a .csv.xz stops at padding between two streams.
#
# The xz format allows zero bytes, a multiple of four, between streams (section 2.2, "Stream
# Padding"), and `xz -dc` (5.4) reads on behind them. pandas reads with Python's lzma, which takes
# whatever does not begin like a stream for the end: the rows behind the padding are missing,
# without a warning. Without the padding both streams are read.
#
# Output seen (needs the command xz):
#   two streams: pandas 2 rows, xz -dc 2 rows
#   four zero bytes between: pandas 1 rows, xz -dc 2 rows
set -euo pipefail
command -v xz > /dev/null || { echo "this needs xz (xz-utils)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pandas==3.1.1 2>/dev/null
cd "$folder"
cat > seen.py <<'PY'
import lzma
import subprocess
from pathlib import Path

import pandas as pd

one, two = lzma.compress(b"a\n1\n"), lzma.compress(b"2\n")
for name, padding in (("two streams", b""), ("four zero bytes between", bytes(4))):
    Path("in.csv.xz").write_bytes(one + padding + two)
    text = subprocess.run(["xz", "-dc", "in.csv.xz"], capture_output=True, check=True).stdout
    rows = text.count(b"\n") - 1
    print(f"{name}: pandas {len(pd.read_csv('in.csv.xz'))} rows, xz -dc {rows} rows")
PY
"$folder/venv/bin/python" seen.py | tee seen.txt
diff - seen.txt <<'OUT'
two streams: pandas 2 rows, xz -dc 2 rows
four zero bytes between: pandas 1 rows, xz -dc 2 rows
OUT
echo "as it was seen"
