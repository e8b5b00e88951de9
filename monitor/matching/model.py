"""One topic's examples in, its vectors out: seeds, verdicts and its own confident matches. Pure; scores nothing.

Rocchio: the mean of the wanted, pushed away from the mean of the unwanted, for each language. The latest articles that the topic
followed by itself (hits: monitor.matching.self_training) join as well, all of them together at most as heavy as its seeds, so that a story is
followed as it moves on and is never carried off: half of every topic is what its owner wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest

from monitor.matching.background import Background
from monitor.matching.term_vectors import Packed, Vector, article_vector, dot, mean, read, unit
from monitor.matching.tuning import (
    COUNTER_PUSH,
    KEY_CHARACTERS,
    SAME_TEXT_COSINE,
    SAME_TEXT_TERMS,
    SELF_TRAINING_KEPT,
    SELF_TRAINING_SHARE,
    THEME_TERMS,
    TOPIC_TERMS,
)
from monitor.text.language import UNKNOWN, normalize
from monitor.text.terms import stem
from monitor.text.tokens import tokens
from monitor.types import digests
from monitor.types.matching import Contribution, Example, Seed, Topic

MODEL = "7"
"""Part of every version: raise it when the same seeds would be scored differently."""
ANY = ""
"""The vector for languages in which a topic has no seed: names and loan words still meet."""


@dataclass(frozen=True, slots=True)
class ExampleVector:
    """An example article, read."""

    file: str
    language: str
    key: str
    """Of its words: the same text twice teaches once."""
    packed: Packed
    weight: float = 1.0
    is_counter: bool = False

    @property
    def vector(self) -> Vector:
        """Its unit vector, unpacked anew each time."""
        return self.packed.open()


@dataclass(frozen=True, slots=True)
class LanguageSide:
    """A topic in one language."""

    packed: Packed
    seeds: tuple[tuple[str, Packed], ...]
    """File and vector of seeds and confirmed articles, to name the nearest one."""
    examples: float
    """How many articles the vector was learned from, hits included, each as far as it taught."""
    coherence: float
    """Mean cosine of those articles with the vector: 1 for one seed, less the further the examples lie apart."""

    @property
    def vector(self) -> Vector:
        """What articles are compared with, unpacked anew each time."""
        return self.packed.open()


@dataclass(frozen=True, slots=True)
class TopicModel:
    """One topic, ready to score."""

    topic: Topic
    samples: tuple[ExampleVector, ...]
    hits: tuple[ExampleVector, ...]
    sides: Mapping[str, LanguageSide]
    version: str
    base: str
    """The version without its hits."""
    factor: float = 1.0
    """What the topic's sensitivity multiplies the threshold by."""
    spare: int = 0
    """How many partial lessons it may take until the archive's next mark."""

    def side(self, language: str) -> LanguageSide:
        """How the topic looks in a language of `code`."""
        return self.sides.get(language) or self.sides[ANY]

    def with_factor(self, factor: float) -> TopicModel:
        """The model with another factor, which is another version."""
        base = digests.of_plain((self.base, f"{factor:.4f}"))
        return replace(self, factor=factor, base=base, version=_version(base, self.hits))

    def anchor(self, language: str) -> LanguageSide:
        """How the topic would look by its seeds and verdicts alone. Worked out anew each time."""
        spoken = any(each.language == language and not each.is_counter for each in self.samples)
        return _side(self.samples, (), language if spoken else ANY)

    def with_hit(self, hit: ExampleVector) -> TopicModel | None:
        """The model that has learned from one more article; None where it has nothing to learn from this one."""
        known = {each.key for each in (*self.samples, *self.hits)}
        if hit.key in known or not any(each.language == hit.language and not each.is_counter for each in self.samples):
            return None
        is_part = hit.weight < 1.0
        told = [*(each for each in self.samples if each.is_counter), *self.hits]
        if (is_part and not self.spare) or _is_reprint(_ComparableExample(hit), map(_ComparableExample, told)):
            return None
        hits = (*self.hits, hit)[-SELF_TRAINING_KEPT:]
        changed = _side(self.samples, hits, hit.language)
        sides = {**self.sides, hit.language: changed}
        if len(self.sides) == 2:
            sides[ANY] = changed
        return replace(
            self,
            hits=hits,
            sides=sides,
            version=_version(self.base, hits),
            spare=self.spare - 1 if is_part else self.spare,
        )

    def without_hits(self, keys: Collection[str]) -> TopicModel:
        """The model as if it had never learned from these texts (Sample.key); itself where it has not."""
        gone = [each for each in self.hits if each.key in keys]
        if not gone:
            return self
        hits = tuple(each for each in self.hits if each.key not in keys)
        sides = dict(self.sides)
        for language in {each.language for each in gone}:
            sides[language] = _side(self.samples, hits, language)
            if len(sides) == 2:
                sides[ANY] = sides[language]
        spare = self.spare + sum(1 for each in gone if each.weight < 1.0)
        return replace(self, hits=hits, sides=sides, version=_version(self.base, hits), spare=spare)


