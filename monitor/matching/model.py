"""The model of one topic: one vector for each language, learned from seeds, verdicts and self-training. Pure.

Rocchio: the mean of wanted examples minus a share of the mean of unwanted ones. The latest articles that the topic trained
itself on (monitor.matching.self_training) weigh at most as much as its seeds together. So the topic follows a running story but
cannot drift off: half of every topic is what its owner wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest

from monitor.matching.background import Background
from monitor.matching.term_vectors import PackedTermVector, TermVector, article_terms, article_vector, dot, mean, unit
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
from monitor.text.language import UNKNOWN, detect, normalize
from monitor.text.terms import stem
from monitor.text.tokens import tokens
from monitor.types import digests
from monitor.types.matching import Contribution, Example, Seed, Topic

MODEL_REVISION = "11"
"""Part of every version: raise it when the same seeds would be scored differently."""
ANY_LANGUAGE = ""
"""Key of the vector for languages without seeds: names and loan words still match."""


@dataclass(frozen=True, slots=True)
class ExampleVector:
    """The vector of an example article."""

    file: str
    language: str
    key: str
    """Digest of its words: equal texts count once."""
    packed: PackedTermVector
    weight: float = 1.0
    is_counter: bool = False

    @property
    def vector(self) -> TermVector:
        """Its unit vector, unpacked on every access."""
        return self.packed.unpack()


@dataclass(frozen=True, slots=True)
class LanguageSide:
    """A topic's vector in one language."""

    packed: PackedTermVector
    seeds: tuple[tuple[str, PackedTermVector], ...]
    """File and vector of seeds and confirmed articles, to name the nearest one."""
    examples: float
    """Weighted number of articles the vector was learned from, self-training included."""
    coherence: float
    """Mean cosine of those articles with the vector: 1 for a single seed, lower for dissimilar examples."""
    has_sentence: bool
    """Whether the owner's sentence is one of the examples."""

    @property
    def vector(self) -> TermVector:
        """The unit vector that articles are compared with, unpacked on every access."""
        return self.packed.unpack()


@dataclass(frozen=True, slots=True)
class TopicModel:
    """One topic, ready to score."""

    topic: Topic
    samples: tuple[ExampleVector, ...]
    self_trained: tuple[ExampleVector, ...]
    sides: Mapping[str, LanguageSide]
    version: str
    base: str
    """The version without self-training."""
    factor: float = 1.0
    """Multiplier of the threshold, from the topic's sensitivity."""
    remaining_quota: int = 0
    """Partial self-training examples it may still take until the archive's next mark."""

    def side(self, language: str) -> LanguageSide:
        """The side for a language code; the one of ANY_LANGUAGE if the topic has no seed in it."""
        return self.sides.get(language) or self.sides[ANY_LANGUAGE]

    def with_factor(self, factor: float) -> TopicModel:
        """The model with another factor, which is another version."""
        base = digests.of_plain((self.base, f"{factor:.4f}"))
        return replace(self, factor=factor, base=base, version=_version(base, self.self_trained))

    def anchor(self, language: str) -> LanguageSide:
        """The side learned from seeds and verdicts alone. Computed anew on every call."""
        has_seed = any(each.language == language and not each.is_counter for each in self.samples)
        return _build_side(self.samples, (), language if has_seed else ANY_LANGUAGE)

    def with_training(self, new: ExampleVector) -> TopicModel | None:
        """The model after training on one more article; None if the article is known, a copy, in a language without seeds, or
        beyond the quota."""
        keys = {each.key for each in (*self.samples, *self.self_trained)}
        if new.key in keys or not any(each.language == new.language and not each.is_counter for each in self.samples):
            return None
        is_part = new.weight < 1.0
        known = [*(each for each in self.samples if each.is_counter), *self.self_trained]
        if (is_part and not self.remaining_quota) or _is_same_text(
            _ComparableExample(new), map(_ComparableExample, known)
        ):
            return None
        self_trained = (*self.self_trained, new)[-SELF_TRAINING_KEPT:]
        changed = _build_side(self.samples, self_trained, new.language)
        sides = {**self.sides, new.language: changed}
        if len(self.sides) == 2:
            sides[ANY_LANGUAGE] = changed
        return replace(
            self,
            self_trained=self_trained,
            sides=sides,
            version=_version(self.base, self_trained),
            remaining_quota=self.remaining_quota - 1 if is_part else self.remaining_quota,
        )

    def without_training(self, keys: Collection[str]) -> TopicModel:
        """The model as if it had never trained itself on these texts (`ExampleVector.key`); itself if it has not."""
        removed = [each for each in self.self_trained if each.key in keys]
        if not removed:
            return self
        self_trained = tuple(each for each in self.self_trained if each.key not in keys)
        sides = dict(self.sides)
        for language in {each.language for each in removed}:
            sides[language] = _build_side(self.samples, self_trained, language)
            if len(sides) == 2:
                sides[ANY_LANGUAGE] = sides[language]
        remaining = self.remaining_quota + sum(1 for each in removed if each.weight < 1.0)
        return replace(
            self,
            self_trained=self_trained,
            sides=sides,
            version=_version(self.base, self_trained),
            remaining_quota=remaining,
        )


