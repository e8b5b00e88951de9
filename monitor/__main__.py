"""The command `monitor`, also as `python -m monitor`: begins the imports where a Ctrl-C already ends without a traceback."""

from __future__ import annotations

import gc
import os
import sys

_GARBAGE_FROM = 50_000
"""New objects after which the collector looks for garbage. At Python's 700 an eighth of a start is spent on looking in vain, as
imports make many objects that stay (docs/performance.md). Garbage of a few MB may lie about longer."""
_ONE_THREAD = "OPENBLAS_NUM_THREADS"
"""numpy's matrices are small here: on two cores to solve for 200 answers took six times the processor time that it takes on one."""


def main() -> None:
    """The entry point of the installed command."""
    os.environ.setdefault(_ONE_THREAD, "1")  # read when numpy is imported; processes that we start inherit it
    gc.set_threshold(_GARBAGE_FROM, 5, 5)
    try:
        from monitor.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # what is left ends with the process: to look for garbage in it first takes as long as many a command


if __name__ == "__main__":
    main()
