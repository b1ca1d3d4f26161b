"""How fast parapply is beside all else that runs Python over rows: `python -m tests.benchmarks`.

Each contender is a process of its own over the same seeded table, run in turn with the others, so
that a machine whose speed drifts is unfair to none. What `programs/` holds runs in those
processes, the rest in the harness.
"""
