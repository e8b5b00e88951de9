"""The models of many topics, kept beside an SQLite store: to learn ten thousand from their seeds takes seven seconds of each start,
though few of them change between two. They are the same to the last bit. On PostgreSQL they are learned at each start.

Kept are models without what a topic taught itself: each under the digest of its topic, verdicts and word statistics
(`digests.of_model`). A model whose threshold was set from the archive, or that trained itself, is learned anew.
"""

from __future__ import annotations

import io
import json
import logging
import zipfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np

from monitor.learning import kept_file
from monitor.matching.model import ExampleVector, LanguageSide, TopicModel
from monitor.matching.sensitivity import default_factor
from monitor.matching.term_vectors import PackedTermVector
from monitor.types.matching import Topic

log = logging.getLogger("monitor.models")

SUFFIX = ".topics"
KEPT_FROM = 200
"""Topics; fewer are learned in .15 s."""
_MAX_BYTES = 1024 * 1024 * 1024
"""A file that is longer is not ours: ten thousand topics of one seed have 40 MB."""
_ANY_TOPIC = Topic(name="", title="", seeds=())

Models = Mapping[str, TopicModel]
"""By the digest of what each was learned from (`TopicModel.base`); their `topic` is not theirs."""


def read(path: Path | None, *, topics: int) -> Models:
    """The models that were kept here, where so many topics are worth it; none where the file is missing, of other code or
    damaged."""
    if topics < KEPT_FROM:
        return {}
    try:
        content = kept_file.read(path, _key(), most_bytes=_MAX_BYTES) if path else None
        return {} if content is None else {each.base: each for each in _unpacked(content)}
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be used (%s): topics are learned anew, and it is replaced", path, error)
        return {}


def keep(models: Sequence[TopicModel], known: Models, path: Path | None) -> None:
    """Keep these models where they are many and others than were read from there. Where nothing can be written they are learned at
    each start."""
    own = [each for each in models if _is_kept(each)]
    if path is None or len(own) < KEPT_FROM or {each.base for each in own} == known.keys():
        return
    try:
        kept_file.write(path, _key(), _packed(own))
    except OSError as error:
        log.info("topic models are not kept: %s", error)


def _is_kept(model: TopicModel) -> bool:
    return not model.self_trained and model.factor == default_factor(model.topic.sensitivity)


def _key() -> str:
    return kept_file.code_key().hex()


# --- the file ---------------------------------------------------------------------------------------------------------


def _packed(models: Iterable[TopicModel]) -> bytes:
    vectors: list[PackedTermVector] = []
    plain = [_plain(each, vectors) for each in models]
    numbers: dict[str, int] = {}
    entries = (numbers.setdefault(term, len(numbers)) for each in vectors for term in each.terms)
    terms = np.fromiter(entries, np.int32)
    ends = np.cumsum([0, *(len(each.terms) for each in vectors)])
    about = np.frombuffer(json.dumps({"terms": list(numbers), "models": plain}).encode(), np.uint8)
    weights = np.concatenate([np.empty(0), *(each.weights for each in vectors)])
    file = io.BytesIO()
    np.savez(file, about=about, terms=terms, ends=ends, weights=weights)
    return file.getvalue()


def _unpacked(content: bytes) -> Iterator[TopicModel]:
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        about = json.loads(found["about"].tobytes())
        vectors = _vectors(about["terms"], found["terms"], found["weights"], found["ends"])
    for each in about["models"]:
        yield _model(each, vectors)


def _vectors(names: Sequence[str], terms: Any, weights: Any, ends: Any) -> Iterator[PackedTermVector]:
    """The vectors in the order in which they were written."""
    own = list(map(intern, names))
    for begin, end in pairwise(ends.tolist()):
        of_terms = tuple(map(own.__getitem__, terms[begin:end].tolist()))
        yield PackedTermVector.of(of_terms, array("d", weights[begin:end].tobytes()))


def _plain(model: TopicModel, vectors: list[PackedTermVector]) -> dict[str, Any]:
    """All of a model but its vectors, which are added to the list: of its examples, then of its sides."""
    sides = {id(side): side for side in model.sides.values()}
    vectors.extend(each.packed for each in model.samples)
    vectors.extend(side.packed for side in sides.values())
    places = {id(each.packed): at for at, each in enumerate(model.samples)}
    return {
        "base": model.base,
        "examples": [[each.file, each.language, each.key, each.weight, each.is_counter] for each in model.samples],
        "sides": [
            {
                "languages": [language for language, own in model.sides.items() if own is side],
                "seeds": [places[id(packed)] for _, packed in side.seeds],
                "examples": side.examples,
                "coherence": side.coherence,
                "has_sentence": side.has_sentence,
            }
            for side in sides.values()
        ],
    }


def _model(plain: Mapping[str, Any], vectors: Iterator[PackedTermVector]) -> TopicModel:
    samples = tuple(
        ExampleVector(file, language, key, next(vectors), weight, is_counter)
        for file, language, key, weight, is_counter in plain["examples"]
    )
    sides: dict[str, LanguageSide] = {}
    for each in plain["sides"]:
        seeds = tuple((samples[at].file, samples[at].packed) for at in each["seeds"])
        side = LanguageSide(next(vectors), seeds, each["examples"], each["coherence"], each["has_sentence"])
        sides.update(dict.fromkeys(each["languages"], side))
    return TopicModel(_ANY_TOPIC, samples, (), sides, plain["base"], plain["base"])
