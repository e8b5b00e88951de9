"""Lint where articles are compared by meaning: what it says of a topic is true of how the topic is scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor.matching import embedding_space
from monitor.matching.background import Background
from monitor.matching.embedders import excerpt, key
from monitor.matching.semantic_topic import texts_of
from monitor.topics.lint import MIN_ARCHIVE, LintReport, lint
from monitor.topics.lint_scores import KnownEmbeddings
from monitor.topics.worst import Said, Severity, worst
from monitor.types.matching import Seed, Topic
from tests.fakes.embedder import DIM, embed

ENGLISH = ("election budget parliament", "goal match football", "bank market price", "snow school court")
RUSSIAN = ("выборы бюджет парламент", "гол матч футбол", "банк рынок цена", "снег школа суд")
SPACE = embedding_space.learned({"en": list(embed(ENGLISH * 5)), "ru": list(embed(RUSSIAN * 5))}, DIM)
SENTENCE = "A ferry sank: passengers, captain, rescue on the coast."
PAROM = ("Паром затонул", "Капитан звал. Пассажиры: берег, шторм, паром, спасли.")
QUIET = tuple((f"Banks {at}", f"The bank has a new price at the market {at}.", "en") for at in range(MIN_ARCHIVE))
ARCHIVE = (*QUIET, (*PAROM, "ru"))


def ferry(
    name: str = "ferry", *seeds: tuple[str, str], title: str = "Ferry accidents", description: str = SENTENCE
) -> Topic:
    made = tuple(Seed(file=f"{at}.txt", title="", text=text, language=at) for at, text in seeds)
    return Topic(name=name, title=title, description=description, seeds=made)


def look(*topics: Topic, by_meaning: bool, archive: Sequence[tuple[str, str, str]] = ()) -> LintReport:
    texts = [text for each in topics for text, _ in texts_of(each).values()]
    texts += [excerpt(title, text) for title, text, _ in archive]
    vectors = {key(each): embed([each])[0] for each in texts}
    known = KnownEmbeddings("fake/1", SPACE, vectors) if by_meaning else None
    return lint(
        topics,
        root=Path("seeds"),
        background=Background.shipped(),
        archive=archive,
        embeddings=known,
        has_embedder=by_meaning,
    )


def kinds(report: LintReport) -> set[str]:
    return {each.kind for each in report.findings}


def test_a_topic_that_matches_in_another_language_is_not_called_unheard() -> None:
    assert "unheard" in kinds(look(ferry(), by_meaning=False, archive=ARCHIVE))
    assert "unheard" not in kinds(look(ferry(), by_meaning=True, archive=ARCHIVE))
    assert "unheard" in kinds(look(ferry(), by_meaning=True, archive=QUIET))


def test_seeds_that_only_their_words_divide_are_found_by_the_sentence() -> None:
    seeds = (
        ("en", "The ferry sank, passengers were brought to the coast."),
        ("en", "Storm: a captain calls for rescue."),
    )
    topic = ferry("ferry", *[(language, text) for language, text in seeds])
    assert "unlike" in kinds(look(topic, by_meaning=False))
    found = look(topic, by_meaning=True)
    assert "unlike" not in kinds(found)
    assert (found.recall["ferry"].found, found.recall["ferry"].of) == (2, 2)


def test_two_topics_that_mean_the_same_overlap_whatever_their_words() -> None:
    english = ferry("ferry", ("en", "The ferry sank, passengers were brought to the coast."))
    russian = ferry("parom", ("ru", "Паром затонул, шторм: капитан, пассажиры, берег, спасли."), description=PAROM[1])
    assert "overlap" not in kinds(look(english, russian, by_meaning=False))
    assert "overlap" in kinds(look(english, russian, by_meaning=True))


def test_few_words_of_a_topic_with_a_sentence_are_no_fault_where_meaning_is_compared() -> None:
    topic = ferry("ferry", ("en", "The ferry sank."))
    assert "too short" in kinds(look(topic, by_meaning=False))
    assert "too short" not in kinds(look(topic, by_meaning=True))
    assert "too short" in kinds(look(ferry("ferry", ("en", "The ferry sank."), description=""), by_meaning=True))


def test_a_seed_that_contradicts_the_sentence_is_said_before_few_words() -> None:
    said = [
        Said(severity=Severity.WARNING, topic="a", kind=each, text=each)
        for each in ("duplicate", "too short", "contradicted sentence")
    ]
    (found,) = worst(said)
    assert [line for _, line in found.lines] == ["contradicted sentence", "too short", "duplicate"]


def test_a_title_that_says_nothing_of_the_sentence_is_named() -> None:
    assert "title apart" not in kinds(look(ferry(), by_meaning=True))
    found = look(ferry(title="Budget of the parliament"), by_meaning=True)
    assert "title apart" in kinds(found)
    assert "short title" not in kinds(look(ferry(title="Parliament"), by_meaning=True)), "it is not compared by itself"
    assert "title apart" not in kinds(look(ferry(title="Budget of the parliament"), by_meaning=False))


def test_very_many_topics_are_compared_by_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.topics.lint_scores.MOST_EMBEDDED", 0)
    assert "unheard" in kinds(look(ferry(), by_meaning=True, archive=ARCHIVE))
