"""The background statistics of an archive, kept beside an SQLite store: to count a thousand articles takes half a second of each
start, though they change once in thousands of articles.

The file says what it was made of: articles, word lists and code. Made of others, or damaged, it is not used and is written anew;
anybody may delete it. PostgreSQL has no place beside it, and counts at each start.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import tempfile
import zlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from monitor.matching.background import Background, Idf, KeptBackground, Table
from monitor.matching.tuning import FIRST_MARK

log = logging.getLogger("monitor.models")

SUFFIX = ".words"
_CODE = ("monitor.matching", "monitor.text")
_MAX_BYTES = 32 * 1024 * 1024
"""A file that is longer is not ours: one of twenty languages has a tenth of it."""


def path_beside(store: Path | None) -> Path | None:
    """Where the statistics of a store are kept; None where it is no file."""
    return store.with_name(store.name + SUFFIX) if store else None


def background(articles: Sequence[tuple[str, str, str]], path: Path | None) -> Background:
    """The background of these articles, (title, text, language) each, as it was kept or counted anew."""
    kept = _read(path, _key(articles)) if path else None
    return Background(articles, kept)


def keep(found: Background, path: Path | None) -> None:
    """Keep what was counted, if it was not read from there. Where nothing can be written it is counted at each start."""
    if path is None or not found.articles or not found.is_counted:
        return
    value = found.kept(at_least=FIRST_MARK)
    try:
        _replace(path, _written(value, _key(found.articles)))
    except OSError as error:
        log.info("word statistics are not kept: %s", error)


# --- the file ---------------------------------------------------------------------------------------------------------


def _read(path: Path, key: str) -> KeptBackground | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too long")
        head, _, packed = path.read_bytes().partition(b"\n")
        if head.split(b" ")[0] != key.encode():
            return None
        if head != _head(key, packed):
            raise ValueError("its check sum is wrong")
        return _value(json.loads(zlib.decompress(packed)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        log.warning("%s cannot be used (%s): words are counted anew, and it is replaced", path, error)
        return None


def _written(value: KeptBackground, key: str) -> bytes:
    tables = {language: _plain(table) for language, table in value.tables.items()}
    plain = {"digest": value.digest, "languages": sorted(value.languages), "tables": tables}
    packed = zlib.compress(json.dumps(plain).encode(), 1)
    return _head(key, packed) + b"\n" + packed


def _plain(table: Table) -> dict[str, Any]:
    """Numbers are written so that they are read as the same to the last bit."""
    return {"idf": table.idf, "unseen": table.idf.unseen, "ordinary": table.ordinary, "assumed": table.assumed}


def _value(plain: dict[str, Any]) -> KeptBackground:
    tables = {
        language: Table(Idf(each["idf"], each["unseen"]), each["ordinary"], each["assumed"])
        for language, each in plain["tables"].items()
    }
    return KeptBackground(plain["digest"], frozenset(plain["languages"]), tables)


def _head(key: str, packed: bytes) -> bytes:
    return f"{key} {hashlib.sha256(packed).hexdigest()}".encode()


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all; only for whom the store is for, as it is made of its words."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# --- what it is made of -----------------------------------------------------------------------------------------------


def _key(articles: Sequence[tuple[str, str, str]]) -> str:
    found = hashlib.sha256(_code_key())
    for each in articles:
        found.update(repr(each).encode())
    return found.hexdigest()


@cache
def _code_key() -> bytes:
    """Names the code and the word lists: others count in another way."""
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
