"""The parent's side of a run: run.py tells it from first check to published output."""
