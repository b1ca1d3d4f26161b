"""Chaos: long jobs whose workers or parent are killed at random, and checkpoints that are damaged.

`python -m tests.chaos --minutes 10` from the project's folder; the output has to be the undisturbed
run's to the byte, each time, and nothing may be left behind. Linux alone: it looks into /proc.
"""
