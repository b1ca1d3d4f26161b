"""What the command puts in order as it begins, whatever it was started with. In the parent.

A shell, cron or another program hands on which signals are ignored or blocked, and which of the
standard descriptors are open; an interpreter searches the folder it was started in. None of that
may decide what the command imports, whether it hears of its workers' ends, or where a file that it
opens gets the number that everybody prints to.
"""

import os
import sys

closed = set[int]()  # which of the standard descriptors were


def leave_working_folder() -> None:
    """Take the folder that an interpreter puts first off `sys.path`: its script's, or (-m) this.

    To be called before anything else is imported. It stays where parapply itself is in it.
    """
    script = getattr(sys.modules["__main__"], "__file__", None)
    places = ["", _working_folder()]
    if script is not None:
        places.append(os.path.dirname(os.path.realpath(script)))
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    first = sys.path[0] if sys.path and not sys.flags.safe_path else home
    if first in places and os.path.abspath(first) != home:
        del sys.path[0]


def open_standard() -> None:
    """Have descriptors 0, 1 and 2 be open: what is opened next would get the number otherwise.

    So it would be the output, say, to which a function prints.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            opened = os.open(os.devnull, flags)
            os.dup2(opened, number)  # which children have, too
            if opened != number:
                os.close(opened)
            else:
                os.set_inheritable(number, True)
    if closed:
        _open_streams()


def heed_signals() -> None:
    """Undo what was inherited: nothing is blocked, and the ends of children are heard of.

    What ends the command stays ignored where it is: nohup, and a job in a shell's background.
    """
    import signal

    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is to be cleaned up yet


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it is gone
        return ""


def _open_streams() -> None:
    """Make the streams that an interpreter leaves out, with the settings that it has for them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode, errors = ("w", "backslashreplace") if number == 2 else ("rw"[number], None)
            stream = open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
