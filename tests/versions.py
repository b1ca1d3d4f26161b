"""What the libraries that tests stand on do otherwise where older ones are installed."""

import pandas as pd
import pyarrow as pa

PYARROW = int(pa.__version__.partition(".")[0])
PANDAS = tuple(map(int, pd.__version__.split(".")[:2]))

# With this `read_csv` reads floats to the last digit; from pandas 3 on it does so, and may not be
# told.
TO_THE_LAST_DIGIT = {"float_precision": "round_trip"} if PANDAS < (3, 0) else {}
