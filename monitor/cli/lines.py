"""Reads JSON-lines files given to commands, and reports bad lines up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from monitor.cli import base
from monitor.types.errors import ConfigError

LINES_REPORTED = 10
"""Most bad lines reported one by one: a file of another kind consists of nothing else."""
MAX_LINE_BYTES = 64_000_000
"""Most bytes read of a line; the rest of it is skipped."""


class Skipped:
    """Reports the first bad lines of a file with their numbers, and the number of further ones."""

    def __init__(self, path: Path, *, is_reported: bool = True) -> None:
        self.count = 0
        self._path, self._is_reported = path, is_reported

    def __call__(self, number: int, why: str) -> None:
        self.count += 1
        if self._is_reported and self.count <= LINES_REPORTED:
            base.complain(f"{self._path}:{number}: skipped: {why}")

    def sum_up(self) -> None:
        """Report how many more there were; call it at the end of the file."""
        if self._is_reported and self.count > LINES_REPORTED:
            base.complain(f"{self._path}: {self.count - LINES_REPORTED:,} more lines were skipped")


def check(path: Path, option: str) -> None:
    """Check that an option's path is a file. Raises ConfigError."""
    if path.is_dir():
        raise ConfigError(f"{path}: it is a folder; {option} names a file with a JSON object a line")
    if not path.exists():
        raise ConfigError(f"{path}: no such file; {option} names one with a JSON object a line")


@contextmanager
def opened(path: Path, option: str, *, on_read: Callable[[int], None] | None = None) -> Iterator[Iterator[str]]:
    """A file's lines; bytes that are not UTF-8 become replacement characters. `on_read` gets the length of each line in bytes.

    Raises ConfigError for a file that cannot be opened."""
    check(path, option)
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; {option} names a file to read") from error
    with file:
        yield (_text(raw, on_read) for raw in _lines(file))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while raw := file.readline(MAX_LINE_BYTES):
        rest = raw
        while len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES)
        yield raw


def _text(raw: bytes, on_read: Callable[[int], None] | None) -> str:
    if on_read:
        on_read(len(raw))
    return raw.decode("utf-8", "replace").removeprefix("\ufeff")  # byte order mark
