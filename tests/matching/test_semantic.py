"""Scores by meaning: what they are made of, one threshold, what words add, evidence, and who is left to words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.matching import embedding_space, semantic
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.embedding_space import EmbeddingSpace
from monitor.matching.margins import margin, threshold_at
from monitor.matching.ordinary_news import OrdinaryNews
from monitor.matching.semantic import ArticleWords, EmbeddedArticle, SemanticModel
from monitor.matching.semantic_topic import texts_of
from monitor.matching.tuning import (
    EVIDENCE_CANDIDATES,
    SEEDS_THRESHOLD,
    SENTENCE_STRICTNESS,
    SENTENCE_THRESHOLD,
    SHARE_OFFSET,
    WORDS_MARGIN_MIN,
    WORDS_WEIGHT,
)
from monitor.text.tokens import tokens
from monitor.types.matching import (
    CONTRAST_PART,
    SEEDS_PART,
    SENTENCE_PART,
    TITLE_PART,
    WORDS_PART,
    Contribution,
    Evidence,
    Example,
    Reason,
    Score,
    Seed,
    Topic,
)
from tests.fakes.embedder import DIM, embed

ENGLISH = [
    "election budget parliament",
    "goal match football",
    "bank market price",
    "snow school court",
    "minister court bank",
]
RUSSIAN = ["выборы бюджет парламент", "гол матч футбол", "банк рынок цена", "снег школа суд", "министр суд банк"]
FERRY = ("Ferry sank in storm", "The captain called for rescue. The passengers reached the coast.")
PAROM = ("Паром затонул", "Капитан звал. Снег шел в школе. Пассажиры: берег, шторм, паром, спасли.")
RATES = ("Банк поднял цену", "Рынок ждал. Министр и парламент: бюджет.")
SENTENCE = {"title": "Ferry accidents", "description": "A ferry sank: passengers, captain, rescue on the coast."}


def space() -> EmbeddingSpace:
    return embedding_space.learned({"en": list(embed(ENGLISH * 4)), "ru": list(embed(RUSSIAN * 4))}, DIM)


def topic(name: str = "ferry", seeds: Sequence[tuple[str, str]] = (FERRY,), **changes: Any) -> Topic:
    counters = changes.pop("counters", ())
    made = [Seed(file=f"{at}.txt", title=title, text=text, language="en") for at, (title, text) in enumerate(seeds)]
    made += [Seed(file="no.txt", title=one, text=two, language="en", is_counter=True) for one, two in counters]
    return Topic(name=name, seeds=tuple(made), **({"title": name} | changes))


def asked(name: str = "ferry", seeds: Sequence[tuple[str, str]] = (FERRY,), **changes: Any) -> Topic:
    """A topic whose owner wrote a sentence."""
    return topic(name, seeds, **(SENTENCE | changes))


def vectors_of(topics: Sequence[Topic], examples: Sequence[Example] = ()) -> Mapping[int, EmbeddingVector]:
    texts = {at: text for each in topics for at, (text, _) in texts_of(each, examples).items()}
    return {at: embed([text])[0] for at, text in texts.items()}


def built(*topics: Topic, examples: Sequence[Example] = (), **changes: Any) -> SemanticModel:
    values = {
        "vectors": vectors_of(topics, examples),
        "space": space(),
        "ordinary": OrdinaryNews(np.zeros((0, DIM), np.float32)),
        "examples": examples,
        **changes,
    }
    return semantic.build("fake/1", topics, **values)


def words(name: str = "ferry", score: float = 0.0, threshold: float = 0.2, factor: float = 1.0) -> Score:
    is_match = score >= threshold
    return Score(topic=name, score=score, threshold=threshold, is_match=is_match, factor=factor, model_version="words")


BY_WORDS = Evidence(terms=(Contribution(term="паром", weight=0.2),))


def scored(
    found: SemanticModel,
    article: tuple[str, str],
    by_words: Sequence[Score] = (),
    language: str = "ru",
    *,
    unseen: Score | None = None,
    evidence: Evidence = BY_WORDS,
    is_content: Callable[[str], bool] = lambda word: True,
    **changes: Any,
) -> dict[str, Score]:
    given = ArticleWords(lambda name: unseen, lambda name: evidence, lambda score: score, is_content)
    vector = embed([excerpt(*article)])[0]
    values = {"sentences_of": lambda texts: list(embed(texts)), **changes}
    scores = found.rescore(by_words or [words()], EmbeddedArticle(*article, language, 1, vector, given, **values))
    return {each.topic: each for each in scores}


# --- with a sentence --------------------------------------------------------------------------------------------------


def test_an_article_in_any_language_is_scored_by_what_the_owner_wrote() -> None:
    found = built(asked())
    assert scored(found, PAROM)["ferry"].is_match
    assert scored(found, FERRY, language="en")["ferry"].is_match
    assert not scored(found, RATES)["ferry"].is_match


def test_a_sentence_alone_is_a_topic() -> None:
    found = built(asked(seeds=()))
    assert scored(found, PAROM)["ferry"].is_match
    assert not scored(found, RATES)["ferry"].is_match


@pytest.mark.parametrize("title", ["Budget of the parliament", "", "***"])
@pytest.mark.parametrize("seeds", [(), (FERRY,)])
def test_a_title_that_says_nothing_of_the_sentence_leaves_it_alone(
    title: str, seeds: Sequence[tuple[str, str]]
) -> None:
    score = scored(built(asked(title=title, seeds=seeds)), PAROM)["ferry"]
    parts = {each.term: each.weight for each in score.evidence.parts}
    assert score.is_match
    assert TITLE_PART not in parts
    assert sum(parts.values()) == pytest.approx(score.score)


@pytest.mark.parametrize("language", ["ru", "en", "fr"])
def test_one_threshold_holds_for_any_number_of_examples_in_any_language(language: str) -> None:
    few, many = built(asked()), built(asked(seeds=(FERRY, ("Captain", "rescue"), ("Storm", "coast"))))
    assert scored(few, PAROM, language=language)["ferry"].threshold == pytest.approx(SENTENCE_THRESHOLD)
    assert scored(many, PAROM, language=language)["ferry"].threshold == pytest.approx(SENTENCE_THRESHOLD)


def test_the_parts_add_up_to_the_score() -> None:
    score = scored(built(asked()), FERRY, [words(score=0.3)], language="en")["ferry"]
    named = [each.term for each in score.evidence.parts]
    assert named == [SENTENCE_PART, TITLE_PART, SEEDS_PART, CONTRAST_PART, WORDS_PART]
    assert sum(each.weight for each in score.evidence.parts) == pytest.approx(score.score)
    assert score.evidence.terms == BY_WORDS.terms


@pytest.mark.parametrize(("language", "neutral"), [("en", threshold_at(0.2, 1 / SENTENCE_STRICTNESS)), ("ru", 0.2)])
def test_words_count_as_in_a_topic_without_a_sentence(language: str, neutral: float) -> None:
    """Its lower threshold by words, in the sentence's language, changes no score by meaning."""
    seeds = (*asked().seeds, Seed(file="ru.txt", title=PAROM[0], text=PAROM[1], language="ru"))
    found = built(replace(asked(), seeds=seeds))
    score = scored(found, FERRY, [words(score=neutral)], language=language)["ferry"]
    assert {each.term: each.weight for each in score.evidence.parts}[WORDS_PART] == pytest.approx(0, abs=1e-9)


