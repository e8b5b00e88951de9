"""Embeddings kept in a file, so that a second run over the same texts embeds nothing (`backtest --vectors FILE`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from monitor.learning.embedder_backends import EmbedderBackend
from monitor.matching.embedders import EmbedderError, key
from monitor.store import vectors
from monitor.store.db import Database


class KeptVectors:
    """An embedder that asks another one only for texts that the file does not have."""

    def __init__(self, file: Database, embedder: str, backend: EmbedderBackend | None) -> None:
        """`file` as made by `store.vectors.open_file`; `embedder`: the id of `backend`, which may be None: then texts that are not
        in the file fail."""
        self._file = file
        self._embedder = embedder
        self._backend = backend

    async def ask(self, texts: Sequence[str]) -> Any:
        """One row for each text. Raises whatever the other embedder raises, EmbedderError without one."""
        keys = {key(each): each for each in texts}
        found = await self._file.read(vectors.known, self._embedder, list(keys), None)
        missing = [each for each in keys if each not in found]
        if missing and self._backend is None:
            raise EmbedderError(f"{len(missing)} texts have no embedding in {self._file.path}")
        if missing and self._backend is not None:
            rows = np.asarray(await self._backend.ask([keys[each] for each in missing]), np.float32)
            await self._file.write(_keep, self._embedder, dict(zip(missing, rows, strict=True)))
            found |= dict(zip(missing, rows, strict=True))
        return np.array([found[key(each)] for each in texts], np.float32)

    async def aclose(self) -> None:
        """Close the other embedder; the file stays open."""
        if self._backend is not None:
            await self._backend.aclose()


def _keep(session: Any, embedder: str, rows: dict[int, Any]) -> None:
    for text_key, vector in rows.items():
        vectors.upsert(session, embedder, text_key, vector, language="", article_id=None)