def themes(model: TopicModel, language: str) -> frozenset[str]:
    """The heaviest stems of the topic's seeds, without what it learned by self-training."""
    wanted = [each for each in model.samples if not each.is_counter and each.file != SENTENCE_FILE]
    in_language = [each for each in wanted if each.language == language] or wanted
    common = mean((each.vector, each.weight) for each in in_language)
    return frozenset(nlargest(THEME_TERMS, common, key=common.__getitem__))


SENTENCE_FILE = "(sentence)"
"""File name of the owner's sentence among a topic's examples."""


def sentence_example(topic: Topic, verdicts: Iterable[Seed] = ()) -> Seed | None:
    """The owner's title and sentence as an example, as heavy as all seeds and confirmed articles together; None without a
    sentence."""
    if not topic.description.strip():
        return None
    weight = sum(each.weight for each in (*topic.seeds, *verdicts) if not each.is_counter)
    language = detect(f"{topic.title}. {topic.description}")
    return Seed(
        file=SENTENCE_FILE, title=topic.title, text=topic.description, language=language, weight=max(weight, 1.0)
    )


def language_of_sentence(topic: Topic) -> str:
    """The code of the language that the owner's sentence is in; '' without one."""
    written = sentence_example(topic)
    return code(written.language) if written else ""


def word_languages(topic: Topic) -> frozenset[str]:
    """The languages in which a topic has words of its own: of its seeds and of its owner's sentence."""
    written = sentence_example(topic)
    return frozenset(
        code(each.language) for each in (*topic.seeds, *((written,) if written else ())) if not each.is_counter
    )


def learn(
    topic: Topic,
    examples: Sequence[Example],
    trained: Sequence[Example],
    background: Background,
    known: Mapping[str, TopicModel] | None = None,
) -> TopicModel:
    """Learn a topic's model. Verdicts act as seeds: a confirmed article is a seed, a dismissed one a counter-seed. `known`: models
    by what they were learned from (`TopicModel.base`), without self-training."""
    verdicts = [
        Seed(
            file="(verdict)", title=each.title, text=each.text, language=each.language, is_counter=not each.is_relevant
        )
        for each in examples
    ]
    base = digests.of_model(MODEL_REVISION, topic, verdicts, background.digest)
    if known and not trained and base in known:
        return replace(known[base], topic=topic)
    written = sentence_example(topic, verdicts)
    own = (*topic.seeds, *((written,) if written else ()))
    samples = _deduplicate(example_vector(each, background) for each in (*own, *verdicts))
    model = TopicModel(topic, samples, (), {}, base, base)
    accepted = _eligible(model, [example_vector(each, background) for each in trained])
    languages = {each.language for each in samples}
    sides = {language: _build_side(samples, accepted, language) for language in languages}
    # with a single seed language, the usual case, one vector serves both
    sides[ANY_LANGUAGE] = next(iter(sides.values())) if len(sides) == 1 else _build_side(samples, (), ANY_LANGUAGE)
    return replace(model, self_trained=accepted, sides=sides, version=_version(base, accepted))


def _deduplicate(samples: Iterable[ExampleVector]) -> tuple[ExampleVector, ...]:
    """The first of each text, so that a confirmed article added as a seed, or a seed added twice, counts once."""
    found: dict[tuple[str, bool], ExampleVector] = {}
    for each in samples:
        found.setdefault((each.key, each.is_counter), each)
    return tuple(found.values())


def _eligible(model: TopicModel, self_trained: Iterable[ExampleVector]) -> tuple[ExampleVector, ...]:
    """The examples that training one by one would have accepted: new texts, in languages with seeds."""
    languages = {each.language for each in model.samples if not each.is_counter}
    reviewed = {each.key for each in model.samples}
    unwanted = [_ComparableExample(each) for each in model.samples if each.is_counter]
    found: dict[str, _ComparableExample] = {}
    for example in self_trained:
        if example.language not in languages or example.key in reviewed or example.key in found:
            continue
        candidate = _ComparableExample(example)
        if not _is_same_text(candidate, [*unwanted, *list(found.values())[-SELF_TRAINING_KEPT:]]):
            found[example.key] = candidate
    return tuple(each.sample for each in found.values())[-SELF_TRAINING_KEPT:]


