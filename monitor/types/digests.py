"""Digests that identify versions of topics, topic models and calibrations, and the ids of alerts. Pure.

A digest is kept in the store and compared with those of later releases, so the text that is hashed must not change. It is the
text that Python's `repr` gave of the classes of November 2026 (`Seed(file='a.txt', title=...`), written out here value by value.
Classes and attributes may be renamed or gain fields; these texts may not change: a changed text makes a new version of every
topic in every store. Values that are plain tuples of texts and numbers are hashed by their `repr` directly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from xxhash import xxh3_64_intdigest

from monitor.types.fetching import Entry
from monitor.types.matching import Seed, Topic

LENGTH = 12
"""Hexadecimal digits of a digest."""


def of_text(text: str) -> str:
    """The digest of a text, which may hold lone surrogates, as damaged files do."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:LENGTH]


def key_of(words: str | bytes) -> int:
    """A signed 64-bit hash (fits BIGINT). Hashes may collide: where that matters, the text is stored beside it and compared too."""
    value = xxh3_64_intdigest(words.encode("utf-8", "replace") if isinstance(words, str) else words)
    return value - (1 << 64) if value >> 63 else value


def content_key(entry: Entry) -> int:
    """A hash of what the feed says in the entry: a new one means that the entry was changed."""
    return key_of("\n".join((entry.title, entry.url, entry.summary_html, entry.content_html)))


def of_plain(value: object) -> str:
    """The digest of a text, or of a tuple or list of texts, numbers and such tuples. Not for instances of our classes."""
    return of_text(repr(value))


def of_topic(topic: Topic) -> str:
    """The digest of a topic's content; its own `digest` field is left out."""
    return of_text(_topic(topic, digest=""))


def of_model(model: str, topic: Topic, verdicts: Sequence[Seed], background: str) -> str:
    """The digest of a topic's model: the learning method's id, the topic, its verdicts as seeds and the background's digest."""
    example_texts = ", ".join(map(_seed, verdicts))
    return of_text(f"({model!r}, {_topic(topic, digest=topic.digest)}, [{example_texts}], {background!r})")


def of_embedded_topic(embedder: str, topic: Topic, samples: Sequence[tuple[str, bool]], written: int) -> str:
    """The digest of a topic's embedding model: the embedder's id, the topic, (file, is counter-example) of the examples that
    have an embedding, and how many texts of its owner have one."""
    topic_text = _topic(topic, digest=topic.digest)
    return of_text(f"({embedder!r}, {topic_text}, {list(samples)!r}, {written!r})")


def of_calibration(
    *,
    offset: float,
    slope: float,
    slope_below: float,
    spread: float,
    offsets: Mapping[str, tuple[float, float]],
    calibrated: Sequence[str],
) -> str:
    """The digest of a calibration: the values of its curve (`offsets` are the topics' own, each with its standard deviation) and
    the topics that may use it."""
    curve = f"Curve(offset={offset!r}, slope={slope!r}, slope_below={slope_below!r}, spread={spread!r}, of_topic={offsets!r})"
    return of_text(f"({curve}, {list(calibrated)!r})")


def of_setup(feeds: Iterable[str], channels: Iterable[str], topics: Iterable[str]) -> str:
    """The digest of what a node works with, each feed, channel and topic as one text; in any order."""
    return of_plain((sorted(feeds), sorted(channels), sorted(topics)))


def of_alert(opener: str, kind: str, change: str = "") -> str:
    """The id of an alert, made of what it tells, so that a restored backup and a second node tell it under the same one.

    `opener` identifies the story's first article, `change` what is told of it beyond the first alert of this kind.
    """
    told = "\n".join((kind, change, opener)).encode(errors="surrogatepass")
    return f"alt_{hashlib.blake2b(told, digest_size=13, person=b'alert').hexdigest()}"


def _topic(topic: Topic, *, digest: str) -> str:
    return (
        f"Topic(name={topic.name!r}, title={topic.title!r}, seeds={_seeds(topic.seeds)}, description={topic.description!r}, "
        f"required={topic.required!r}, excluded={topic.excluded!r}, sensitivity={topic.sensitivity!r}, "
        f"languages={topic.languages!r}, channels={topic.channels!r}, is_enabled={topic.is_enabled!r}, digest={digest!r})"
    )


def _seeds(seeds: Sequence[Seed]) -> str:
    """As Python writes a tuple: with a comma after a single item."""
    return f"({', '.join(map(_seed, seeds))}{',' if len(seeds) == 1 else ''})"


def _seed(seed: Seed) -> str:
    return (
        f"Seed(file={seed.file!r}, title={seed.title!r}, text={seed.text!r}, language={seed.language!r}, "
        f"is_counter={seed.is_counter!r}, weight={seed.weight!r})"
    )
