#!/usr/bin/env bash
# pandas 3.1.1: read_csv gives a column another type when its rows are in another order.
#
# Seen: a whole number that 64 bits cannot hold makes the column text where it stands first, and a
# number with a fraction makes it float64, digits lost, where that stands first. So a file that is
# sorted, or read in parts, has other types; the digits are lost without a warning.
#
# Output seen:
#   long first: str ['12345678901234567890123', '1.5']
#   long last: float64 [1.5, 1.2345678901234568e+22]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pandas==3.1.1 2>/dev/null
cd "$folder"
cat > seen.py <<'PY'
import io

import pandas as pd

for name, rows in (
    ("long first", ["12345678901234567890123", "1.5"]),
    ("long last", ["1.5", "12345678901234567890123"]),
):
    column = pd.read_csv(io.StringIO("\n".join(["a", *rows]) + "\n"))["a"]
    print(f"{name}: {column.dtype} {column.tolist()}")
PY
"$folder/venv/bin/python" seen.py | tee seen.txt
diff - seen.txt <<'OUT'
long first: str ['12345678901234567890123', '1.5']
long last: float64 [1.5, 1.2345678901234568e+22]
OUT
echo "as it was seen"
