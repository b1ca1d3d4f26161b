"""Fault injection: small jobs whose calls of the system fail, each in turn, and what they leave.

`python -m tests.injection` from the project's folder. `faults.c` is built by gcc into a temporary
folder and preloaded into all processes of a run. A job is run once undisturbed, with its calls
listed; then a call of each kind on each file is made to fail with each of its errors, in the parent
or in workers, once or from then on (a disk stays full), and the oracle looks at what is left:

- exit code 0 with the undisturbed run's bytes, or another with the old output as it was, to the
  byte, mode and mtime; `--errors-to` likewise, and never one without the other;
- where only something optional is missing (statvfs, flock, copy_file_range, a short write), 0;
- on standard error no traceback and no internal error, but a few lines, with the file in question;
- no hang, no death by a signal, no folder left behind, unless what failed was to remove it: then
  the next run has to;
- of a checkpoint, the undisturbed run's bytes by the next `--resume`.

Each failure is a line that can be given to `--replay`. What a call's number is depends, with
several workers, on who comes first: a replay may have to be repeated. Linux with gcc alone.
"""
