"""A file beside an SQLite store that keeps what takes long to work out. It says of what it was made: made of something else, or
damaged, it is not used and is written anew. Anybody may delete it; PostgreSQL has no place beside it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

log = logging.getLogger("monitor.models")

_CODE = ("monitor.matching", "monitor.text")


def path_beside(store: Path | None, suffix: str) -> Path | None:
    """Where something is kept beside a store; None where the store is no file."""
    return store.with_name(store.name + suffix) if store else None


def read(path: Path, key: str, *, most_bytes: int) -> bytes | None:
    """What was kept under this key; None where nothing or something else was. OSError or ValueError where the file cannot be read,
    is longer than any of ours or is damaged."""
    try:
        if path.stat().st_size > most_bytes:
            raise ValueError("it is too long")
        head, _, content = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if head.split(b" ")[0] != key.encode():
        return None
    if head != _head(key, content):
        raise ValueError("its check sum is wrong")
    return content


def write(path: Path, key: str, content: bytes) -> None:
    """Whole or not at all; only for whom the store is for, as it is made of its words. OSError where it cannot be written."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines((_head(key, content), b"\n", content))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _head(key: str, content: bytes) -> bytes:
    return f"{key} {hashlib.sha256(content).hexdigest()}".encode()


@cache
def code_key() -> bytes:
    """Names the code and the word lists: others weigh words in another way."""
    versions = (sys.version, np.__version__, version("snowballstemmer"), version("pystemmer"))
    found = hashlib.sha256(repr(versions).encode())
    for room in _CODE:
        for each in sorted(_files(files(room)), key=lambda each: each.name):
            found.update(each.read_bytes())
    return found.digest()


def _files(folder: Traversable) -> list[Traversable]:
    own = [each for each in folder.iterdir() if each.name.endswith(".py")]
    lists = folder / "data" / "background"
    return own + (list(lists.iterdir()) if lists.is_dir() else [])
