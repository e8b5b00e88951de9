"""The background statistics of an archive, kept beside an SQLite store: to count a thousand articles takes half a second of each
start, though they change once in thousands of articles. On PostgreSQL they are counted at each start.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.learning import kept_file
from monitor.matching.background import Background, Idf, KeptBackground, Table
from monitor.matching.tuning import FIRST_MARK

log = logging.getLogger("monitor.models")

SUFFIX = ".words"
_MAX_BYTES = 32 * 1024 * 1024
"""A file that is longer is not ours: one of twenty languages has a tenth of it."""


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
        kept_file.write(path, _key(found.articles), _packed(value))
    except OSError as error:
        log.info("word statistics are not kept: %s", error)


def _read(path: Path, key: str) -> KeptBackground | None:
    try:
        packed = kept_file.read(path, key, most_bytes=_MAX_BYTES)
        return None if packed is None else _value(json.loads(zlib.decompress(packed)))
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        log.warning("%s cannot be used (%s): words are counted anew, and it is replaced", path, error)
        return None


def _packed(value: KeptBackground) -> bytes:
    tables = {language: _plain(table) for language, table in value.tables.items()}
    plain = {"digest": value.digest, "languages": sorted(value.languages), "tables": tables}
    return zlib.compress(json.dumps(plain).encode(), 1)


def _plain(table: Table) -> dict[str, Any]:
    """Numbers are written so that they are read as the same to the last bit."""
    return {"idf": table.idf, "unseen": table.idf.unseen, "ordinary": table.ordinary, "assumed": table.assumed}


def _value(plain: dict[str, Any]) -> KeptBackground:
    tables = {
        language: Table(Idf(each["idf"], each["unseen"]), each["ordinary"], each["assumed"])
        for language, each in plain["tables"].items()
    }
    return KeptBackground(plain["digest"], frozenset(plain["languages"]), tables)


def _key(articles: Sequence[tuple[str, str, str]]) -> str:
    found = hashlib.sha256(kept_file.code_key())
    for each in articles:
        found.update(repr(each).encode())
    return found.hexdigest()
