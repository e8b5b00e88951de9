"""The command `monitor`, also as `python -m monitor`: begins the imports where a Ctrl-C already ends without a traceback."""

from __future__ import annotations

import gc
import os
import sys

_GARBAGE_FROM = 50_000
"""New objects after which the collector looks for garbage. At Python's 700 an eighth of a start is spent on looking in vain, as
imports make many objects that stay (docs/performance.md). Garbage of a few MB may lie about longer."""

_ONE_BLAS_THREAD = "OPENBLAS_NUM_THREADS", "1"
"""Numpy's threads for linear algebra wait for their next task in a busy loop, and our tasks are small. The variable is read when
numpy is imported, here and in the worker processes; an operator who sets it is obeyed."""


def main() -> None:
    """The entry point of the installed command."""
    gc.set_threshold(_GARBAGE_FROM, 5, 5)
    _open_streams()
    os.environ.setdefault(*_ONE_BLAS_THREAD)
    try:
        from monitor.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # what is left ends with the process: to look for garbage in it first takes as long as many a command


def _open_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr (`>&-`) empty ones: else the next file opened, which may be
    the store, takes the number of one, and what is printed goes into it."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


if __name__ == "__main__":
    main()