def themes(model: TopicModel, language: str) -> frozenset[str]:
    """The stems that weigh most in a topic's seeds, whatever it has learned from a running story since."""
    wanted = [each for each in model.samples if not each.is_counter]
    spoken = [each for each in wanted if each.language == language] or wanted
    common = mean((each.vector, each.weight) for each in spoken)
    return frozenset(nlargest(THEME_TERMS, common, key=common.__getitem__))


def learn(topic: Topic, examples: Sequence[Example], hits: Sequence[Example], background: Background) -> TopicModel:
    """Verdicts are seeds by another road: a confirmed article joins them, a dismissed one is a counter-seed."""
    verdicts = [
        Seed(
            file="(verdict)", title=each.title, text=each.text, language=each.language, is_counter=not each.is_relevant
        )
        for each in examples
    ]
    samples = _once(sample(each, background) for each in (*topic.seeds, *verdicts))
    base = digests.of_model(MODEL, topic, verdicts, background.digest)
    model = TopicModel(topic, samples, (), {}, base, base)
    taught = _taught(model, [sample(each, background) for each in hits])
    languages = {each.language for each in samples}
    sides = {language: _side(samples, taught, language) for language in languages}
    # one language, as nearly always: one vector serves both
    sides[ANY] = next(iter(sides.values())) if len(sides) == 1 else _side(samples, (), ANY)
    return replace(model, hits=taught, sides=sides, version=_version(base, taught))


def _once(samples: Iterable[ExampleVector]) -> tuple[ExampleVector, ...]:
    """A confirmed article that was made a seed as well, or a seed put in twice, teaches once."""
    found: dict[tuple[str, bool], ExampleVector] = {}
    for each in samples:
        found.setdefault((each.key, each.is_counter), each)
    return tuple(found.values())


def _taught(model: TopicModel, hits: Iterable[ExampleVector]) -> tuple[ExampleVector, ...]:
    """As if they had come one by one: only texts that are new, only languages in which the topic has seeds."""
    spoken = {each.language for each in model.samples if not each.is_counter}
    reviewed = {each.key for each in model.samples}
    unwanted = [_ComparableExample(each) for each in model.samples if each.is_counter]
    found: dict[str, _ComparableExample] = {}
    for hit in hits:
        if hit.language not in spoken or hit.key in reviewed or hit.key in found:
            continue
        telling = _ComparableExample(hit)
        if not _is_reprint(telling, [*unwanted, *list(found.values())[-SELF_TRAINING_KEPT:]]):
            found[hit.key] = telling
    return tuple(each.sample for each in found.values())[-SELF_TRAINING_KEPT:]


