"""Semantic scores across languages: centres, thresholds, which score wins, and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.matching import semantic
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.margins import margin
from monitor.matching.semantic import SEMANTIC_TERM, LanguageCentres, SemanticModel
from monitor.matching.tuning import COLD_THRESHOLD_RISE, EMBEDDING_SELF_TRAINING_KEPT, EMBEDDING_THRESHOLD, SHARE_OFFSET
from monitor.types.matching import Example, Reason, Score, Seed, Topic
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


def centres() -> LanguageCentres:
    return LanguageCentres({"en": list(embed(ENGLISH * 4)), "ru": list(embed(RUSSIAN * 4))})


def topic(name: str = "ferry", seeds: Sequence[tuple[str, str]] = (FERRY,), **changes: Any) -> Topic:
    counters = changes.pop("counters", ())
    made = [Seed(file=f"{at}.txt", title=title, text=text, language="en") for at, (title, text) in enumerate(seeds)]
    made += [Seed(file="no.txt", title=one, text=two, language="en", is_counter=True) for one, two in counters]
    return Topic(name=name, title=name, seeds=tuple(made), **changes)


def vectors_of(topics: Sequence[Topic], examples: Sequence[Example] = ()) -> Mapping[int, EmbeddingVector]:
    samples = [*(seed for each in topics for seed in each.seeds), *examples]
    return {semantic.text_key(each): embed([excerpt(each.title, each.text)])[0] for each in samples}


def built(*topics: Topic, examples: Sequence[Example] = (), **changes: Any) -> SemanticModel:
    values = {"vectors": vectors_of(topics, examples), "centres": centres(), "examples": examples, **changes}
    return semantic.build("fake/1", topics, **values)


def words(name: str = "ferry", score: float = 0.0, threshold: float = 0.2, factor: float = 1.0) -> Score:
    is_match = score >= threshold
    return Score(topic=name, score=score, threshold=threshold, is_match=is_match, factor=factor, model_version="words")


def best(
    found: SemanticModel, article: tuple[str, str], by_words: Sequence[Score] = (), language: str = "ru"
) -> dict[str, Score]:
    vector = embed([excerpt(*article)])[0]
    scores = found.improve(by_words or [words()], *article, language, vector, lambda texts: list(embed(texts)))
    return {each.topic: each for each in scores}


def test_an_article_in_another_language_matches_by_its_embedding() -> None:
    score = best(built(topic()), PAROM)["ferry"]
    assert score.is_match
    assert score.threshold >= EMBEDDING_THRESHOLD
    assert not best(built(topic()), RATES)["ferry"].is_match


def test_the_evidence_says_so_and_adds_up() -> None:
    score = best(built(topic()), PAROM)["ferry"]
    evidence = score.evidence
    assert [(each.term, each.weight) for each in evidence.terms] == [(SEMANTIC_TERM, score.score)]
    assert (evidence.seed, evidence.across) == ("0.txt", "en")
    assert evidence.seed_similarity == pytest.approx(score.score, abs=1e-5)
    assert evidence.sentence == "Пассажиры: берег, шторм, паром, спасли."


def test_without_centres_every_article_would_match() -> None:
    """Why the centres are taken off: raw, an unrelated article is nearer than any threshold would allow."""
    ferry, rates = embed([excerpt(*FERRY)])[0], embed([excerpt(*RATES)])[0]
    assert float(ferry @ rates) > 0.7
    assert best(built(topic()), RATES)["ferry"].score < 0.1


def test_in_the_language_of_a_seed_words_decide() -> None:
    assert best(built(topic()), FERRY, language="en")["ferry"].model_version == "words"


def test_dari_is_written_persian() -> None:
    seeds = (Seed(file="a.txt", title="x", text="y", language="fa"),)
    assert semantic.seed_languages(Topic(name="t", title="", seeds=seeds)) == {"fa"}
    assert best(built(Topic(name="ferry", title="", seeds=seeds)), PAROM, language="prs")["ferry"] == words()


def test_the_score_with_the_larger_margin_wins() -> None:
    found = built(topic())
    assert best(found, PAROM, [words(score=2.0)])["ferry"].model_version == "words"
    assert best(found, PAROM, [words(score=0.21)])["ferry"].evidence.across == "en"


def threshold(found: SemanticModel, language: str = "ru", factor: float = 1.0) -> float:
    return best(found, PAROM, [words(factor=factor)], language)["ferry"].threshold


@pytest.mark.parametrize("asked", ["precise", "balanced", "broad", "about 6 alerts a day", "precision at least 80 %"])
@pytest.mark.parametrize("factor", [0.6, 0.8, 1.0, 1.25, 2.0])
def test_what_a_sensitivity_comes_to_holds_in_every_language(asked: str, factor: float) -> None:
    """One factor for lexical and semantic scores, so that the margin over the balanced threshold is the same whatever is asked."""
    plain = best(built(topic()), PAROM)["ferry"]
    bent = best(built(topic(sensitivity=asked)), PAROM, [words(factor=factor)])["ferry"]
    assert bent.factor == factor
    assert bent.threshold == pytest.approx((plain.threshold + SHARE_OFFSET) * factor - SHARE_OFFSET)
    assert margin(bent.score, bent.threshold, bent.factor) == pytest.approx(margin(plain.score, plain.threshold))
    assert (bent.model_version == plain.model_version) is (asked == "balanced" and factor == 1.0)


def test_of_very_many_topics_the_factor_is_asked_for() -> None:
    """Those that did not match by words are not handed in; a topic that is followed no more matches nothing."""
    found, vector = built(topic(sensitivity="about 6 alerts a day")), embed([excerpt(*PAROM)])[0]

    def asked(factor: float | None) -> tuple[Score, ...]:
        return found.improve([], *PAROM, "ru", vector, lambda texts: list(embed(texts)), factor_of=lambda name: factor)

    (score,) = asked(0.6)
    assert (score.is_match, score.factor) == (True, 0.6)
    assert asked(9.0) == asked(None) == ()


def test_a_low_factor_raises_alerts_but_not_self_training() -> None:
    score = Score(topic="t", score=0.3, threshold=0.2, is_match=True, factor=0.6, model_version="v")
    assert not semantic.is_confident(score)
    assert semantic.is_confident(replace(score, factor=1.25))


def test_settings_bend_the_threshold() -> None:
    assert threshold(built(topic(), threshold=0.5)) > threshold(built(topic()), factor=1.25) > threshold(built(topic()))


def test_the_first_articles_of_a_language_need_more() -> None:
    assert threshold(built(topic()), "fr") == pytest.approx(EMBEDDING_THRESHOLD * (1 + COLD_THRESHOLD_RISE))
    assert EMBEDDING_THRESHOLD < threshold(built(topic())) < threshold(built(topic()), "fr")


def test_a_topic_follows_its_subject_in_another_language() -> None:
    """A later article that shares nothing with the seed, but much with the first match."""
    found = built(topic())
    first = embed([excerpt(*PAROM)])[0]
    later = ("Снег и паром", "Школа берег капитан")
    followed = found.with_match("ferry", "ru", 1, first)
    assert best(followed, later)["ferry"].score > best(found, later)["ferry"].score
    assert best(followed, later)["ferry"].model_version != best(found, later)["ferry"].model_version
    assert followed.with_match("ferry", "ru", 1, first) is followed, "a copy trains nothing"
    assert followed.with_match("ferry", "en", 2, first) is followed, "nor does a language of its seeds"
    assert followed.with_match("other", "ru", 2, first) is followed
    assert best(followed, later, language="fr")["ferry"].score == best(found, later, language="fr")["ferry"].score


def test_nothing_is_learned_in_a_language_that_is_new() -> None:
    found = built(topic())
    assert found.with_match("ferry", "fr", 1, embed([excerpt(*PAROM)])[0]) is found


def test_matches_never_outweigh_the_seeds() -> None:
    found = built(topic())
    away = embed([excerpt(*RATES)])[0]
    for number in range(100):
        found = found.with_match("ferry", "ru", number, away)
    assert best(found, PAROM)["ferry"].score > 0.6 * best(built(topic()), PAROM)["ferry"].score
    [model] = found._topic_models
    assert len(model.matches["ru"]) == EMBEDDING_SELF_TRAINING_KEPT


def test_a_counter_seed_pushes() -> None:
    pushed = topic(counters=(("Rescue of passengers", "Captain, coast, storm"),))
    assert best(built(pushed), PAROM)["ferry"].score < best(built(topic()), PAROM)["ferry"].score


def test_verdicts_on_foreign_articles_change_scores() -> None:
    dismissed = Example(topic="ferry", title=PAROM[0], text=PAROM[1], language="ru", is_relevant=False)
    before, after = built(topic()), built(topic(), examples=[dismissed])
    assert best(after, PAROM)["ferry"].score < best(before, PAROM)["ferry"].score
    assert best(after, PAROM)["ferry"].model_version != best(before, PAROM)["ferry"].model_version


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"excluded": ("капитан",)}, Reason.EXCLUDED),
        ({"required": ("ferry",)}, Reason.NOT_REQUIRED),
        ({"languages": ("en", "fr")}, Reason.OTHER_LANGUAGE),
    ],
)
def test_the_rules_of_topic_toml_hold_across_languages(rule: dict[str, Any], reason: Reason) -> None:
    score = best(built(topic(**rule)), PAROM)["ferry"]
    assert (score.is_match, score.blocked) == (False, reason)


def test_topics_keep_their_order_and_unscored_ones_appear_where_they_match() -> None:
    topics = [topic("a", (("Goal", "football match"),)), topic("b"), topic("c", (("Snow", "school"),))]
    found = built(*topics)
    assert list(best(found, PAROM, [words("a"), words("b"), words("c")])) == ["a", "b", "c"]
    assert list(best(found, PAROM, [words("c")])) == ["c", "b"]


def test_a_topic_of_counter_seeds_only_is_left_to_words() -> None:
    only = Topic(
        name="ferry", title="", seeds=(Seed(file="n", title="x", text="ferry", language="en", is_counter=True),)
    )
    found = built(only)
    assert best(found, PAROM)["ferry"].model_version == "words"
    assert not found.wants("ru", 7)


def test_a_topic_without_vectors_and_a_disabled_one_are_left_to_words() -> None:
    assert best(built(topic(), vectors={}), PAROM)["ferry"].model_version == "words"
    assert best(built(topic(is_enabled=False)), PAROM)["ferry"].model_version == "words"


def test_a_vector_of_another_embedder_is_never_compared() -> None:
    longer = np.ones(DIM + 1, np.float32)
    assert built(topic()).improve([words()], *PAROM, "ru", longer, embed) == (words(),)


def test_an_embedder_we_do_not_know_warms_up_first() -> None:
    few = LanguageCentres({"en": list(embed(ENGLISH)), "ru": list(embed(RUSSIAN))})
    assert not few.is_known
    assert best(built(topic(), centres=few), PAROM)["ferry"].model_version == "words"
    assert centres().is_known
    assert LanguageCentres({}, {"": embed(["x"])[0], "ru": embed(["снег"])[0]}).is_known


def test_a_miss_has_evidence_only_for_those_who_explain_it() -> None:
    found = built(topic(), threshold=0.99)
    asked = ([words()], *PAROM, "ru", embed([excerpt(*PAROM)])[0], lambda texts: list(embed(texts)))
    (plain,), (explained,) = found.improve(*asked), found.improve(*asked, with_misses=True)
    assert not plain.is_match
    assert not explained.is_match
    assert plain.evidence.terms == ()
    assert (explained.evidence.terms[0].weight, explained.evidence.across) == (explained.score, "en")


def test_where_sentences_cannot_be_embedded_the_title_stands_in() -> None:
    vector = embed([excerpt(*PAROM)])[0]
    scores = built(topic()).improve([words()], *PAROM, "ru", vector, lambda texts: [None] * len(texts))
    assert scores[0].evidence.sentence == PAROM[0]


def test_only_what_can_matter_is_embedded() -> None:
    found = built(topic())
    assert found.wants("ru", 7)
    assert found.wants("und", 7)
    assert found.wants("en", 7), "for the centre of its seeds' language, until there are plenty"
    plenty = LanguageCentres({"en": list(embed(ENGLISH * 40)), "ru": list(embed(RUSSIAN))})
    assert not built(topic(), centres=plenty).wants("en", 7)
    assert built(topic(), centres=plenty).wants("en", 10)
    alone = LanguageCentres({"en": list(embed(ENGLISH * 40))})
    assert not built(topic(), centres=alone).wants("en", 10), "no other language has ever come"


def test_an_empty_article_says_nothing() -> None:
    assert excerpt("", "") == ""
    assert isinstance(key(""), int)
