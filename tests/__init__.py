"""The tests lie as the package does: what a room says is shown in the folder of its name.

Whole jobs stand where the behaviour is made; `docs` holds the papers to the program; what the tests
share is beside this file; `compare`, `chaos`, `injection` and `benchmarks` are commands.
"""

from pathlib import Path

TESTS = Path(__file__).parent
DATA = TESTS / "data"  # files that other tools wrote
ROOT = TESTS.parent