def test_words_raise_or_lower_a_score_within_bounds() -> None:
    found = built(asked())

    def value(by_words: float) -> float:
        return scored(found, FERRY, [words(score=by_words)], language="en")["ferry"].score

    at_threshold = value(threshold_at(0.2, 1 / SENTENCE_STRICTNESS))
    assert value(0.0) < at_threshold < value(0.3)
    assert value(0.0) == pytest.approx(at_threshold + WORDS_WEIGHT * WORDS_MARGIN_MIN)
    assert value(100.0) == pytest.approx(at_threshold + WORDS_WEIGHT)


def test_in_a_language_without_words_of_the_topic_meaning_decides() -> None:
    found = built(asked())
    assert (
        scored(found, PAROM, [words(score=0.0)])["ferry"].score
        == scored(found, PAROM, [words(score=0.9)])["ferry"].score
    )


def test_what_the_archive_is_full_of_matches_less_but_for_the_topics_own_matches() -> None:
    placed = space().place(embed([excerpt(*PAROM)])[0], "ru")

    def value(topics: frozenset[str]) -> float:
        news = OrdinaryNews(np.zeros((0, DIM), np.float32), [(at, placed, topics) for at in range(100, 105)])
        return scored(built(asked(), ordinary=news), PAROM)["ferry"].score

    assert value(frozenset()) < value(frozenset({"ferry"})) - 0.3
    assert value(frozenset({"other"})) == value(frozenset())