class _ComparableExample:
    """A hit, unpacked to be compared with many."""

    def __init__(self, sample: ExampleVector) -> None:
        self.sample, self.vector = sample, sample.vector
        self.heaviest = frozenset(nlargest(SAME_TEXT_TERMS, self.vector, key=self.vector.__getitem__))


def _is_reprint(hit: _ComparableExample, known: Iterable[_ComparableExample]) -> bool:
    """Whether another print of the same article taught already, or was turned down: ten outlets with one wire copy are one example,
    not ten, and make the topic neither surer of itself nor stricter."""
    return any(
        each.sample.language == hit.sample.language
        and not hit.heaviest.isdisjoint(each.heaviest)
        and dot(hit.vector, each.vector) >= SAME_TEXT_COSINE
        for each in known
    )


def sample(article: Seed | Example, background: Background) -> ExampleVector:
    """An article as a topic learns from it."""
    language = code(article.language)
    packed = Packed(vector(article.title, article.text, language, background))
    # by its words only: a seed file may keep the title in the text, or the lines in another way than the store does
    key = digests.of_plain(" ".join(f"{article.title} {article.text[:KEY_CHARACTERS]}".split()))
    if isinstance(article, Example):
        return ExampleVector("(match)", language, key, packed, article.weight)
    return ExampleVector(article.file, language, key, packed, article.weight, article.is_counter)


def _side(samples: Sequence[ExampleVector], hits: Sequence[ExampleVector], language: str) -> LanguageSide:
    own = [each for each in samples if language in (ANY, each.language)]
    seeds = [each for each in own if not each.is_counter]
    spoken = [each for each in hits if each.language == language]
    all_of_seeds = sum(each.weight for each in seeds) or 1.0
    all_of_hits = sum(each.weight for each in spoken)
    part = min(1.0, SELF_TRAINING_SHARE * all_of_seeds / max(all_of_hits, 1e-9))
    wanted = [(each.vector, each.weight) for each in seeds] + [(each.vector, part * each.weight) for each in spoken]
    unwanted = [(each.vector, each.weight) for each in own if each.is_counter]
    learned = _rocchio(wanted, unwanted) if seeds else {}
    coherence = sum(dot(each, learned) * weight for each, weight in wanted) / max(sum(w for _, w in wanted), 1e-9)
    return LanguageSide(
        Packed(learned), tuple((each.file, each.packed) for each in seeds), len(seeds) + all_of_hits, coherence
    )


def _rocchio(wanted: Iterable[tuple[Vector, float]], unwanted: Iterable[tuple[Vector, float]]) -> Vector:
    towards, away = unit(mean(wanted)), unit(mean(unwanted))
    pushed = {term: towards.get(term, 0) - COUNTER_PUSH * away.get(term, 0) for term in towards.keys() | away.keys()}
    kept = sorted(pushed.items(), key=lambda each: (-abs(each[1]), each[0]))[:TOPIC_TERMS]
    return unit(dict(kept))


def vector(title: str, text: str, language: str, background: Background) -> Vector:
    """An article's unit vector; `language` is one of `code`."""
    return article_vector(*read(title, text, language), background.table(language).idf)


def heaviest(model: TopicModel, language: str, limit: int) -> tuple[Contribution, ...]:
    """The heaviest terms of a side, as the seeds write them."""
    text = " ".join(f"{seed.title} {seed.text}" for seed in model.topic.seeds if code(seed.language) == language)
    written = {stem(word, language): word for word in reversed(tokens(text))}
    ordered = sorted(model.sides[language].vector.items(), key=lambda each: (-each[1], each[0]))
    return tuple(Contribution(term=written.get(term, term), weight=weight) for term, weight in ordered[:limit])


def code(language: str) -> str:
    """One code a language: Dari is scored as Persian, the same language in writing."""
    return normalize(language) or UNKNOWN


def _version(base: str, hits: Sequence[ExampleVector]) -> str:
    return digests.of_plain((base, *((each.key, each.weight) for each in hits))) if hits else base
