"""Log records in, one line each on stderr out: text for people, JSON for machines.

What strangers wrote (titles, errors, URLs) is shown and never obeyed: a line break cannot forge a record, an escape sequence
cannot paint the terminal (U15). Libraries speak from warnings up only: httpx2 and its kin log whole URLs at info (U16).
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

LEVELS: Final = ("debug", "info", "warning", "error")

# Control characters, line separators, marks that turn the reading direction, lone surrogates. The joiners U+200C and U+200D
# stay: Persian and emoji are written with them.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_QUIET: Final = {
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "uvicorn": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    # It warns at every tick that finds the last one still at work; the daemon's own watch looks after that.
    "apscheduler": logging.ERROR,
}


def visible(text: str) -> str:
    """The text on one line, with what a terminal would obey written out: `\\n`, `\\x1b`, `\\u202e`."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def setup(level: str = "info", format: str = "text") -> None:
    """Send our log to stderr. `level` is one of LEVELS, `format` text or json; called again, the last word counts."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _ToStderr)]:
        root.removeHandler(old)
    handler = _ToStderr()
    handler.setFormatter(_JsonLines() if format == "json" else _TextLines())
    root.addHandler(handler)
    logging.getLogger("monitor").setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)


class _ToStderr(logging.Handler):
    """Whatever stderr is at the moment. A log that cannot be written (disk full, D3) stops nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
        except Exception:
            self.handleError(record)


class _TextLines(logging.Formatter):
    """`2026-11-22T12:00:00Z INFO    poll: polled feed=bbc`; a traceback is set in: none of its lines looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        name = record.name.removeprefix("monitor.")
        line = f"{_at(record)} {record.levelname:<7} {name}: {visible(record.getMessage())}"
        return line + "".join(f"\n    | {visible(each)}" for each in _traceback(self, record).splitlines())


class _JsonLines(logging.Formatter):
    """One ASCII JSON object a line: at, level, logger, message and, for faults of ours, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        traceback = _traceback(self, record)
        return json.dumps(fields | {"traceback": traceback} if traceback else fields)


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""