def test_a_counter_seed_pushes() -> None:
    pushed = asked(counters=(("Rescue of passengers", "Captain, coast, storm"),))
    assert scored(built(pushed), PAROM)["ferry"].score < scored(built(asked()), PAROM)["ferry"].score


def test_verdicts_in_any_language_change_scores() -> None:
    dismissed = Example(topic="ferry", title=PAROM[0], text=PAROM[1], language="ru", is_relevant=False)
    before, after = built(asked()), built(asked(), examples=[dismissed])
    assert scored(after, PAROM)["ferry"].score < scored(before, PAROM)["ferry"].score
    assert scored(after, PAROM)["ferry"].model_version != scored(before, PAROM)["ferry"].model_version


def test_a_whole_subject_is_found_though_the_archive_is_full_of_it() -> None:
    placed = space().place(embed([excerpt(*PAROM)])[0], "ru")
    news = OrdinaryNews(np.zeros((0, DIM), np.float32), [(at, placed, frozenset()) for at in range(100, 105)])
    narrow, broad = (built(asked(sensitivity=each), ordinary=news) for each in ("balanced", "broad"))
    assert scored(broad, PAROM)["ferry"].score > scored(narrow, PAROM)["ferry"].score + 0.3
    lowered = scored(broad, FERRY, [words(score=0.0)], language="en")["ferry"].score
    assert lowered == scored(broad, FERRY, [words(score=0.2)], language="en")["ferry"].score, "words never lower it"


# --- without a sentence -----------------------------------------------------------------------------------------------


def test_without_a_sentence_examples_find_articles_in_other_languages() -> None:
    score = scored(built(topic()), PAROM)["ferry"]
    assert score.is_match
    assert score.threshold == pytest.approx(SEEDS_THRESHOLD)
    assert not scored(built(topic()), RATES)["ferry"].is_match


def test_without_a_sentence_words_decide_in_the_language_of_the_examples_moved_by_meaning() -> None:
    found = built(topic())
    near = scored(found, FERRY, [words(score=0.19)], language="en")["ferry"]
    far = scored(found, ("Bank", "market price"), [words(score=0.21)], language="en")["ferry"]
    assert near.is_match
    assert not far.is_match
    assert near.threshold == far.threshold == 0.2
    assert sum(each.weight for each in near.evidence.parts) == pytest.approx(near.score)


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["precise", "balanced", "broad", "about 6 alerts a day", "precision at least 80 %"])
@pytest.mark.parametrize("factor", [0.6, 0.8, 1.0, 1.25, 2.0])
def test_what_a_sensitivity_comes_to_holds_in_every_language(wanted: str, factor: float) -> None:
    """The margin over the balanced threshold is the same whatever is asked."""
    plain = scored(built(asked()), PAROM)["ferry"]
    bent = scored(built(asked(sensitivity=wanted)), PAROM, [words(factor=factor)])["ferry"]
    assert bent.factor == factor
    assert bent.threshold == pytest.approx((plain.threshold + SHARE_OFFSET) * factor - SHARE_OFFSET)
    assert wanted == "broad" or margin(bent.score, bent.threshold, bent.factor) == pytest.approx(
        margin(plain.score, plain.threshold)
    )


def test_of_very_many_topics_those_that_words_did_not_find_are_added_where_they_match() -> None:
    found = built(
        asked("a", (("Goal", "football match"),), title="Football", description="Goals of a football match."),
        asked("b"),
    )
    assert list(scored(found, PAROM, [words("a")], unseen=words("b"))) == ["a", "b"]
    assert list(scored(found, RATES, [words("a")], unseen=words("b"))) == ["a"]
    assert list(scored(found, PAROM, [words("a")], unseen=None)) == ["a"], "a topic that is followed no more"


def test_settings_replace_the_threshold() -> None:
    assert scored(built(asked(), threshold=0.5), PAROM)["ferry"].threshold == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"excluded": ("капитан",)}, Reason.EXCLUDED),
        ({"required": ("ferry",)}, Reason.NOT_REQUIRED),
        ({"languages": ("en", "fr")}, Reason.OTHER_LANGUAGE),
    ],
)
def test_the_rules_of_topic_toml_hold_across_languages(rule: dict[str, Any], reason: Reason) -> None:
    score = scored(built(asked(**rule)), PAROM)["ferry"]
    assert (score.is_match, score.blocked) == (False, reason)


def test_a_probability_is_that_of_the_new_score() -> None:
    given = ArticleWords(lambda name: None, lambda name: Evidence(), lambda score: _with_probability(score))
    vector = embed([excerpt(*PAROM)])[0]
    article = EmbeddedArticle(*PAROM, "ru", 1, vector, given, lambda texts: list(embed(texts)))
    (score,) = built(asked()).rescore([words()], article)
    assert score.probability == pytest.approx(score.score / 2)


