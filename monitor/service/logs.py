"""Logging to stderr, one line per record, as text or JSON.

Foreign text (titles, errors, URLs) is escaped: a line break cannot forge a record, an escape sequence cannot control the
terminal (U15). Libraries log from warnings up only: httpx2 and its kin log whole URLs at info (U16).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

LEVELS: Final = ("debug", "info", "warning", "error")

# Control characters, line separators, marks that change the text direction, lone surrogates. Not the joiners U+200C and U+200D:
# Persian and emoji need them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_LIBRARY_LEVELS: Final = {
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "uvicorn": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    # It warns at every tick that finds the last one still running; the daemon watches that itself.
    "apscheduler": logging.ERROR,
}


_LIMITED: Final = ("monitor.web", "uvicorn", "asyncio")
_LIMIT, _LIMIT_SECONDS = 5, 60.0
"""How many records of one kind are written in so many seconds."""


def visible(text: str) -> str:
    """The text on one line, with control characters escaped: `\\n`, `\\x1b`, `\\u202e`."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


_hiding: dict[str, Callable[[str], str]] = {}


def hide(without_secrets: Callable[[str], str], *, of: str = "settings") -> None:
    """From now on write every text as this function returns it: also errors, also tracebacks, which may quote anything. It takes
    the place of what hid the secrets `of` the same source; those of other sources stay hidden."""
    global _hiding
    _hiding = {**_hiding, of: without_secrets}


def without_secrets(text: str) -> str:
    """The text without the secrets of the settings and channels, where these were read already."""
    for hidden in _hiding.values():
        text = hidden(text)
    return text


def setup(level: str = "info", format: str = "text") -> None:
    """Log to stderr. `level` is one of LEVELS, `format` is text or json; a later call replaces an earlier one."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _ToStderr)]:
        root.removeHandler(old)
    handler = _ToStderr()
    handler.setFormatter(_JsonLines() if format == "json" else _TextLines())
    root.addHandler(handler)
    logging.getLogger("monitor").setLevel(level.upper())
    for name, minimum in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(minimum)


class _ToStderr(logging.Handler):
    """Writes to the present `sys.stderr`. Errors of writing (disk full, D3) are ignored."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(RepetitionFilter())
        self.addFilter(_is_no_cancelled_job)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
        except Exception:
            self.handleError(record)


def _is_no_cancelled_job(record: logging.LogRecord) -> bool:
    """False for a job that APScheduler cancelled itself, as it was shut down: it logs that as the job's failure."""
    kind = record.exc_info[0] if record.exc_info else None
    # by name: commands that need no asyncio should not load it for this
    return not (record.name.startswith("apscheduler.") and kind is not None and kind.__name__ == "CancelledError")


class RepetitionFilter(logging.Filter):
    """Lets a record that anybody can cause by a request (the page's and its libraries') through a few times a minute, then says how
    many there were: nobody can fill the disk with the log.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_LIMITED):
            return True
        key, now = (record.name, str(record.msg)[:200]), self._clock()
        since, count = self._seen.get(key, (now, 0))
        if now - since >= _LIMIT_SECONDS:
            if count > _LIMIT:
                record.msg, record.args = f"{record.getMessage()} (and {count - _LIMIT} times more since)", ()
            since, count = now, 0
        if len(self._seen) >= 1_000:
            self._seen.clear()
        self._seen[key] = since, count + 1
        return count < _LIMIT


class _TextLines(logging.Formatter):
    """`2026-11-22T12:00:00Z INFO    poll: polled feed=bbc`; traceback lines are indented, so that none looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        name = record.name.removeprefix("monitor.")
        line = f"{_at(record)} {record.levelname:<7} {name}: {visible(without_secrets(record.getMessage()))}"
        return line + "".join(f"\n    | {visible(each)}" for each in _traceback(self, record).splitlines())


class _JsonLines(logging.Formatter):
    """One ASCII JSON object per line: at, level, logger, message and, for exceptions, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        traceback = _traceback(self, record)
        return json.dumps(fields | {"traceback": traceback} if traceback else fields)


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return without_secrets(formatter.formatException(record.exc_info)) if record.exc_info else ""