class _ComparableExample:
    """An example with its vector unpacked and its heaviest terms, to be compared with many others."""

    def __init__(self, sample: ExampleVector) -> None:
        self.sample, self.vector = sample, sample.vector
        self.heaviest = frozenset(nlargest(SAME_TEXT_TERMS, self.vector, key=self.vector.__getitem__))


def _is_same_text(example: _ComparableExample, known: Iterable[_ComparableExample]) -> bool:
    """Whether the article is another print of a known one, accepted or dismissed. Ten outlets with one agency text are one
    example: otherwise the topic would become more certain and stricter."""
    return any(
        each.sample.language == example.sample.language
        and not example.heaviest.isdisjoint(each.heaviest)
        and dot(example.vector, each.vector) >= SAME_TEXT_COSINE
        for each in known
    )


def example_vector(article: Seed | Example, background: Background) -> ExampleVector:
    """The vector of an article, as a topic's example."""
    language = code(article.language)
    packed = PackedTermVector(vector(article.title, article.text, language, background))
    # by words only: a seed file may have the title in its text, or other line breaks than the store
    key = digests.of_plain(" ".join(f"{article.title} {article.text[:KEY_CHARACTERS]}".split()))
    if isinstance(article, Example):
        return ExampleVector("(match)", language, key, packed, article.weight)
    return ExampleVector(article.file, language, key, packed, article.weight, article.is_counter)


def _build_side(samples: Sequence[ExampleVector], self_trained: Sequence[ExampleVector], language: str) -> LanguageSide:
    own = [each for each in samples if language in (ANY_LANGUAGE, each.language)]
    seeds = [each for each in own if not each.is_counter]
    trained = [each for each in self_trained if each.language == language]
    seed_weight = sum(each.weight for each in seeds) or 1.0
    trained_weight = sum(each.weight for each in trained)
    part = min(1.0, SELF_TRAINING_SHARE * seed_weight / max(trained_weight, 1e-9))
    wanted = [(each.vector, each.weight) for each in seeds] + [(each.vector, part * each.weight) for each in trained]
    unwanted = [(each.vector, each.weight) for each in own if each.is_counter]
    learned = _rocchio(wanted, unwanted) if seeds else {}
    coherence = sum(dot(each, learned) * weight for each, weight in wanted) / max(sum(w for _, w in wanted), 1e-9)
    return LanguageSide(
        PackedTermVector(learned),
        tuple((each.file, each.packed) for each in seeds if each.file != SENTENCE_FILE),
        len(seeds) + trained_weight,
        coherence,
        has_sentence=any(each.file == SENTENCE_FILE for each in seeds),
    )


def _rocchio(wanted: Iterable[tuple[TermVector, float]], unwanted: Iterable[tuple[TermVector, float]]) -> TermVector:
    weights, away = unit(mean(wanted)), unit(mean(unwanted))
    if away:
        weights = {
            term: weights.get(term, 0) - COUNTER_PUSH * away.get(term, 0) for term in weights.keys() | away.keys()
        }
    by_name = sorted(weights.items())
    return unit(dict(sorted(by_name, key=lambda each: abs(each[1]), reverse=True)[:TOPIC_TERMS]))


def vector(title: str, text: str, language: str, background: Background) -> TermVector:
    """An article's unit vector; `language` as returned by `code`."""
    return article_vector(*article_terms(title, text, language), background.table(language).idf)


def heaviest(model: TopicModel, language: str, limit: int) -> tuple[Contribution, ...]:
    """The heaviest terms of a side, in the spelling of the seeds."""
    own = sentence_example(model.topic)
    text = " ".join(
        f"{seed.title} {seed.text}"
        for seed in (*model.topic.seeds, *((own,) if own else ()))
        if code(seed.language) == language
    )
    written = {stem(word, language): word for word in reversed(tokens(text))}
    ordered = sorted(model.sides[language].vector.items(), key=lambda each: (-each[1], each[0]))
    return tuple(Contribution(term=written.get(term, term), weight=weight) for term, weight in ordered[:limit])


def code(language: str) -> str:
    """Normalized language code, UNKNOWN if there is none. Dari counts as Persian, as they are written alike."""
    return normalize(language) or UNKNOWN


def _version(base: str, self_trained: Sequence[ExampleVector]) -> str:
    return digests.of_plain((base, *((each.key, each.weight) for each in self_trained))) if self_trained else base
