"""Comparison: random command lines, run by two installations of parapply, have to do the same.

`python -m tests.compare --old COMMAND --new COMMAND` from the project's folder. A COMMAND is a
console script, an interpreter (`-m parapply` is added), or several words, so that no installation
is needed for an older commit: with `git worktree add /tmp/before COMMIT` it is
`--old 'env PYTHONPATH=/tmp/before .venv/bin/python -P -m parapply'`.

Each line is made from the options that click has (a new one takes part without a change here),
functions and inputs that are there in every format, sound and broken. It is run in two fresh copies
of one folder, and the same has to come of it: exit code, standard output, files that are left with
names, modes and bytes, and standard error but for what `messages` says cannot be the same. A line
that differs is run again: what an installation does by chance is told from what it does otherwise.

- `tables` writes the inputs, `functions/` has what is called, `functions/__init__` how;
- `options` knows a value for each option, `lines` makes command lines of them;
- `runs` runs one, `messages` makes its standard error comparable, `differences` compares.
"""
