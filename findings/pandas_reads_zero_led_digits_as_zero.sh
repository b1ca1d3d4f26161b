#!/usr/bin/env bash
# pandas 3.0.0: read_csv reads a number with many leading zeros as 0.0; 3.1.1 reads it right.
#
# Seen: in a column of floats, twenty-three zeros before a digit are more digits than the parser of
# 3.0.0 keeps, and the ones that count are those it drops. No warning, and the default engine. The
# same text as Python's float() is 1.0.
#
# Output seen:
#   3.0.0: [1.5, 0.0]
#   3.1.1: [1.5, 1.0]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > seen.py <<'PY'
import io

import pandas as pd

text = "a\n1.5\n" + "0" * 23 + "1\n"
print(f"{pd.__version__}: {pd.read_csv(io.StringIO(text))['a'].tolist()}")
PY
for version in 3.0.0 3.1.1; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install -q "pandas==$version" 2>/dev/null
  "venv-$version/bin/python" seen.py
done | tee seen.txt
diff - seen.txt <<'OUT'
3.0.0: [1.5, 0.0]
3.1.1: [1.5, 1.0]
OUT
echo "as it was seen"