def _with_probability(score: Score) -> Score:
    return replace(score, probability=score.score / 2)


# --- who is left to words ---------------------------------------------------------------------------------------------


def test_a_topic_of_counter_seeds_only_is_left_to_words() -> None:
    seeds = (Seed(file="n", title="x", text="ferry", language="en", is_counter=True),)
    found = built(Topic(name="ferry", title="", seeds=seeds))
    assert scored(found, PAROM)["ferry"].model_version == "words"
    assert not found.is_in_use


def test_a_topic_without_vectors_and_a_disabled_one_are_left_to_words() -> None:
    assert scored(built(asked(), vectors={}), PAROM)["ferry"].model_version == "words"
    assert scored(built(asked(is_enabled=False)), PAROM)["ferry"].model_version == "words"


def test_as_long_as_the_space_is_not_known_words_decide() -> None:
    few = embedding_space.learned({"en": list(embed(ENGLISH))}, DIM)
    assert scored(built(asked(), space=few), PAROM)["ferry"].model_version == "words"
    assert built(asked(), space=few).is_in_use, "articles are embedded, so that it will be known"


def test_a_vector_of_another_embedder_is_never_compared() -> None:
    given = ArticleWords(lambda name: None, lambda name: Evidence(), lambda score: score)
    longer = EmbeddedArticle(*PAROM, "ru", 1, np.ones(DIM + 1, np.float32), given, lambda texts: list(embed(texts)))
    assert built(asked()).rescore([words()], longer) == (words(),)


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_the_sentence_shown_is_the_one_nearest_to_what_was_asked_and_another_language_is_named() -> None:
    evidence = scored(built(asked()), PAROM)["ferry"].evidence
    assert evidence.sentence == "Пассажиры: берег, шторм, паром, спасли."
    assert (evidence.seed, evidence.across) == ("0.txt", "en")


def test_in_another_language_the_words_nearest_to_what_was_asked_are_named() -> None:
    asked_of: list[list[str]] = []

    def watched(texts: Sequence[str]) -> list[EmbeddingVector | None]:
        asked_of.append(list(texts))
        return list(embed(texts))

    evidence = scored(built(asked()), PAROM, sentences_of=watched)["ferry"].evidence
    named = [each.term for each in evidence.terms]
    assert named
    assert set(named) <= set(tokens(f"{evidence.sentence} {PAROM[0]}"))
    assert "паром" in named
    assert all(each.weight > 0 for each in evidence.terms)
    assert len(asked_of) == 2, "sentences in one batch, words in another"
    assert len(asked_of[1]) <= EVIDENCE_CANDIDATES


def test_a_match_in_the_own_language_by_meaning_alone_names_its_words_too() -> None:
    found = scored(built(asked()), FERRY, [words(score=0.3)], language="en", evidence=Evidence())
    assert {each.term for each in found["ferry"].evidence.terms} & {"ferry", "storm", "captain", "passengers", "coast"}


def test_words_without_a_subject_are_never_embedded() -> None:
    evidence = scored(built(asked()), PAROM, is_content=lambda word: word == "шторм")["ferry"].evidence
    assert [each.term for each in evidence.terms] == ["шторм"]


def test_where_words_cannot_be_embedded_none_is_named() -> None:
    found = scored(built(asked()), PAROM, sentences_of=lambda texts: [None] * len(texts))["ferry"]
    assert found.is_match
    assert found.evidence.terms == ()
    assert sum(each.weight for each in found.evidence.parts) == pytest.approx(found.score)


def test_a_miss_has_evidence_only_for_those_who_explain_it() -> None:
    found = built(asked(), threshold=0.99)
    plain, explained = scored(found, PAROM)["ferry"], scored(found, PAROM, with_misses=True)["ferry"]
    assert not plain.is_match
    assert not explained.is_match
    assert plain.evidence.parts == ()
    assert sum(each.weight for each in explained.evidence.parts) == pytest.approx(explained.score)


def test_where_sentences_cannot_be_embedded_the_title_stands_in() -> None:
    found = scored(built(asked()), PAROM, sentences_of=lambda texts: [None] * len(texts))
    assert found["ferry"].evidence.sentence == PAROM[0]


def test_an_empty_article_says_nothing() -> None:
    assert excerpt("", "") == ""
    assert isinstance(key(""), int)
