"""The command `monitor`, also as `python -m monitor`: begins the imports where a Ctrl-C already ends without a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the installed command."""
    try:
        from monitor.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
